"""The guard within which every model is opened and run.

Every route by which transformers and sentence-transformers execute a repository's code goes through one function,
``transformers.dynamic_module_utils.get_cached_module_file``. A check there holds for loaders that hard-wire
``trust_remote_code=True`` as well, of which mteb's registry has several hundred. Whatever opens a model or a tokenizer
does so inside :func:`opening`; what goes on with it afterwards, inside :func:`only_code_from`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from data.store.errors import NotAllowedError
from evaluators.model_files.sizes import size_of_weights
from evaluators.trust.allowed import allows, as_options, code_files, code_revision, is_commit
from evaluators.trust.code_references import commit_to_read, other_repositories
from evaluators.trust.limits import budget, no_panic, within
from evaluators.trust.pickled import force_weights_only, no_pickled_code
from evaluators.trust.settings import refused_arguments
from evaluators.trust.vetting import vet

__all__ = ["only_code_from", "opening"]


@contextmanager
def opening(
    allowed: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
    spelt: Callable[[Mapping[str, str]], str] = as_options,
) -> Iterator[None]:
    """Open a model: its folder is vetted first, nothing it pickled brings in code, and it may not take without end.

    Args:
        allowed: model -> revision, as :func:`evaluators.trust.allowances` gives it.
        files: where the files of the model lie, by the name it was asked for.
        spelt: as for :func:`only_code_from`, which holds as well.

    Raises (on entry, where the files tell, or from inside the block):
        ModelError: a file that is not opened, a setting that no loader is handed, a size that cannot be.
        NotAllowedError: code that was not allowed.
    """
    import torch  # noqa: F401 -- their import is no part of the limit
    import transformers  # noqa: F401

    if not files:  # what is only now fetched is vetted where the library reads it
        import sentence_transformers  # noqa: F401
    with ExitStack() as stack:
        stack.enter_context(only_code_from(allowed, files, spelt))
        for name, folder in (files or {}).items():
            vet(folder, name, own_code=allows(allowed, name, code_revision(folder)))
        size = sum(size_of_weights(folder) for folder in (files or {}).values())
        stack.enter_context(no_pickled_code(", ".join(files or {})))
        if files:  # of a model that is still to be fetched nobody knows how large it is
            stack.enter_context(within(budget(size), ", ".join(files)))
        yield


@contextmanager
def _no_kernels() -> Iterator[None]:
    """No kernel is fetched from a hub and run: no option allows it, so nothing in a model's files may ask for it."""
    from transformers.integrations import hub_kernels

    original = hub_kernels.get_kernel

    def refused(repository: str, *_: Any, **__: Any) -> Any:
        raise NotAllowedError(
            f"The model's attention or quantisation would run code of {repository}",
            remedy="Ask for attention=sdpa or eager, or take weights that are not quantised.",
        )

    hub_kernels.get_kernel = refused
    try:
        yield
    finally:
        hub_kernels.get_kernel = original


_RENDERING = 2.0  # processor seconds; a chat template takes milliseconds


class _Ending:
    """A compiled template that is rendered within a limit."""

    def __init__(self, template: Any, model: str) -> None:
        self._template, self._model = template, model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._template, name)

    def render(self, *args: Any, **kwargs: Any) -> Any:
        with within(_RENDERING, f"the chat template of {self._model}"):
            return self._template.render(*args, **kwargs)


@contextmanager
def _templates_end(model: str) -> Iterator[None]:
    """A chat template is a program: the library's sandbox keeps it from reaching out, and not from counting on."""
    from transformers.utils import chat_template_utils as templates

    original = templates._compile_jinja_template
    templates._compile_jinja_template = lambda template: _Ending(original(template), model)
    try:
        yield
    finally:
        templates._compile_jinja_template = original


@contextmanager
def _only_harmless_settings(allowed: Mapping[str, str]) -> Iterator[None]:
    """The same allow-list where sentence-transformers reads the file: of a model that is only now fetched, too."""
    if "sentence_transformers" not in sys.modules:
        yield
        return
    from sentence_transformers.base.modules import Transformer

    original = Transformer.__dict__["load_config"]

    def load_config(cls: Any, model_name_or_path: str, *args: Any, **kwargs: Any) -> Any:
        settings = original.__func__(cls, model_name_or_path, *args, **kwargs)
        if lost := refused_arguments(settings, own_code=str(model_name_or_path) in allowed):
            raise NotAllowedError(
                f"Files of the model ask the loader for {', '.join(lost)}",
                where=str(model_name_or_path),
                remedy="No option allows it: remove them from sentence_bert_config.json, or take another model.",
            )
        return settings

    Transformer.load_config = classmethod(load_config)
    try:
        yield
    finally:
        Transformer.load_config = original


