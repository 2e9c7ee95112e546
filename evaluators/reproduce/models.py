"""Load the model to reproduce: on mteb's registered loader where there is one, else as the library's own object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from data.store.errors import InputError, ModelError, NotAllowedError, PlumblineError
from evaluators.encoders.spec import parse_spec
from evaluators.model_files.hashes import hash_files
from evaluators.preflight.encoders import look
from evaluators.preflight.finding import Finding
from evaluators.reproduce.model_checks import (
    check_before_loading,
    check_downloaded,
    checked_findings,
    findings_of,
    snapshot,
    stop_if_fatal,
)
from evaluators.reproduce.model_settings import apply_settings
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.served import SpecEncoder, is_spec
from evaluators.trust import only_code_from, opening, resolved_commit

__all__ = ["LoadedModel", "load_requested"]


class LoadedModel(NamedTuple):
    """A model ready to run, and what has to be known of it to compare its scores."""

    encoder: Any  # one of mteb's encoders
    name: str
    revision: str
    registered: bool  # known to mteb's registry
    loader: str  # what loaded it, in words
    files: list[dict[str, Any]]  # [{path, size, sha256}]
    findings: list[Finding]  # what preflight found that did not stop the run
    guard: Callable[[], AbstractContextManager[None]] = nullcontext  # to run it in: a loader may open a part late


def load_requested(request: ModelRequest) -> LoadedModel:
    """The model as asked for.

    Raises:
        ModelError: no such folder, no weights in it, or the library cannot load it.
        NotAllowedError: it would run a repository's code that was not allowed by name.
        InputError: a setting that this model's loader has no place for.
    """
    import mteb

    if is_spec(request.model):
        return _load_spec(request)
    folder = request.folder
    if folder is None and (request.model.startswith((".", "/", "~")) or request.model.count("/") > 1):
        raise ModelError("There is no such model folder", where=request.model, remedy="Check the path.")
    findings = check_before_loading(request)
    files = hash_files(folder) if folder else []
    name = request.known_as or (request.model if folder is None else f"local/{folder.name}")
    meta = _registered(name)
    registered = meta is not None
    name = meta.name if registered else name if "/" in name else f"local/{name}"
    revision = _revision(request, meta, files)
    files_of = {str(folder): folder} if folder else {}
    allowed = request.allowed(revision)
    load = partial(_load, request, meta, revision, partial(opening, allowed, files_of))
    if folder:
        encoder, loader = load()
    else:
        encoder, loader, findings = _load_from_hub(request, revision, load)
        downloaded = snapshot(request.model, revision)
        files = hash_files(downloaded) if downloaded else []
        revision = revision or (downloaded.name if downloaded else "unknown")
    assert revision is not None  # a folder has its content's, a hub model its snapshot's
    if meta is None:
        meta = mteb.models.ModelMeta.create_empty(overwrites={"name": name, "revision": revision})
    encoder.mteb_model_meta = meta.model_copy(update={"revision": revision})
    apply_settings(encoder, request)
    guard = partial(only_code_from, allowed, files_of)
    return LoadedModel(encoder, name, revision, registered, loader, files, findings, guard)


def _revision(request: ModelRequest, meta: Any, files: list[dict[str, Any]]) -> str | None:
    """The revision to load and to file the scores under; None where only what is downloaded will tell."""
    if request.folder is not None:
        return request.revision or _content(files)
    revision = request.revision or (meta.revision if meta is not None else request.trust.get(request.model))
    if request.model in request.trust:
        return resolved_commit(request.model, revision) or revision  # code was read at a commit: load that one
    return revision


def _load_from_hub(
    request: ModelRequest, revision: str | None, load: Callable[[], tuple[Any, str]]
) -> tuple[Any, str, list[Finding]]:
    """Encoder, loader and findings: of what is in the cache, and once more where the loader has brought files."""
    before = _cached_files(request, revision)
    # Fatal only if the loader brings nothing that mends it.
    findings = findings_of(request, request.model, revision) if before else []
    encoder, loader = load()
    if _cached_files(request, revision) == before:
        stop_if_fatal(findings, request, request.model)
        return encoder, loader, findings
    del encoder  # the one it made goes first: two of a large model may not fit
    findings = checked_findings(request, request.model, revision)
    return *load(), findings


def _load(
    request: ModelRequest, meta: Any, revision: str | None, opened: Callable[[], AbstractContextManager[None]]
) -> tuple[Any, str]:
    """The encoder, and what loaded it in words; whatever a library raises becomes a sentence with the model's name."""
    try:
        with opened():
            return _encoder(request, meta, revision)
    except ModelError:
        check_downloaded(request, revision)  # says what is wrong with the files, where that is why
        raise
    except PlumblineError:
        raise
    except Exception as error:  # noqa: BLE001 -- loaders are other people's code and raise anything
        if "trust_remote_code" in str(error):
            raise NotAllowedError(
                "The model comes with code of its own", where=request.model, remedy=request.how_to_allow(revision)
            ) from error
        check_downloaded(request, revision)
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise ModelError(
            f"The model cannot be loaded: {type(error).__name__}: {first}",
            where=request.model,
            remedy="Check the name, the revision and, without a network, that HF_HOME holds it (HF_HUB_OFFLINE=1).",
        ) from error


