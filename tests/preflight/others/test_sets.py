"""Each set goes with what was measured of it; ``tests.preflight.others.report`` says what preflight makes of it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.preflight.others import report
from tests.preflight.others.kit import Entry
from tests.preflight.others.measure import HERE, book, matters, truth_file
from tests.preflight.others.tables import documented, folders_by_shape, tables

SETS = [name for name in ("development", "frozen") if (HERE / f"{name}.py").is_file()]


@pytest.mark.parametrize("name", SETS)
def test_every_folder_was_measured(name: str) -> None:
    truth = json.loads(truth_file(name).read_text(encoding="utf-8"))
    assert {e.name: (e.kind, e.base) for e in book(name)} == {n: (t["kind"], t["base"]) for n, t in truth.items()}
    assert not [n for n, t in truth.items() if t["changes"] in ("NOT BUILT", "died")]


@pytest.mark.parametrize("name", SETS)
def test_an_intact_folder_is_loaded_by_sentence_transformers_or_said_to_be_none_of_its(name: str) -> None:
    truth = json.loads(truth_file(name).read_text(encoding="utf-8"))
    fails = {"load fails", "encode fails", "not finite", "zero vectors"}
    assert not [e.name for e in book(name) if e.kind == "intact" and truth[e.name]["changes"] in fails]


@pytest.mark.parametrize("name", SETS)
def test_a_fault_says_where_it_is_seen_and_what_names_it(name: str) -> None:
    assert not [e.name for e in book(name) if e.kind == "broken" and not (e.evidence and all(e.about))]


@pytest.mark.parametrize("name", SETS)
def test_most_faults_matter(name: str) -> None:
    truth = json.loads(truth_file(name).read_text(encoding="utf-8"))
    of = [matters(truth[e.name]) for e in book(name) if e.kind == "broken"]
    assert sum(of) >= 0.9 * len(of)


TITLES = {"development": "**The development set.**", "frozen": "**The set kept back.**"}


@pytest.mark.parametrize("name", SETS)
def test_the_documented_table_is_of_the_whole_set(name: str) -> None:
    truth = json.loads(truth_file(name).read_text(encoding="utf-8"))
    told = documented(Path("docs/preflight.md").read_text(encoding="utf-8"), TITLES[name])
    asked = [(e.kind, e.base) for e in book(name) if e.kind == "intact" or matters(truth[e.name])]
    held = folders_by_shape(asked)
    total = told.pop("all")
    assert told == held
    assert total == tuple(map(sum, zip(*held.values(), strict=True)))


# Of the shapes that are quickly made, one evident fault each, and of each set one intact folder.
_SHAPES = ("bert", "qwen3", "t5", "roberta")


def _evident(shape: str) -> Entry:
    truth = json.loads(truth_file("development").read_text(encoding="utf-8"))
    faults = [e for e in book("development") if (e.kind, e.base) == ("broken", shape) and e.evidence != "none"]
    return random.Random(7).choice([e for e in faults if matters(truth[e.name])])


@pytest.mark.parametrize("shape", _SHAPES)
def test_a_fault_is_named(shape: str) -> None:
    entry, base = _evident(shape), Entry("", shape, "", "intact", lambda folder: None)
    said = report.new(report.findings(entry), report.findings(base))
    assert report.judge(entry, said, {"changes": "load fails"}) == "NAMED", (entry.name, said)


@pytest.mark.parametrize(("name", "shape"), [("development", "bert"), ("frozen", "static")])
def test_an_intact_folder_raises_no_alarm(name: str, shape: str) -> None:
    entry = random.Random(7).choice([e for e in book(name) if (e.kind, e.base) == ("intact", shape)])
    assert report.judge(entry, report.findings(entry), {}) == "fine"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SETS)
def test_of_the_whole_set_as_many_are_named_as_is_documented(name: str, tmp_path: Path) -> None:
    """In a process of its own: it makes children, and none may be made after torch's threads."""
    asked = ["--set", name, "--json", str(tmp_path / "kept.json")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.preflight.others.report", *asked], capture_output=True, text=True, check=False
    )
    assert (tmp_path / "kept.json").exists(), done.stderr[-2000:]
    verdicts = [entry["verdict"] for entry in json.loads((tmp_path / "kept.json").read_text()).values()]
    page = Path("docs/preflight.md").read_text(encoding="utf-8").split(TITLES[name], 1)[1]
    row = next(line for line in page.splitlines() if line.startswith("| all |")).split("|")
    assert verdicts.count("NAMED") >= int(row[3])
    assert verdicts.count("FALSE ALARM") <= int(row[9]) and "CRASHED" not in verdicts


def test_the_tables_count_what_is_kept() -> None:
    fault = {
        "kind": "broken",
        "base": "bert",
        "evidence": "seen",
        "verdict": "NAMED",
        "tier": "weights",
        "findings": [],
    }
    unseen = {**fault, "evidence": "none", "verdict": "MISSED (nothing in the folder shows it)", "tier": None}
    harmless = {**fault, "verdict": "harmless, quiet"}
    sound = {**fault, "kind": "intact", "verdict": "FALSE ALARM", "findings": [{"severity": "fatal"}]}
    odd = {**sound, "verdict": "fine", "findings": [{"severity": "serious"}, {"severity": "notice"}]}
    text = tables({"a": fault, "b": unseen, "c": harmless, "d": sound, "e": odd})
    assert "| BERT, CLS | 2 | 1 | 50% | 1 | 1 | 100% | 2 | 1 | 1 |" in text
    assert "| all | 2 | 1 | 50% | 1 | 1 | 100% | 2 | 1 | 1 |" in text
    assert "| weights | 1 |" in text and "| nothing is said | 1 |" in text


def test_the_judgement(tmp_path: Path) -> None:
    fault = Entry("f", "bert", "", "broken", lambda folder: None, "seen", ("layer.3",))
    sound = Entry("s", "bert", "", "intact", lambda folder: None)
    about = {"code": "zeros", "severity": "fatal", "message": "encoder.layer.3.output is zero", "evidence": ""}
    other = {**about, "message": "no card", "severity": "note"}
    bad, none = {"changes": "load fails"}, {"changes": 1e-5}
    assert report.judge(fault, [about], bad) == "NAMED"
    assert report.judge(fault, [other], bad) == "UNRELATED"
    assert report.judge(fault, [], bad) == "MISSED"
    assert report.judge(fault, [], none) == "harmless, quiet"
    assert report.judge(sound, [other], none) == "fine"
    assert report.judge(sound, [about], none) == "FALSE ALARM"
    assert report.new([about, other], [other]) == [about]
