"""What an encoder is asked to do: every setting explicit, checked once, and recorded with its vectors.

``None`` always means "as the model declares"; what was then in use is what ``Encoder.describe`` reports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from data.store import keys
from data.store.errors import InputError
from data.store.vocabulary import Output
from evaluators.trust import allowances

__all__ = ["DTYPES", "POOLING_MODES", "SPEC_HELP", "EncoderSettings", "is_key_name"]

POOLING_MODES = ("mean", "cls", "max", "last", "mean_sqrt_len", "weightedmean")
# Names that libraries use for one precision, and ours.
DTYPES = {"fp32": "fp32", "float32": "fp32", "f32": "fp32", "fp16": "fp16", "float16": "fp16", "f16": "fp16"} | {
    "half": "fp16", "bf16": "bf16", "bfloat16": "bf16", "int8": "int8", "q8_0": "int8", "int4": "int4",
    "q4_0": "int4", "auto": "auto",
}  # fmt: skip
SPEC_HELP = "Write BACKEND:SOURCE?key=value&key=value, e.g. sentence-transformers:org/name@revision?dtype=bf16"
_SCHEMES = ("http", "https")
# Where a key would be written down if it were accepted: an option of that name, an address, a command line.
_SECRET = re.compile(
    r"(^|[-_.])(api[-_]?key|key|pat|token|secret|password|passwd|bearer|auth|authorization|credentials?)$",
    re.IGNORECASE,
)
_SECRET_ARGUMENT = re.compile(
    r"(?:^|\s)--?[a-z_-]*(api[-_]?key|token|secret|password|passwd)[=\s]\S"
    r"|(?:^|\s|['\"])(?:[a-z]+_)*(api_?key|token|secret|password|passwd|authorization)[=:]\s*\S|://[^/@\s]+@",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class EncoderSettings:
    """How to get vectors: where from, and everything that is known to change them.

    Attributes:
        backend: name in the registry.
        source: folder, hub name, address, command line, file or ``module:Class``, by backend.
        model: what the model is called in the store; the source where nothing else is said.
        prompts: text put before each text, by role (``query``, ``document``, or ``""`` for any role).
        pooling: one of :data:`POOLING_MODES`.
        dimensions: how many leading dimensions are kept.
        dtype: precision declared: fp32, fp16, bf16, int8, int4 or auto (whatever the runtime chooses).
        max_length: in tokens, special ones included.
        strip: remove white space at both ends of each text before it is encoded.
        trust: ``SOURCE@REVISION``, or several between commas, whose own code may run (:mod:`evaluators.trust`);
            anything else never runs.
        key_env: name of the environment variable that holds the key; the key itself is never kept. A command is given
            no variable that looks like a key but those named here, with commas between them.
        timeout: seconds that a server or a command may take in all, its retries and waits included: of a parity check,
            or of each part of a run that is made of many. The start of a command, which loads a model, has as many.
        call_timeout: seconds for one request or one batch of a command; a fifth of ``timeout``, and at least 60 s or
            all of it, where nothing else is said.
        options: settings that only this backend knows.
        written: names of the settings that somebody wrote down, whatever their value; not kept.
    """

    backend: str
    source: str
    model: str = ""
    revision: str | None = None
    label: str = ""
    prompts: Mapping[str, str] | None = None
    pooling: str | None = None
    normalise: bool | None = None
    dimensions: int | None = None
    dtype: str = "fp32"
    max_length: int | None = None
    batch_size: int = 32
    strip: bool = False
    outputs: tuple[str, ...] = ("dense",)
    device: str = "cpu"
    trust: str | None = None
    key_env: str | None = None
    timeout: float = 300.0
    call_timeout: float | None = None
    retries: int = 4
    options: Mapping[str, str] = field(default_factory=dict)
    written: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", self.model or self.source)
        object.__setattr__(self, "dtype", DTYPES.get(self.dtype.lower(), self.dtype))
        self._refuse_if(not self.source, "names no model, address, command or file")
        self._refuse_if(
            self.dtype not in DTYPES.values(), f"dtype {self.dtype!r} is not known", "fp32, fp16, bf16, int8"
        )
        self._refuse_if(
            self.pooling not in (None, *POOLING_MODES), f"pooling {self.pooling!r} is not known", *POOLING_MODES
        )
        unknown = [output for output in self.outputs if output not in tuple(Output)]
        self._refuse_if(bool(unknown) or not self.outputs, f"outputs {unknown} are not known", *Output)
        for name in ("dimensions", "max_length", "batch_size", "timeout", "call_timeout"):
            value = getattr(self, name)
            # NaN is not above zero either.
            self._refuse_if(value is not None and not value > 0, f"{name} must be above zero, not {value}")
        self._refuse_if(self.retries < 0, f"retries must not be negative, not {self.retries}")
        dict(self.allowed)  # raises where it is not NAME@REVISION
        variable = "key_env=NAME_OF_AN_ENVIRONMENT_VARIABLE"
        parts = self._address()
        in_address = parts.scheme in _SCHEMES and ("@" in parts.netloc or bool(parts.query))
        self._refuse_if(in_address, "has a name, key or question mark in its address", variable)
        spelt = [name for name in self.options if is_key_name(name)]
        self._refuse_if(bool(spelt), f"is given a key in {', '.join(spelt)}, and would write it down", variable)
        written = str(self.as_json())
        holds = any(key in written for key in keys.known_keys())
        self._refuse_if(holds, "names the key itself, and would write it down", variable)
        on_line = _SECRET_ARGUMENT.search(self.source) is not None
        self._refuse_if(on_line, "is given a key on its command line, and would write it down", "the environment")

    def _address(self) -> SplitResult:
        """Parts of the source, where it is an address.

        Raises:
            InputError: it begins like one and is none.
        """
        try:
            parts = urlsplit(self.source)
            _ = parts.port  # read, and so checked, only here
            return parts
        except ValueError as error:
            self._refuse_if(self.source.startswith(("http:", "https:")), f"has no address that can be used: {error}")
            return urlsplit("")  # a folder or a command may look like anything

    def _refuse_if(self, wrong: bool, what: str, *choices: str) -> None:
        if wrong:
            # The source is left out: it may be the very thing that holds a key.
            remedy = f"Use {', '.join(choices)}." if choices else SPEC_HELP
            raise InputError(f"The encoder {what}", where=self.backend, remedy=remedy)

    @property
    def display(self) -> str:
        """What pages call it: the label given, else backend, model and whatever is not the default."""
        if self.label:
            return self.label
        changed = [
            f"{name}={value}"
            for name in ("pooling", "normalise", "dimensions", "dtype", "max_length", "strip")
            if (value := getattr(self, name)) != _DEFAULTS[name]
        ]
        changed += [f"{f'{role}_' if role else ''}prompt={text!r}" for role, text in (self.prompts or {}).items()]
        return " ".join([self.backend, Path(self.model).name or self.model, *changed])

    @property
    def seconds_a_call(self) -> float:
        """Seconds for one request or one batch."""
        return self.call_timeout or min(max(60.0, self.timeout / 5), self.timeout)

    @property
    def allowed(self) -> dict[str, str]:
        """Models whose own code may run, with the revision that was read."""
        return allowances((self.trust or "").split(",") if self.trust else ())

    def normalised(self, by_model: bool) -> bool:
        """Whether the vectors that leave have length 1: dimensions are cut after the model's own normalisation."""
        return bool(self.normalise) or (by_model and self.normalise is None and self.dimensions is None)

    def prompt(self, role: str | None, declared: Mapping[str, str] | None = None) -> str:
        """The text put before texts of ``role``: as asked, else as the model declares, else nothing."""
        prompts = self.prompts if self.prompts is not None else (declared or {})
        return prompts.get(role or "", prompts.get("", ""))

    def changed(self, **values: Any) -> EncoderSettings:
        """The same with some settings replaced, checked again."""
        return replace(self, **values)

    def as_json(self) -> dict[str, Any]:
        """Every setting in plain types, for the store."""
        plain = asdict(self)
        del plain["written"]
        plain.update(outputs=list(self.outputs), options=dict(self.options))
        plain["prompts"] = None if self.prompts is None else dict(self.prompts)
        return plain

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: str = "") -> EncoderSettings:
        """Settings from a plan's table or a spec's key-value pairs; keys we do not know become the backend's options.

        Raises:
            InputError: a value has the wrong type or a setting cannot be.
        """
        known = {entry.name for entry in fields(cls)}
        plain: dict[str, Any] = {}
        options: dict[str, str] = {}
        prompts = dict(values["prompts"]) if isinstance(values.get("prompts"), Mapping) else {}
        for key, value in values.items():
            if key == "prompt" or key.endswith("_prompt"):
                prompts[key.removesuffix("prompt").rstrip("_")] = str(value)
            elif key in known and key not in ("options", "prompts", "written"):
                plain[key] = _convert(key, value, where)
            elif key == "options" and isinstance(value, Mapping):
                options |= {name: str(setting) for name, setting in value.items()}
            elif key != "prompts":
                options[key.removeprefix("options.")] = str(value)
        if prompts:
            plain["prompts"] = prompts
        keys.remember_environment()
        keys.remember(*(os.environ.get(name.strip(), "") for name in str(plain.get("key_env", "")).split(",")))
        return cls(**plain, options=options, written=frozenset(plain))


def is_key_name(name: str) -> bool:
    """Whether an option or a field of this name would hold a key."""
    return _SECRET.search(name) is not None


_DEFAULTS: dict[str, Any] = {entry.name: entry.default for entry in fields(EncoderSettings)}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _convert(key: str, value: Any, where: str) -> Any:
    """A setting in its own type; values of a spec are strings, those of a plan already typed."""
    kind = str(EncoderSettings.__annotations__[key]).split(" |")[0]
    try:
        if kind == "bool":
            return value if isinstance(value, bool) else _WORDS[str(value).lower()]
        if kind.startswith("tuple"):
            return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
        return {"int": int, "float": float}.get(kind, str)(value)
    except (KeyError, ValueError, TypeError):
        raise InputError(f"The setting {key}={value!r} is not a {kind}", where=where, remedy=SPEC_HELP) from None