def _cached_files(request: ModelRequest, revision: str | None) -> list[str]:
    """The files of a hub's model that lie in the cache; none for a model without files."""
    folder = snapshot(request.model, revision)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder else []


def _load_spec(request: ModelRequest) -> LoadedModel:
    """An encoder of the parity check, which says itself what it is; its settings are in its spec."""
    import mteb

    named_elsewhere = (request.prompts, request.revision, request.dtype, request.device, request.max_seq_length)
    if any(named_elsewhere) or request.truncate_dim:
        raise InputError(
            "An encoder's settings are part of its name",
            where=request.model,
            remedy="Write them there, as in openai:ADDRESS?model=NAME&query_prompt=query: ",
        )
    findings = list(look(parse_spec(request.model)))
    stop_if_fatal(findings, request, request.model)
    encoder = SpecEncoder(request.model)
    description, backend = encoder.description, encoder.settings.backend
    name = request.known_as or f"local/{Path(description.model).name}"
    revision = description.revision or (_content(description.files) if description.files else f"as served by {backend}")
    meta = _registered(name)
    registered, name = meta is not None, meta.name if meta is not None else name
    meta = meta or mteb.models.ModelMeta.create_empty(overwrites={"name": name})
    encoder.mteb_model_meta = meta.model_copy(update={"revision": revision.replace(" ", "-")})
    return LoadedModel(encoder, name, revision, registered, f"the {backend} encoder", description.files, findings)


def _registered(name: str) -> Any:
    """The registry's entry, or None."""
    import warnings

    import mteb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # voyageai/* are mongodb/* today; we file them so too
        try:
            return mteb.get_model_meta(name)
        except KeyError:
            return None


def _content(files: list[dict[str, Any]]) -> str:
    """A revision for a folder that has none: what its files hold."""
    digest = hashlib.sha256("".join(f"{f['path']}:{f['sha256']}\n" for f in files).encode())
    return f"local-{digest.hexdigest()[:12]}"


def _encoder(request: ModelRequest, meta: Any, revision: str | None) -> tuple[Any, str]:
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    source = str(request.folder) if request.folder else request.model
    trusted = source in request.allowed(revision)
    if meta is None or request.loader == "library":
        revision = None if request.folder else revision
        model = SentenceTransformer(source, revision=revision, device=request.device, trust_remote_code=trusted)
        return SentenceTransformerEncoderWrapper(model), "sentence-transformers, as the library loads it"
    if meta.loader is None:
        raise ModelError(
            "mteb has scores of this model but no code to run it",
            where=meta.name,
            remedy="--loader library loads it with sentence-transformers instead.",
        )
    options = dict(meta.loader_kwargs)
    if options.get("trust_remote_code") and not trusted:
        raise NotAllowedError(
            "mteb's loader for this model runs code from its repository",
            where=meta.name,
            remedy=request.how_to_allow(revision),
        )
    if request.folder is None:
        encoder = meta.model_copy(update={"revision": revision}).load_model(device=request.device)
    else:
        device = {"device": request.device} if request.device else {}
        encoder = meta.loader(source, revision=None, **device, **options)
    return encoder, f"mteb's registered loader, {meta.loader.__module__}.{meta.loader.__qualname__}"
