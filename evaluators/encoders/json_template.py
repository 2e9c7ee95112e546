"""Any other server of JSON, by a template of its request and a path to the vectors in its answer.

In the template ``"$texts"`` stands for the list of texts; ``"$text"`` for one of them, and the list it stands in gets
an entry like it for each (a template without such a list is sent once a text). ``$model`` and ``$role`` are put into
any string; ``role_query`` and ``role_document`` say what the second is called there. The path is names and numbers with
dots between them, and ``*`` for each entry of a list: ``predictions.*.embeddings.values``. Unlike JMESPath and JSONPath
it finds one entry a text and leaves none out: beside a null, the texts after it keep their vectors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from data.store.errors import InputError
from evaluators.encoders.base import Backend
from evaluators.encoders.packed import PACKINGS, packing, unpacked
from evaluators.encoders.server import SERVER_OPTIONS, Portions, ServerEncoder, malformed_answer, without_keys
from evaluators.encoders.settings import EncoderSettings

__all__ = ["JSON_FORMS", "JsonForm"]

_TEXTS, _TEXT = "$texts", "$text"
_BRACKETS = re.compile(r"\[['\"]?([^\[\]'\".]+)['\"]?\]")
_FEW = 120  # characters of what was found at a path that an error quotes


class JsonForm(NamedTuple):
    """A request and its answer.

    Attributes:
        body: the template, as JSON.
        vectors: the path.
        roles: what ``$role`` is for queries, for documents, and for texts without a role.
    """

    body: str
    vectors: str
    roles: tuple[str, str, str] = ("query", "document", "")


# Known ones, by name (form=NAME). Sources: docs/servers.md.
JSON_FORMS: Final[Mapping[str, JsonForm]] = {
    "huggingface": JsonForm('{"inputs": "$texts"}', "*"),
    "jumpstart": JsonForm('{"text_inputs": "$texts"}', "embedding.*"),
    "vertex": JsonForm(
        '{"instances": [{"content": "$text", "task_type": "$role"}]}', "predictions.*.embeddings.values",
        ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY"),
    ),
    "gemini": JsonForm(
        '{"requests": [{"model": "models/$model", "content": {"parts": [{"text": "$text"}]}, "taskType": "$role"}]}',
        "embeddings.*.values", ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY"),
    ),
    "tensorflow-serving": JsonForm('{"instances": "$texts"}', "predictions.*"),
}  # fmt: skip


class JsonTemplateEncoder(ServerEncoder):
    """``POST`` of the filled template to the source as it is."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        form = self._form()
        self._template = _read(form.body, settings)
        self._path = _steps(form.vectors, settings)
        self._numbers = _steps(options["index"], settings) if "index" in (options := settings.options) else None
        self._roles = form.roles
        self._packing = packing(options.get("packing", "float"), settings, "packing")
        self.note(PACKINGS[self._packing])
        if _TEXTS not in form.body and not _repeats(self._template):
            self._portions = Portions(1)

    def _form(self) -> JsonForm:
        options = self.settings.options
        name = options.get("form")
        if name is not None and name not in JSON_FORMS:
            remedy = f"Use {', '.join(JSON_FORMS)}, or body= and vectors=."
            raise InputError(f"There is no form {name!r}", where=self.settings.display, remedy=remedy)
        form = JSON_FORMS[name] if name else JsonForm("", "")
        roles = (options.get("role_query", form.roles[0]), options.get("role_document", form.roles[1]))
        form = JsonForm(
            options.get("body", form.body),
            options.get("vectors", form.vectors),
            (*roles, options.get("role_none", form.roles[2])),
        )
        if not form.body or not form.vectors:
            remedy = 'Write body={"inputs":"$texts"} and vectors=embeddings.*, or form=NAME.'
            what = "A request or the path to its vectors is missing"
            raise InputError(what, where=self.settings.display, remedy=remedy)
        return form

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """The template with the texts in it."""
        words = {"$model": self.settings.model, "$role": self._roles[{"query": 0, "document": 1}.get(role or "", 2)]}
        filled: dict[str, Any] = _filled(self._template, texts, words)
        return filled

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """What the path finds, in the order of the texts."""
        rows = self._listed(self._path, answer, len(texts))
        if self._numbers is not None:
            rows = self.by_number(rows, self._listed(self._numbers, answer, len(texts)))
        return [unpacked(row, self._packing, self._url) for row in rows]

    def _listed(self, path: list[str], answer: Any, count: int) -> list[Any]:
        at, rows = _at(path, answer)
        if at:
            where = ".".join(path)
            what = f"The answer has nothing at {at} of the path {where}: {self._http.said()[:_FEW]}"
            raise malformed_answer(what, self._url)
        if count == 1 and _is_vector(rows):
            rows = [rows]
        return self.rows(self._url, rows, count)