@contextmanager
def only_code_from(
    allowed: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
    spelt: Callable[[Mapping[str, str]], str] = as_options,
) -> Iterator[None]:
    """Refuse to fetch or run any repository's code but that of ``allowed``, whatever a loader asks for.

    Each repository's code is taken at the very commit it was allowed at.

    Args:
        allowed: model -> revision, as :func:`allowances` gives it.
        files: where the files of a model lie, for loaders that are handed its folder instead of its name.
        spelt: puts what has to be allowed, name -> revision, into the words to paste.

    Raises (on entry, where the files tell, or from inside the block):
        NotAllowedError: with the words that would allow it.
    """
    from transformers import dynamic_module_utils as dynamic
    from transformers.generation import utils as generation  # holds the function under a name of its own

    files = files or {}
    for name, folder in files.items():
        if allows(allowed, name, code_revision(folder)) and (lost := other_repositories(folder, allowed)):
            raise NotAllowedError(
                f"The model runs code of {', '.join(lost)}, which is not allowed",
                where=name,
                remedy=f"Read that code; if you trust it, add {spelt(lost)}",
            )
    places = {Path(name).resolve(): name for name in allowed if Path(name).is_dir()}
    places |= {folder.resolve(): name for name, folder in files.items()}
    original = dynamic.get_cached_module_file

    def guarded(repo: str | Path, module_file: str, *args: Any, **kwargs: Any) -> Any:
        name = str(repo)
        if Path(name).is_dir():
            _check_folder(Path(name), module_file, allowed, places, spelt)
            return original(repo, module_file, *args, **kwargs)
        commit = allowed.get(name)
        if not is_commit(commit):
            raise _refused(module_file, name, commit_to_read(name, kwargs.get("revision")), spelt)
        # The commit that was read, not the branch it stood on; and it may be fetched, since it was named.
        path = original(repo, module_file, *args, **kwargs | {"revision": commit, "local_files_only": False})
        if commit not in Path(path).parts:
            raise NotAllowedError(f"{module_file} of {name} was asked for at {commit} and came as {path}", where=name)
        return path

    for module in (dynamic, generation):
        module.get_cached_module_file = guarded
    try:
        with ExitStack() as stack:
            model = ", ".join(files)
            settings, templates = _only_harmless_settings(allowed), _templates_end(model)
            for lock in (force_weights_only(), _no_kernels(), settings, templates, no_panic(model)):
                stack.enter_context(lock)
            yield
    finally:
        for module in (dynamic, generation):
            module.get_cached_module_file = original


def _check_folder(
    here: Path,
    module_file: str,
    allowed: Mapping[str, str],
    places: Mapping[Path, str],
    spelt: Callable[[Mapping[str, str]], str],
) -> None:
    """Refuse a file of a folder unless that folder, or the model's folder it is part of, was allowed as it is now."""
    real = here.resolve()
    folder = max((p for p in places if real.is_relative_to(p)), key=lambda p: len(p.parts), default=None)
    name, folder = (str(here), real) if folder is None else (places[folder], folder)
    now = code_revision(folder)
    if not allows(allowed, name, now):
        raise _refused(module_file, name, now, spelt)
    path = Path(os.path.normpath(real / module_file))
    if path.exists() and Path(os.path.relpath(path, folder)).as_posix() not in code_files(folder):
        raise NotAllowedError(
            f"Loading this model would run {path}, which is not part of it",
            where=name,
            remedy="Its auto_map or modules.json must name files of its own folder.",
        )


def _refused(module_file: str, name: str, revision: str, spelt: Callable[[Mapping[str, str]], str]) -> NotAllowedError:
    return NotAllowedError(
        f"Loading this model would run {module_file} of {name}",
        where=name,
        remedy=f"Read that code; if you trust it, add {spelt({name: revision})}",
    )
