"""The tables of docs/preflight.md on a set: by the shape of the folder, and by the tier that names the fault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["documented", "folders_by_shape", "tables"]

SHAPES = {
    "minilm": "all-MiniLM-L6-v2",
    "minilm-fast": "the same, all of its tokenizer.json in use",
    "bert": "BERT, CLS",
    "dense": "BERT, mean, a Dense",
    "xlmr": "XLM-R, mean",
    "e5": "XLM-R, prompts",
    "roberta": "RoBERTa, byte-level BPE",
    "mpnet": "MPNet",
    "t5": "T5's encoder",
    "modernbert": "ModernBERT",
    "qwen3": "Qwen3, last token",
    "distilbert": "DistilBERT",
    "albert": "ALBERT",
    "electra": "ELECTRA",
    "deberta": "DeBERTa-v2",
    "llama": "Llama",
    "gpt2": "GPT-2",
    "cased": "BERT, a cased vocabulary",
    "labse": "XLM-R, two Dense, Normalize",
    "tasks": "MPNet, a prompt for each task",
    "nested": "RoBERTa in 0_Transformer",
    "router": "a router: words and a transformer",
    "static": "static word vectors",
    "nothing": "of another kind (an adapter, a graph, word vectors)",
}
HEADER = "| shape | faults | named | share | evident | named | share | intact | fatal | serious |"
TIERS = ("files", "code", "pipeline", "weights", "tokenizer", "configuration")


def folders_by_shape(entries: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """How many broken and how many intact folders there are of each base, of pairs (kind, base)."""
    counts: dict[str, list[int]] = {}
    for kind, base in entries:
        counts.setdefault(base, [0, 0])[kind == "intact"] += 1
    return {base: (broken, intact) for base, (broken, intact) in sorted(counts.items(), key=_largest)}


def _largest(item: tuple[str, list[int]]) -> tuple[int, str]:
    return -sum(item[1]), item[0]


def tables(kept: dict[str, Any]) -> str:
    """Both tables as Markdown, of what the report keeps of each entry."""
    return f"{_by_shape(kept)}\n\n{_by_tier(kept)}"


def _by_shape(kept: dict[str, Any]) -> str:
    bases = folders_by_shape((entry["kind"], entry["base"]) for entry in kept.values())
    rows = [_row(SHAPES.get(base, base), [e for e in kept.values() if e["base"] == base]) for base in bases]
    return "\n".join([HEADER, "|---|" + "---:|" * 9, *rows, _row("all", list(kept.values()))])


def _row(name: str, entries: list[dict[str, Any]]) -> str:
    asked = [e for e in entries if e["kind"] == "broken" and not e["verdict"].startswith("harmless")]
    evident = [e for e in asked if e["evidence"] != "none"]
    intact = [e for e in entries if e["kind"] == "intact"]
    severities = [{finding["severity"] for finding in e["findings"]} for e in intact]
    fatal = sum(bool(found & {"fatal", "crash"}) for found in severities)
    serious = sum("serious" in found and not found & {"fatal", "crash"} for found in severities)
    cells = [*_share(asked), *_share(evident), *([len(intact), fatal, serious] if intact else ["", "", ""])]
    return f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |"


def _share(asked: list[dict[str, Any]]) -> list[str]:
    if not asked:
        return ["", "", ""]
    named = sum(e["verdict"] == "NAMED" for e in asked)
    return [str(len(asked)), str(named), f"{named / len(asked):.0%}"]


def _by_tier(kept: dict[str, Any]) -> str:
    counts = dict.fromkeys(TIERS, 0)
    for entry in kept.values():
        if entry["verdict"] == "NAMED":
            counts[entry["tier"]] += 1
    said = [f"| {tier} | {count} |" for tier, count in counts.items()]
    verdicts = [e["verdict"].split(" (")[0] for e in kept.values() if e["kind"] == "broken"]
    said.append(f"| something else is said | {verdicts.count('UNRELATED')} |")
    said.append(f"| nothing is said | {verdicts.count('MISSED')} |")
    return "\n".join(["| named in the tier | faults |", "|---|---:|", *said])


def documented(page: str, title: str) -> dict[str, tuple[int, int]]:
    """Broken (those that matter) and intact folders by shape, as the table under this line of the page says."""
    names = {shape: base for base, shape in SHAPES.items()}
    lines = page.split(title, 1)[1].split(HEADER, 1)[1].strip().splitlines()[1:]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[: _length(lines)]]
    return {names.get(row[0], row[0]): (int(row[1] or 0), int(row[7] or 0)) for row in rows}


def _length(lines: list[str]) -> int:
    return next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))
