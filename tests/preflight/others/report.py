"""What preflight says of each folder of a set, beside what sentence-transformers measured.

``python -m tests.preflight.others.report`` prints every entry and a summary; ``--set frozen`` for the other set,
``--broken``, ``--intact`` or NAME... for some, ``--json FILE`` keeps the findings, ``--missed`` prints what was missed,
``--markdown`` ends with the tables of docs/preflight.md (``--kept FILE``: of findings kept before).
The exit status is 1 where under nine in ten are named, an intact folder is called broken, or preflight itself fails.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.preflight.others.kit import Entry
from tests.preflight.others.measure import apart, book, matters, truth_file
from tests.preflight.others.tables import tables

ENOUGH = 0.9  # share of the faults that matter which have to be named


def findings(entry: Entry) -> list[dict[str, str]]:
    """Preflight's findings of the folder; a crash counts as one finding of the code 'crashed'."""
    from evaluators.preflight import preflight

    with tempfile.TemporaryDirectory() as place:
        folder = entry.build(Path(place) / "model")
        try:
            return [_said(finding, folder) for finding in preflight(str(folder))]
        except Exception as error:
            return [{"code": "crashed", "severity": "crash", "message": f"{type(error).__name__}: {error}"}]


def _said(finding: Any, folder: Path) -> dict[str, str]:
    """A finding as text: what it saw is compared and searched, why it matters only printed."""

    def plain(text: Any) -> str:
        return str(text).replace(str(folder), "FOLDER")

    return {
        "code": str(finding.code),
        "severity": str(getattr(finding.severity, "value", finding.severity)),
        "tier": str(finding.tier),
        "message": plain(getattr(finding, "seen", None) or finding.message),
        "why": plain(getattr(finding, "why", "")),
        "evidence": plain(getattr(finding, "evidence", "")),
    }


def new(found: list[dict[str, str]], intact: list[dict[str, str]]) -> list[dict[str, str]]:
    """The findings that the intact folder of the same base does not give."""
    known = {(f["code"], f["message"]) for f in intact}
    return [f for f in found if (f["code"], f["message"]) not in known]


def named(entry: Entry, said: list[dict[str, str]]) -> bool:
    """Whether one of the findings speaks of the fault: by one of the words it is about."""
    return naming(entry, said) is not None


def naming(entry: Entry, said: list[dict[str, str]]) -> dict[str, str] | None:
    """The first finding that speaks of the fault."""

    def about(f: dict[str, str]) -> bool:
        text = f"{f['code']} {f['message']} {f.get('evidence')}".lower()
        return f["severity"] != "crash" and any(word.lower() in text for word in entry.about)

    return next(filter(about, said), None)


def judge(entry: Entry, said: list[dict[str, str]], truth: dict[str, Any]) -> str:
    """One word on the entry: NAMED, unrelated, MISSED, harmless, quiet, fine or FALSE ALARM."""
    if any(f["severity"] == "crash" for f in said):
        return "CRASHED"
    if entry.kind == "intact":
        return "FALSE ALARM" if any(f["severity"] == "fatal" for f in said) else "fine"
    if not matters(truth):
        return "harmless, said" if said else "harmless, quiet"
    if not said:
        return "MISSED"
    return "NAMED" if named(entry, said) else "UNRELATED"


def known_truth(truth: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """What was measured; an entry not measured yet counts as one that matters."""
    given = truth.get(entry.name, {"changes": "not measured yet"})
    assert isinstance(given, dict)
    return given


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--set", default="development")
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--intact", action="store_true")
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--kept", type=Path)
    given = parser.parse_args(None if arguments is None else list(arguments))
    if given.kept:
        print(tables(json.loads(given.kept.read_text())))
        return 0
    import sentence_transformers  # noqa: F401 - loaded once, before the children are made
    import transformers

    import evaluators.preflight  # noqa: F401

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    truth = json.loads(truth_file(given.set).read_text())
    bases: dict[str, list[dict[str, str]]] = {}
    kept: dict[str, Any] = {}
    counts: dict[str, list[str]] = {}
    for entry in book(given.set):
        if (
            (given.names and entry.name not in given.names)
            or (given.broken or given.intact)
            and not getattr(given, entry.kind)
        ):
            continue
        if entry.kind == "broken" and entry.base not in bases:
            base = Entry(f"base {entry.base}", entry.base, "", "intact", lambda folder: None)
            answer = apart(lambda base=base: findings(base))
            bases[entry.base] = answer if isinstance(answer, list) else []
        start = time.monotonic()
        answer = apart(lambda entry=entry: findings(entry))
        seconds = time.monotonic() - start
        if isinstance(answer, dict):
            answer = [{"code": "died", "severity": "crash", "message": answer["died"]}]
        said = new(answer, bases[entry.base]) if entry.kind == "broken" else answer
        word = judge(entry, said, known_truth(truth, entry))
        if word in ("MISSED", "UNRELATED") and entry.evidence == "none":
            word += " (nothing in the folder shows it)"
        counts.setdefault(word, []).append(entry.name)
        kept[entry.name] = {
            "kind": entry.kind,
            "base": entry.base,
            "evidence": entry.evidence,
            "verdict": word,
            "tier": (naming(entry, said) or {}).get("tier"),
            "truth": known_truth(truth, entry),
            "findings": said,
            "seconds": round(seconds, 2),
        }
        if given.missed and word.split(" (")[0] not in ("MISSED", "UNRELATED", "FALSE ALARM", "CRASHED"):
            continue
        print(
            f"\n{word:<12} [{entry.kind}, {entry.base}] {entry.name} ({seconds:.1f} s)\n    done: {entry.what}",
            flush=True,
        )
        if entry.kind == "broken":
            print(f"    seen in: {entry.evidence}")
        print(f"    truth: { ({k: v for k, v in known_truth(truth, entry).items() if k not in ('kind', 'base')}) }")
        for f in said:
            print(f"    {f['severity']} {f['code']}: {f['message'][:300]}")
    print("\n" + "\n".join(f"{len(names):4d} {word}" for word, names in sorted(counts.items())))
    asked = [e for e in kept.values() if e["verdict"].split(" ")[0] in ("NAMED", "MISSED", "UNRELATED")]
    real = [e["verdict"] for e in asked]
    shown = [e["verdict"] for e in asked if e["evidence"] != "none"]
    share = sum(w == "NAMED" for w in real) / len(real) if real else 1.0
    for of, those in (("faults that matter", real), ("them that something in the folder shows", shown)):
        if those:
            print(f"named: {sum(w == 'NAMED' for w in those) / len(those):.1%} of {len(those)} {of}")
    if given.json:
        given.json.write_text(json.dumps(kept, indent=1, ensure_ascii=False))
    if given.markdown:
        print("\n" + tables(kept))
    return int(share < ENOUGH or "FALSE ALARM" in counts or "CRASHED" in counts)


if __name__ == "__main__":
    raise SystemExit(main())
