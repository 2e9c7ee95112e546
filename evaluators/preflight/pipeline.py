"""Tier 3, pipeline: the modules in the order they run, what each takes and gives, and what the library would refuse.

Nothing is loaded: widths and tensors come from settings and headers. Modules that the table of the library's modules
does not describe in full are handed to sentence-transformers itself, which then says in its own words what it refuses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from data.store.vocabulary import Severity
from evaluators.model_files.listing import is_inside
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding, at_least
from evaluators.preflight.library_modules import LIBRARY, READERS, SENTENCE, TOKENS, kind_of
from evaluators.preflight.module_settings import check_settings
from evaluators.preflight.module_tensors import check_layers
from evaluators.preflight.other_kinds import check_words
from evaluators.preflight.router import check_router, is_module
from evaluators.preflight.steps import Step, distinct_steps, routes
from evaluators.preflight.target import Target
from evaluators.preflight.widths import check_widths, output_width

__all__ = ["check"]

_MODULE_FILE = re.compile(r"\d+_[A-Z]\w*/(config\.json|model\.safetensors|pytorch_model\.bin)")
# What each family of models has to give in the end; by the model_type of config_sentence_transformers.json.
_GIVES = {"MultiVectorEncoder": TOKENS, "CrossEncoder": "scores"}
_FAMILIES = {"SentenceTransformer", *_GIVES, "SparseEncoder"}
_CHANGES_THE_VECTOR = {"Dense", "LayerNorm"}


def check(target: Target) -> Iterator[Finding]:
    """Entries of modules.json, settings, order, widths and tensors of the modules."""
    if not target.modules:
        if target.json("modules.json") == []:
            yield finding("pipeline-empty", "modules.json lists no module")
        return
    faults = list(_entries(target))
    yield from faults
    if at_least(faults, Severity.FATAL):
        return
    yield from _family(target)
    yield from check_router(target)
    yield from _unlisted(target)
    for step in distinct_steps(target):
        yield from check_settings(target, step)
        yield from check_layers(target, step)
        if step.kind == "StaticEmbedding" and kind_of(target.modules[0]["type"]) != step.kind:
            yield from check_words(target, step.path)  # of the only reader the files' tier says it
    known = routes(target)
    for route, steps in known:
        yield from _order(target, route, steps)
        yield from check_widths(target, steps)
    widths = {route: output_width(target, steps) for route, steps in known}
    if len(set(widths.values()) - {None}) > 1:
        seen = "The routes give vectors of " + ", ".join(f"{route} {width}" for route, width in widths.items())
        yield finding("routes-differ", seen, widths)


def _entries(target: Target) -> Iterator[Finding]:
    """Each entry of modules.json by itself, and the entries beside one another."""
    for entry in target.modules:
        if lost := [key for key in ("type", "path", "name") if not isinstance(entry.get(key), str)]:
            seen = f"An entry of modules.json has no {' and no '.join(lost)}: {str(entry)[:120]}"
            yield finding("module-undeclared", seen)
        elif not is_inside(entry["path"]):
            yield finding("module-outside", f"modules.json looks for a module in {entry['path']!r}")
        elif entry["type"].startswith(LIBRARY) and not is_module(entry["type"]):
            yield finding("module-unknown", f"modules.json names {entry['type']}, which sentence-transformers has not")
    counted = Counter(entry.get("name") for entry in target.modules)
    if twice := [str(name) for name, times in counted.items() if times > 1]:
        yield finding("module-name-twice", f"modules.json gives the name {twice[0]!r} to more than one module")
    order = [entry["idx"] for entry in target.modules if isinstance(entry.get("idx"), int)]
    if order != sorted(order):
        seen = f"modules.json lists its modules in the order {order} of their idx"
        yield finding("modules-order", seen, {"idx": order, "types": [entry.get("type") for entry in target.modules]})


def _unlisted(target: Target) -> Iterator[Finding]:
    """A module's folder that modules.json does not name."""
    listed = {str(entry.get("path")) for entry in target.modules}
    beside = {name.partition("/")[0] for name in target.files if _MODULE_FILE.fullmatch(name)} - listed
    if beside:
        # 2_Dense_1024 beside a listed 2_Dense is a step of the same place for another width: a choice, not a loss.
        lost = {name for name in beside if name.partition("_")[0] not in {path.partition("_")[0] for path in listed}}
        seen = f"The folder {min(lost or beside)} is there, and modules.json does not name it"
        evidence = {"folders": sorted(beside), "modules.json": sorted(listed)}
        yield finding("module-unlisted", seen, evidence, None if lost else Severity.NOTICE)


