"""Load the model to reproduce: on mteb's registered loader where there is one, else as the library's own object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from data.store.errors import InputError, ModelError, NotAllowedError, PlumblineError
from data.store.runs import InUse
from data.store.vocabulary import Severity
from evaluators.encoders.spec import parse_spec
from evaluators.model_files.hashes import hash_files
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import printable
from evaluators.preflight.encoders import look
from evaluators.preflight.finding import Finding
from evaluators.reproduce.instrumented import torch_module
from evaluators.reproduce.served import SpecEncoder, is_spec
from evaluators.trust import allow, allows, code_revision, only_code_from, opening, resolved_commit, vet

__all__ = ["Asked", "Loaded", "load", "settings_in_use"]

_WEIGHTS = ("*.safetensors", "*.bin", "*.onnx", "*.gguf", "*.pt", "*.pth", "*.h5", "*.msgpack", "openvino_model.xml")
_DTYPES = {
    "float32": "float32", "fp32": "float32", "float16": "float16", "fp16": "float16", "bfloat16": "bfloat16",
    "bf16": "bfloat16",
}  # fmt: skip


_REFUSED_LATER = (
    "code-untrusted", "code-of-others-untrusted", "modules-untrusted", "tokenizer-untrusted", "processor-untrusted",
)  # fmt: skip


class Asked(NamedTuple):
    """The model and set-up the user asked for; None is what the model or its loader does by itself."""

    model: str  # a name on the hub or a local folder
    revision: str | None = None
    known_as: str | None = None  # for a folder: the name to file and compare it under
    loader: str = "mteb"  # mteb | library
    dtype: str | None = None
    device: str | None = None
    max_seq_length: int | None = None
    truncate_dim: int | None = None
    prompts: Mapping[str, str] = {}
    trust: Mapping[str, str] = {}  # model -> revision whose code may run
    anyway: bool = False  # run although preflight calls it doomed

    @property
    def folder(self) -> Path | None:
        """The local folder, when ``model`` is one."""
        path = Path(self.model).expanduser()
        return path.resolve() if path.is_dir() else None


class Loaded(NamedTuple):
    """A model ready to run, and what has to be known of it to compare its scores."""

    encoder: Any  # one of mteb's encoders
    name: str
    revision: str
    registered: bool  # known to mteb's registry
    loader: str  # what loaded it, in words
    files: list[dict[str, Any]]  # [{path, size, sha256}]
    findings: list[Finding]  # what preflight found that did not stop the run
    guard: Callable[[], AbstractContextManager[None]] = nullcontext  # to run it in: a loader may open a part late


def load(asked: Asked) -> Loaded:
    """The model as asked for.

    Raises:
        ModelError: no such folder, no weights in it, or the library cannot load it.
        NotAllowedError: it would run a repository's code that was not allowed by name.
        InputError: a setting that this model's loader has no place for.
    """
    import mteb

    if is_spec(asked.model):
        return _load_spec(asked)
    if asked.folder is None and (asked.model.startswith((".", "/", "~")) or asked.model.count("/") > 1):
        raise ModelError("There is no such model folder", where=asked.model, remedy="Check the path.")
    findings = check_before_loading(asked)
    files = hash_files(asked.folder) if asked.folder else []
    name = asked.known_as or (asked.model if asked.folder is None else f"local/{asked.folder.name}")
    meta = _registered(name)
    registered = meta is not None
    name = meta.name if registered else name if "/" in name else f"local/{name}"
    revision: str | None
    if asked.folder is not None:
        revision = asked.revision or _content(files)
    else:
        revision = asked.revision or (meta.revision if meta is not None else asked.trust.get(asked.model))
        if asked.model in asked.trust:
            revision = resolved_commit(asked.model, revision) or revision  # code was read at a commit: load that one
    files_of = {str(asked.folder): asked.folder} if asked.folder else {}
    allowed = _allowed(asked, revision)
    open_it = partial(opening, allowed, files_of)
    before = _held(asked, revision)
    if before:
        findings = _seen(asked, asked.model, revision)  # fatal only if the loader brings nothing that mends it
    encoder, loader = _load(asked, meta, revision, open_it)
    if asked.folder is None:
        if _held(asked, revision) != before:
            # The loader brought files. The model it made goes first: two of a large one may not fit.
            del encoder
            findings = _looked_at(asked, asked.model, revision)
            encoder, loader = _load(asked, meta, revision, open_it)
        else:
            _stop_if_fatal(findings, asked, asked.model)
        folder = _snapshot(asked.model, revision)
        files, revision = hash_files(folder) if folder else [], revision or (folder.name if folder else "unknown")
    assert revision is not None  # a folder has its content's, a hub model its snapshot's
    if meta is None:
        meta = mteb.models.ModelMeta.create_empty(overwrites={"name": name, "revision": revision})
    encoder.mteb_model_meta = meta.model_copy(update={"revision": revision})
    _set_up(encoder, asked)
    guard = partial(only_code_from, allowed, files_of)
    return Loaded(encoder, name, revision, registered, loader, files, findings, guard)


def _load(
    asked: Asked, meta: Any, revision: str | None, open_it: Callable[[], AbstractContextManager[None]]
) -> tuple[Any, str]:
    try:
        with open_it():
            return _explained(asked, revision, lambda: _encoder(asked, meta, revision))
    except ModelError:
        check_downloaded(asked, revision)  # says what is wrong with the files, where that is why
        raise


def _held(asked: Asked, revision: str | None) -> list[str]:
    """The files of a hub's model that lie in the cache; none for a folder, and for a model without files."""
    folder = _snapshot(asked.model, revision) if asked.folder is None else None
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder else []