def _is_vector(rows: Any) -> bool:
    """Whether it is a vector itself, and no list with one in it."""
    return isinstance(rows, str) or (isinstance(rows, list) and any(isinstance(row, int | float) for row in rows))


def _read(body: str, settings: EncoderSettings) -> dict[str, Any]:
    """A template as JSON.

    Raises:
        InputError: it is no JSON object, or has no place for the texts.
    """
    try:
        template = json.loads(body)
    except (ValueError, RecursionError) as error:
        what = f"body= is no JSON: {error}"
        raise InputError(what, where=settings.display, remedy="Quote it for the shell.") from None
    places = sum(1 for text in _strings(template) if text in (_TEXTS, _TEXT))
    if not isinstance(template, dict) or places != 1:
        remedy = 'Write {"inputs": "$texts"} or {"instances": [{"content": "$text"}]}.'
        what = 'body= needs one place for the texts, "$texts" or "$text"'
        raise InputError(what, where=settings.display, remedy=remedy)
    return without_keys(template, settings)


def _strings(template: Any) -> list[str]:
    if isinstance(template, str):
        return [template]
    parts = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    return [text for part in parts for text in _strings(part)]


def _repeats(template: Any) -> bool:
    """Whether the one text stands in an entry of a list, which is repeated for each."""
    if isinstance(template, list):
        return any(_TEXT in _strings(entry) for entry in template)
    return isinstance(template, dict) and any(_repeats(value) for value in template.values())


def _filled(template: Any, texts: list[str], words: Mapping[str, str], *, one: bool = False) -> Any:
    """The template with the texts in their place; the outermost list around a single text gets an entry for each."""
    if isinstance(template, str):
        if template in (_TEXTS, _TEXT):
            return list(texts) if template == _TEXTS else texts[0]
        for name, word in words.items():
            template = template.replace(name, word)
        return template
    if isinstance(template, dict):
        filled = {name: _filled(value, texts, words, one=one) for name, value in template.items()}
        return {name: value for name, value in filled.items() if value != "" or template[name] == ""}
    if not isinstance(template, list):
        return template
    entries: list[Any] = []
    for entry in template:
        if _TEXT in _strings(entry) and not one:
            entries += [_filled(entry, [text], words, one=True) for text in texts]
        else:
            entries.append(_filled(entry, texts, words, one=one))
    return entries


def _steps(path: str, settings: EncoderSettings) -> list[str]:
    """A path in pieces; ``$``, ``[*]``, ``[0]`` and ``["name"]`` of other languages are taken as well.

    Raises:
        InputError: it is empty, or has an empty piece.
    """
    steps = _BRACKETS.sub(lambda match: f".{match[1]}", path).removeprefix("$").strip(".").split(".")
    if not all(steps):
        remedy = "Write names with dots between them, * for each entry of a list: predictions.*.values"
        raise InputError(f"The path {path!r} cannot be read", where=settings.display, remedy=remedy)
    return steps


def _at(path: list[str], answer: Any) -> tuple[str, Any]:
    """What a path finds: for ``*`` a list of what is found in each entry, None where there is nothing.

    Returns:
        The step before which something was missing, empty if nothing was, and what was found.
    """
    for place, step in enumerate(path):
        if step == "*":
            if not isinstance(answer, list):
                return step, None
            return "", [_at(path[place + 1 :], entry)[1] for entry in answer]
        if isinstance(answer, list) and step.isascii() and step.isdigit():
            answer = answer[int(step)] if int(step) < len(answer) else None
        else:
            answer = answer.get(step) if isinstance(answer, dict) else None
        if answer is None:
            return step, None
    return "", answer


BACKEND = Backend(
    about="any other server of JSON: body= with $texts (or $text in a list), vectors=a.*.b; or form=vertex and others",
    example='http://127.0.0.1:8080/invocations?body={"inputs":"$texts"}&vectors=*',
    open=JsonTemplateEncoder,
    options=SERVER_OPTIONS
    | {"body", "vectors", "index", "form", "packing", "role_query", "role_document", "role_none"},
    one_load="the server is loaded once", in_process=False, outside=True, shared=True,
)  # fmt: skip