def _family(target: Target) -> Iterator[Finding]:
    """The family that config_sentence_transformers.json names against the modules."""
    family = target.object("config_sentence_transformers.json").get("model_type")
    kinds = {kind_of(str(entry["type"])) for entry in target.modules}
    pooled = "Pooling" in kinds and family in ("CrossEncoder", "SparseEncoder", "MultiVectorEncoder")
    if family is not None and (str(family) not in _FAMILIES or (pooled and "SpladePooling" not in kinds)):
        seen = f"config_sentence_transformers.json says model_type {family!r}, the modules are"
        evidence = {"model_type": family, "modules": sorted(kinds)}
        yield finding("family-differs", f"{seen} {', '.join(sorted(kinds))}", evidence)


def _order(target: Target, route: str, steps: list[Step]) -> Iterator[Finding]:
    """Whether each module finds what it reads, and the vector is there and normalised in the end."""
    place = f" of the route {route!r}" if route else ""
    if not steps or any(step.module is None for step in steps):
        return  # a class of another library, which may do anything
    if steps[0].kind not in READERS:
        yield finding("pipeline-starts", f"The first module{place} is {steps[0]}, which reads no text")
        return
    written = {steps[0].writes}
    for before, step in zip(steps, steps[1:], strict=False):
        if step.kind in READERS:
            yield finding("module-out-of-place", f"{step} comes after {before}{place} and reads the text anew")
        elif step.reads not in written:
            code = "normalize-idle" if step.kind == "Normalize" else "module-input-missing"
            given = ", ".join(sorted(written))
            yield finding(code, f"{step} reads {step.reads}{place}, and the modules before it give {given}")
            continue
        written.add(step.writes)
    yield from _repeated(steps)
    yield from _normalised(steps)
    wanted = _GIVES.get(str(target.object("config_sentence_transformers.json").get("model_type")), SENTENCE)
    if wanted not in written:
        lost = "There is no Pooling: the" if wanted == SENTENCE and TOKENS in written else "The"
        seen = f"{lost} modules{place} give {', '.join(sorted(written))}"
        yield finding("pipeline-gives-none", seen, wanted=wanted)


def _repeated(steps: list[Step]) -> Iterator[Finding]:
    poolings = [step for step in steps if step.kind == "Pooling"]
    if len(poolings) > 1:
        yield finding("pooling-twice", f"{' and '.join(map(str, poolings))} both pool the tokens")
    counted = Counter((step.kind, step.path) for step in steps if step.module and step.module.weighted)
    for (kind, path), times in counted.items():
        if times > 1:
            yield finding("module-repeated", f"{kind} in {path} is applied {times} times")


def _normalised(steps: list[Step]) -> Iterator[Finding]:
    """Normalisation that a later module undoes, or that another repeats."""
    places = [at for at, step in enumerate(steps) if step.kind == "Normalize" and step.reads == SENTENCE]
    if not places:
        return
    changing = [step for step in steps if step.kind in _CHANGES_THE_VECTOR]
    undone = [step for step in steps[places[-1] + 1 :] if step in changing and step.writes == SENTENCE]
    if undone:
        yield finding("normalize-early", f"{undone[-1]} comes after Normalize")
    if len(places) > 1 and not any(step in changing for step in steps[places[0] : places[-1]]):
        yield finding("normalize-twice", f"modules.json normalises {len(places)} times")