def _load_spec(asked: Asked) -> Loaded:
    """An encoder of the parity check, which says itself what it is; its settings are in its spec."""
    import mteb

    if asked.prompts or any((asked.revision, asked.dtype, asked.device, asked.max_seq_length, asked.truncate_dim)):
        raise InputError(
            "An encoder's settings are part of its name",
            where=asked.model,
            remedy="Write them there, as in openai:ADDRESS?model=NAME&query_prompt=query: ",
        )
    findings = list(look(parse_spec(asked.model)))
    _stop_if_fatal(findings, asked, asked.model)
    encoder = SpecEncoder(asked.model)
    said = encoder.description
    name = asked.known_as or f"local/{Path(said.model).name}"
    revision = said.revision or (_content(said.files) if said.files else f"as served by {encoder.settings.backend}")
    meta = _registered(name)
    registered, name = meta is not None, meta.name if meta is not None else name
    meta = meta or mteb.models.ModelMeta.create_empty(overwrites={"name": name})
    encoder.mteb_model_meta = meta.model_copy(update={"revision": revision.replace(" ", "-")})
    return Loaded(encoder, name, revision, registered, f"the {encoder.settings.backend} encoder", said.files, findings)


def check_before_loading(asked: Asked) -> list[Finding]:
    """Stop a run that cannot give anything but an error or noise, before a single text is encoded.

    A folder is given to preflight; what it calls fatal stops the run, the rest is kept with it.

    Raises:
        ModelError: a folder without weights, or one that preflight finds a fatal fault in (unless asked to run anyway).
    """
    folder = asked.folder
    if folder is None:
        return []
    vet(folder, printable(folder), own_code=str(folder) in _allowed(asked, None))
    if not any(Path(name).match(pattern) for name in relative_files(folder) for pattern in _WEIGHTS):
        raise ModelError(
            "The model folder holds no weights",
            where=str(folder),
            remedy="Put model.safetensors (or pytorch_model.bin) beside its config.json; a download may be unfinished.",
        )
    return _looked_at(asked, str(folder), None)


def check_downloaded(asked: Asked, revision: str | None) -> list[Finding]:
    """The same of a model from the hub, once its loader has brought the files it wants; none for one without files.

    Before that, what is missing in the cache is no fault: it is only not here yet.

    Raises:
        ModelError: as :func:`check_before_loading`.
    """
    if asked.folder is not None or _snapshot(asked.model, revision) is None:
        return []
    return _looked_at(asked, asked.model, revision)


def _looked_at(asked: Asked, model: str, revision: str | None) -> list[Finding]:
    found = _seen(asked, model, revision)
    _stop_if_fatal(found, asked, model)
    return found


def _seen(asked: Asked, model: str, revision: str | None) -> list[Finding]:
    from evaluators.preflight import preflight

    trust = [f"{name}@{at}" for name, at in _allowed(asked, revision).items()]
    # Code that may not run and cannot be done without is refused by the loader, with the option that allows it.
    return [f for f in preflight(model, revision=revision, trust=trust) if f.code not in _REFUSED_LATER]


def _stop_if_fatal(found: list[Finding], asked: Asked, where: str) -> None:
    from evaluators.preflight import at_least

    if (fatal := at_least(found, Severity.FATAL)) and not asked.anyway:
        raise ModelError(
            "Preflight stops the run: " + "; ".join(finding.seen for finding in fatal),
            where=where,
            remedy=f"{fatal[0].remedy} To see what it gives as it is, add --anyway.",
        )


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


def _code_at(asked: Asked, revision: str | None) -> str:
    """The revision under which the model's own code is allowed: the commit, or what a folder's Python files hold."""
    return code_revision(asked.folder) if asked.folder else resolved_commit(asked.model, revision) or "COMMIT"


def _allowed(asked: Asked, revision: str | None) -> dict[str, str]:
    """What may run here: the model's own code if this very revision was allowed, and other repositories named.

    A folder goes by its path, and by the name it is filed under.
    """
    names = {name for name in (asked.model, asked.known_as) if name}
    allowed = {name: at for name, at in asked.trust.items() if name not in names}
    if names.isdisjoint(asked.trust):
        return allowed
    own = _code_at(asked, revision)
    if any(allows(asked.trust, name, own) for name in names):
        allowed[str(asked.folder or asked.model)] = own
    return allowed


