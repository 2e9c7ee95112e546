"""Causes whose blanks and changes depend on the reference: prompts, lengths, layers, files beside its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from data.rules.causes import CAUSES, Cause
from data.rules.causes.chat import CHAT_TEMPLATES
from data.rules.causes.habits import HABITS
from data.rules.causes.prompts import MODEL_PROMPTS
from data.rules.causes.tokens import PADDED_HOW
from evaluators.diagnose.ggml.files import GGUF_FILES
from evaluators.diagnose.reference import Reference
from evaluators.diagnose.tokenizers import normalizer_steps, rebuilt
from evaluators.diagnose.weights import OtherWeights, has_window, layers_of, missing_layers, other_weights, without
from evaluators.preflight.configuration import is_causal

__all__ = ["ROLES", "generated", "implementation", "known_prompts"]

ROLES = (None, "query", "document")
_LENGTHS = (32, 64, 96, 128, 192, 254, 256, 384, 512)


def generated(reference: Reference, width: int, wanted: int, roles: Collection[str | None] = ROLES) -> Iterator[Cause]:
    """All of them, for texts of roles, and vectors of ``width`` dimensions of which the candidate has ``wanted``."""
    yield from _prompts(reference)
    yield from _known_prompts(reference, roles)
    yield from _chat_templates()
    yield from _habits(reference)
    yield from _normalizer(reference)
    yield from _lengths(reference)
    yield from _layers(reference)
    yield from (_of_weights(reference, other) for other in other_weights(reference.target))
    yield from (CAUSES["gguf"].filled({"file": file}, weights=f"gguf {file}") for file in GGUF_FILES)
    yield _padding_in_the_mean(reference)
    yield from _without_window(reference)
    yield from _padded_otherwise(reference)
    if wanted < width:
        yield from _cuts(reference, wanted)


def _prompts(reference: Reference) -> Iterator[Cause]:
    own = dict(reference.recipe.prompts)
    if any(own.values()):
        yield _prompted("prompt-missing", {}, own)
    query, document = own.get("query", own.get(None, "")), own.get("document", own.get(None, ""))
    if query != document:
        yield _prompted("prompts-swapped", {"query": document, "document": query}, own)
        yield _prompted("prompt-on-every-text", {None: query}, own)


def _prompted(code: str, prompts: dict[str | None, str], own: dict[str | None, str]) -> Cause:
    chosen = tuple((role, prompt) for role, prompt in prompts.items() if prompt)
    values = {"prompts": "; ".join(f"{role}: {text!r}" for role, text in own.items())}
    return CAUSES[code].filled(values, changes={"prompts": chosen}, snippet=f"prompts = {dict(chosen)!r}")


def known_prompts() -> list[str]:
    """The prompts that are tried before all texts and before those of each role."""
    of_models = [prompt for one in MODEL_PROMPTS for prompt in (one.query, one.document) if prompt]
    declared = [prompt for cause in CAUSES.values() for _, prompt in cause.changes.get("prompts", ())]
    return list(dict.fromkeys([*of_models, *declared]))


def _known_prompts(reference: Reference, roles: Collection[str | None]) -> Iterator[Cause]:
    """Prompts of other models on all texts, on one role alone, and of both roles; the model's own in other ways."""
    own = dict(reference.recipe.prompts)
    how = "in the place of the model's own" if own else "added"
    declared = {prompt for cause in CAUSES.values() for _, prompt in cause.changes.get("prompts", ())}
    for prompt in known_prompts():
        values = {"prompt": prompt.replace("\n", "\\n"), "how": how}
        if prompt not in {*declared, *own.values()}:
            yield _put("prompt-known", values, {None: prompt})
        for code, role in (("prompt-on-queries", "query"), ("prompt-on-documents", "document")):
            if own.get(role, own.get(None, "")) != prompt:
                yield _put(code, values, {**own, role: prompt})
        for code, role in (("prompt-but-on-queries", "query"), ("prompt-but-on-documents", "document")):
            rest = {other: prompt for other in (*ROLES, *own) if other != role}
            if None in roles and role in roles:  # else it is one of those above
                yield _put(code, values, {**rest, role: own.get(role, own.get(None, ""))})
    for family, query, document in MODEL_PROMPTS:
        if query and document and query != document and own.get("query") != query:
            both = {**own, "query": query, "document": document}
            yield _put("prompts-of-a-family", {"model": family}, both)
            if None in roles:
                yield _put("prompts-of-a-family-by-default", {"model": family}, {**both, None: document})
    yield from _own_otherwise(own)


def _chat_templates() -> Iterator[Cause]:
    for name, (before, after, answer) in CHAT_TEMPLATES.items():
        for code, behind in {"chat-template-of": after + answer, "chat-turn-of": after}.items():
            if answer or code == "chat-template-of":
                snippet = f"texts = [{before!r} + text + {behind!r} for text in texts]"
                yield CAUSES[code].filled({"listed": name}, snippet=snippet)


def _own_otherwise(own: dict[str | None, str]) -> Iterator[Cause]:
    """The model's own prompts twice, with other white space, or on one role alone."""
    changed = {
        "prompt-doubled": {role: prompt * 2 for role, prompt in own.items()},
        "prompt-spaced": {role: f"{prompt} " for role, prompt in own.items()},
        "prompt-without-space": {role: prompt.rstrip() for role, prompt in own.items()},
        "prompt-queries-lost": {**own, "query": ""},
        "prompt-documents-lost": {**own, "document": ""},
    }
    for code, prompts in changed.items():
        lost = "query" if "queries" in code else "document" if "documents" in code else None
        both = own.get("query") and own.get("document")
        if prompts != own and (lost is None or both):
            yield _put(code, {}, prompts)


