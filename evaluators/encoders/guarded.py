"""An encoder whose library may raise and say anything: errors become our own, and keys stay out of what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from data.store import keys
from data.store.errors import EncoderError, EncoderGoneError, NotAllowedError, PlumblineError
from evaluators.encoders.base import Description, Encoded, Encoder, Tokens, resolve
from evaluators.encoders.bounds import Clock
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust import code_revision

__all__ = ["GuardedEncoder", "as_own_errors", "not_allowed", "trust_setting"]

_LONGEST_NAME, _LONGEST = 200, 2000  # characters of what an encoder says


class GuardedEncoder:
    """An encoder whose library may raise anything: what is not one of our own errors becomes one.

    Whatever an encoder says (names, versions, warnings, tokens, errors) passes the gate of :mod:`data.store.keys` here.
    """

    def __init__(
        self, encoder: Encoder, settings: EncoderSettings, guard: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.settings = settings
        self._encoder = encoder
        self._guard = guard  # a library may open its model with the first text
        self._gone: EncoderGoneError | None = None

    @property
    def gone(self) -> str:
        """Why it cannot be asked any further; it is not, whoever asks. Empty while it can."""
        return str(self._gone or "")

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """As the encoder within."""
        if self._gone is not None:
            raise self._gone
        try:
            with as_own_errors(self.settings, "cannot encode these texts"), self._guard():
                return _without_keys(self._encoder.encode(texts, role))
        except EncoderGoneError as error:
            self._gone = error
            raise

    def describe(self) -> Description:
        """As the encoder within."""
        with as_own_errors(self.settings, "cannot say what it is"):
            return _without_keys_of(self._encoder.describe())

    def restart_clock(self) -> None:
        """Give it all of its ``timeout`` again, and another chance: a run of many parts is bounded by part."""
        self._gone = None
        if isinstance(clock := getattr(self._encoder, "clock", None), Clock):
            clock.restart()

    def close(self) -> None:
        """As the encoder within."""
        self._encoder.close()


def _without_keys(encoded: Encoded) -> Encoded:
    sparse = [{_whole(token): weight for token, weight in row.items()} for row in encoded.sparse or []]
    tokens = [Tokens(each.ids, [_whole(token) for token in each.texts]) for each in encoded.tokens or []]
    return replace(
        encoded,
        sparse=None if encoded.sparse is None else sparse,
        tokens=None if encoded.tokens is None else tokens,
        failed=_cut_to(_LONGEST, encoded.failed),
    )


def _whole(token: str) -> str:
    """A token as it is, even where it is a control character, as far as a file can take it."""
    return keys.masked(token).encode("utf-8", "replace").decode()


def _without_keys_of(description: Description) -> Description:
    """What an encoder says it is: keys taken out, and nothing so long that it could not be shown."""
    return Description(
        model=_cut_to(_LONGEST_NAME, str(description.model)),
        revision=_cut_to(_LONGEST_NAME, description.revision and str(description.revision)),
        settings=_cut_to(None, description.settings),  # a prompt may be long
        versions=_cut_to(_LONGEST, description.versions),
        # The digest was made here.
        files=[_cut_to(_LONGEST, file) | {"sha256": file.get("sha256")} for file in description.files],
        warnings=_cut_to(_LONGEST, description.warnings),
    )


def _cut_to(most: int | None, value: Any) -> Any:
    mask_name = partial(keys.from_outside, most=_LONGEST_NAME)
    return keys.masked_all(value, partial(keys.from_outside, most=most), mask_name)


@contextmanager
def as_own_errors(settings: EncoderSettings, what: str) -> Iterator[None]:
    """Make an error of our own of whatever is raised in the block, with keys taken out of it; ``what`` failed."""
    try:
        yield
    except PlumblineError as error:
        error.what, error.where, error.remedy = map(keys.from_outside, (error.what, error.where, error.remedy))
        error.args = (str(error),)
        raise
    except Exception as error:  # libraries and models of any make: no narrower class covers what they raise
        if "trust_remote_code" in str(error):
            raise not_allowed(settings, settings.source, code_revision(resolve(settings))) from error
        # The first line alone is often only where in a library it was.
        reason = keys.from_outside(" ".join(str(error).split()), 300)
        raise EncoderError(
            f"{settings.backend} {what}: {type(error).__name__}: {reason}", where=settings.model
        ) from error


def not_allowed(settings: EncoderSettings, source: str, revision: str) -> NotAllowedError:
    """The error of a model whose own code was not allowed, with the setting that allows it."""
    return NotAllowedError(
        "The model comes with code of its own",
        where=settings.model,
        remedy="Read that code; if you trust it, add " + trust_setting(settings, {source: revision}),
    )


def trust_setting(settings: EncoderSettings, wanted: Mapping[str, str]) -> str:
    """The setting that allows these too, to paste."""
    others = {name: revision for name, revision in settings.allowed.items() if name not in wanted}
    return "trust=" + ",".join(f"{name}@{revision}" for name, revision in (others | dict(wanted)).items())