def _encoder(asked: Asked, meta: Any, revision: str | None) -> tuple[Any, str]:
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
    from sentence_transformers import SentenceTransformer

    source = str(asked.folder) if asked.folder else asked.model
    trusted = source in _allowed(asked, revision)
    if meta is None or asked.loader == "library":
        model = SentenceTransformer(
            source,
            revision=None if asked.folder else revision,
            device=asked.device,
            trust_remote_code=trusted,
        )
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
            remedy=f"Read that code; if you trust it, add {allow(asked.model, _code_at(asked, revision))}",
        )
    if asked.folder is None:
        loaded = meta.model_copy(update={"revision": revision}).load_model(device=asked.device)
    else:
        loaded = meta.loader(source, revision=None, **({"device": asked.device} if asked.device else {}), **options)
    return loaded, f"mteb's registered loader, {meta.loader.__module__}.{meta.loader.__qualname__}"


def _explained(asked: Asked, revision: str | None, loading: Callable[[], tuple[Any, str]]) -> tuple[Any, str]:
    """Run ``loading``; whatever a library raises becomes a sentence with the model's name."""
    try:
        return loading()
    except PlumblineError:
        raise
    except Exception as error:  # noqa: BLE001 -- loaders are other people's code and raise anything
        if "trust_remote_code" in str(error):
            raise NotAllowedError(
                "The model comes with code of its own",
                where=asked.model,
                remedy=f"Read that code; if you trust it, add {allow(asked.model, _code_at(asked, revision))}",
            ) from error
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise ModelError(
            f"The model cannot be loaded: {type(error).__name__}: {first}",
            where=asked.model,
            remedy="Check the name, the revision and, without a network, that HF_HOME holds it (HF_HUB_OFFLINE=1).",
        ) from error


def _snapshot(model: str, revision: str | None) -> Path | None:
    """Folder of the hub's cache the model was read from, or None for a model without files."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", "modules.json", "README.md"):
        path = try_to_load_from_cache(model, file, revision=revision)
        if isinstance(path, str):
            return Path(path).parent
    return None


def _set_up(encoder: Any, asked: Asked) -> None:
    """Apply the settings that are asked for on top of what the loader does."""
    import torch
    from sentence_transformers import SentenceTransformer

    if asked.dtype:
        if asked.dtype not in _DTYPES:
            raise InputError("Unknown --dtype", where=asked.dtype, remedy=f"Use one of {', '.join(_DTYPES)}.")
        module = torch_module(encoder)
        if module is None:
            raise InputError("--dtype has no place in this model's loader", where=asked.model)
        module.to(getattr(torch, _DTYPES[asked.dtype]))
    inner = getattr(encoder, "model", None)
    for option, value in (("max_seq_length", asked.max_seq_length), ("truncate_dim", asked.truncate_dim)):
        if value is None:
            continue
        if not isinstance(inner, SentenceTransformer):
            raise InputError(
                f"--{option.replace('_', '-')} has no place in this model's loader",
                where=asked.model,
                remedy="--loader library takes it.",
            )
        setattr(inner, option, value)
    if asked.prompts:
        if not hasattr(encoder, "model_prompts"):
            raise InputError("--prompts has no place in this model's loader", where=asked.model)
        encoder.model_prompts = dict(asked.prompts)


def settings_in_use(encoder: Any) -> InUse:
    """What the loaded model does: dtype, attention, device, lengths, pooling, prompts; None where there is none."""
    if isinstance(encoder, SpecEncoder):
        return cast(InUse, encoder.in_use())
    module, inner = torch_module(encoder), getattr(encoder, "model", None)
    parameter = next(module.parameters(), None) if module is not None else None
    config = _transformer_config(module)
    return {
        "encoder": f"{type(encoder).__module__}.{type(encoder).__qualname__}",
        "architecture": _architecture(module),
        "dtype": str(parameter.dtype).removeprefix("torch.") if parameter is not None else None,
        "device": str(parameter.device) if parameter is not None else None,
        "attention": getattr(config, "_attn_implementation", None),
        "max_seq_length": getattr(inner, "max_seq_length", None),
        "dimensions": getattr(inner, "get_embedding_dimension", lambda: None)(),
        "truncate_dim": getattr(inner, "truncate_dim", None),
        "similarity": str(getattr(inner, "similarity_fn_name", None)),
        "modules": [_described(m) for m in inner] if isinstance(inner, Iterable) else None,
        "prompts": getattr(encoder, "model_prompts", None) or getattr(encoder, "prompts_dict", None),
    }


def _transformer_config(module: Any) -> Any:
    """The transformers configuration of the innermost model, wherever a wrapper keeps it."""
    if module is None:
        return None
    return next((m.config for m in module.modules() if hasattr(getattr(m, "config", None), "model_type")), None)


def _architecture(module: Any) -> str | None:
    """The class that was built, which is not the one config.json names where the model's own code may not run."""
    from transformers import PreTrainedModel

    if module is None:
        return None
    return next((type(m).__name__ for m in module.modules() if isinstance(m, PreTrainedModel)), None)


def _described(module: Any) -> str:
    """One module of a sentence-transformers pipeline, with the pooling mode where it pools."""
    mode = getattr(module, "pooling_mode", None) or getattr(module, "get_pooling_mode_str", lambda: None)()
    return f"{type(module).__name__}({mode})" if mode else type(module).__name__