def _put(code: str, values: Mapping[str, object], prompts: dict[str | None, str]) -> Cause:
    changes = {"prompts": tuple(prompts.items())}
    return CAUSES[code].filled(values, changes=changes, snippet=f"prompts = {prompts!r}")


def _habits(reference: Reference) -> Iterator[Cause]:
    """Each habit of another WordPiece by itself."""
    if rebuilt(reference):
        yield from (implementation((habit,)) for habit in HABITS)


def _normalizer(reference: Reference) -> Iterator[Cause]:
    """Each step of the tokenizer's normalizer left out."""
    for number, step in enumerate(normalizer_steps(reference)):
        yield CAUSES["normalizer-step-lost"].filled({"step": step}, changes={"tokenizer": f"step-lost:{number}"})


def implementation(habits: Sequence[str]) -> Cause:
    """Another implementation of the tokenizer, by its habits."""
    names = sorted(habits, key=list(HABITS).index)
    values = {"habits": [HABITS[habit] for habit in names]}
    changes = {"tokenizer": f"habits:{'+'.join(names)}"}
    return CAUSES["tokenizer-implementation"].filled(values, changes=changes)


def _lengths(reference: Reference) -> Iterator[Cause]:
    room = reference.positions or reference.tokenizer.model_max_length
    declared = reference.recipe.length
    for length in sorted({*_LENGTHS, min(room, 8192)}):
        if length != declared and length <= room:
            values = {"length": length, "declared": declared}
            # Whatever the length, it is estimated from which texts differ; these need no more than a look.
            yield CAUSES["max-length"].filled(values, changes={"length": length}, by_look=True)


def _layers(reference: Reference) -> Iterator[Cause]:
    count = len(layers_of(reference.model) or ())
    for code, places in missing_layers(reference.model):
        yield CAUSES[code].filled({"layer": places[0], "layers": count}, weights=without(places))


# Lines of Python that bring other weights into ``model``, whatever the version of the library calls its parts.
_LOADED = """other = SentenceTransformer({source}, device='cpu', model_kwargs={{'use_safetensors': {safe}}})
model[0].load_state_dict(other[0].state_dict())"""


def _of_weights(reference: Reference, other: OtherWeights) -> Cause:
    safe, revision = other.file.suffix == ".safetensors", reference.target.revision
    if other.revision is None:
        source = f"{reference.name!r}, revision={revision!r}" if revision else repr(reference.name)
        snippet = _LOADED.format(source=source, safe=safe)
        return CAUSES["weights-of-file"].filled({"file": other.file.name}, weights=other.name, snippet=snippet)
    # A loader takes the first of a revision's files; what lies beside it is read by a loader of another opinion.
    values = {
        "file": other.file.name if other.ignored else "weights",
        "revision": other.revision.name[:12], "whole": other.revision.name, "own": revision,
    }  # fmt: skip
    cause = CAUSES["weights-of-revision"].filled(values, weights=other.name)
    beside = f" Make it read model.safetensors, not the {other.file.name} beside it." if other.ignored else ""
    snippet = _LOADED.format(source=_source(reference, other.revision), safe=safe)
    return cause.filled({}, remedy=cause.remedy + beside, snippet=snippet)


def _source(reference: Reference, other: Path) -> str:
    """Another revision as an argument of SentenceTransformer: by the model's name, or its folder where it has none."""
    by_folder = Path(reference.name).expanduser().is_dir()
    return repr(str(other)) if by_folder else f"{reference.name!r}, revision={other.name!r}"


def _padding_in_the_mean(reference: Reference) -> Cause:
    # What stands in padding on the left of a causal model is up to the kernel: there it is tried on the right.
    padding, family = ("pooled", "padding") if reference.recipe.pooling == "mean" else ("after", "pooling")
    return CAUSES["padding-in-the-mean"].filled({}, changes={"padding": padding, "pooling": "mean"}, family=family)


def _without_window(reference: Reference) -> Iterator[Cause]:
    """Layers that see no further than a window, without it."""
    window = getattr(reference.model.config, "sliding_window", None)
    if has_window(reference.model) and window:
        kind = "causal" if is_causal(reference.target.config) else "full"
        yield CAUSES["window-lost"].filled({}, changes={"attention": f"{kind} beyond {window + 1}"})


def _padded_otherwise(reference: Reference) -> Iterator[Cause]:
    """Padding that counts, in other batches than those that the candidate says it makes."""
    kinds = {"mask-ignored": "seen"}
    if reference.positions is not None:
        kinds["padding-left"] = "left"
    if reference.recipe.pooling == "last":
        kinds |= {"last-place-pooled": "after"}
    if reference.recipe.pooling == "mean":
        kinds |= {"mask-ignored-throughout": "both", "padding-in-the-mean": "pooled"}
    for code, padding in kinds.items():
        for padded, how in PADDED_HOW.items():
            changes = {"padding": padding, "padded": padded.format(length=reference.recipe.length)}
            yield CAUSES[f"{code}-padded"].filled({"how": how}, changes=changes)


def _cuts(reference: Reference, wanted: int) -> Iterator[Cause]:
    values, cut = {"dimensions": wanted}, {"dimensions": wanted}
    yield CAUSES["dimensions-cut"].filled(values, changes={**cut, "normalise_first": True})
    last = {"dimensions": -wanted}
    yield CAUSES["dimensions-cut-last"].filled(values, changes={**last, "normalise_first": True})
    if reference.recipe.normalise == "yes":
        yield CAUSES["dimensions-cut-last-normalised"].filled(values, changes=last)
        yield CAUSES["dimensions-cut-normalised"].filled(values, changes=cut)
