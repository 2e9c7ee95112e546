"""A prompt or an instruction of a longer list than causes are tried from: told by the shortest texts behind it.

Instructions are many and alike in what they do: the right one brings its texts to the candidate's vectors to the last
digits, its siblings half the way. So all are looked at on one text in the frames most used, the nearest in every frame
on a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.rules.causes import CAUSES, Cause
from data.rules.causes.instructions import FRAMES, INSTRUCTIONS, SHORT_PROMPTS
from evaluators.diagnose.causes.generated import known_prompts
from evaluators.diagnose.directions import left, off_by_rows, rows_alike
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import Errors
from evaluators.diagnose.recipe import edited
from evaluators.diagnose.reference import Embeddings

__all__ = ["prompts_put"]

_ON = {"query": "prompt-on-queries", "document": "prompt-on-documents"}
_BUT_ON = {"query": "prompt-but-on-queries", "document": "prompt-but-on-documents"}

_TEXTS = 3  # that tell
_SHORTEST = 3  # characters of one
_FAR = 0.05  # distance of the texts behind a prompt, which are the shortest; an arithmetic moves them less
# Of the prompts looked at first, those that are before all others; behind any prompt another one is nearer than none.
_SOME, _AT_ALL = 5, 0.95
_NEARER = 0.85  # of the distance before, the nearest of those looked at first
_NEAREST = 8  # instructions tried in every frame
_RIGHT = 0.25  # of the distance before, all of a few texts: beside a coarse arithmetic


def prompts_put(bench: Bench, candidate: Embeddings, early: tuple[Cause, ...]) -> list[Cause]:
    """The prompt that all texts have before them, or those of a role, on top of early causes; nothing where none is."""
    if any(cause.family == "prompt" for cause in early):
        return []
    looked = _Looked(bench, candidate, early)
    by_role = {role: prompt for role in dict.fromkeys(bench.texts.roles) if (prompt := looked.prompt_of(role))}
    if not by_role or (len(set(by_role.values())) == 1 and set(known_prompts()) >= set(by_role.values())):
        return []  # every cause of such a prompt is tried anyway
    prompts, absent = set(by_role.values()), set(bench.texts.roles) - by_role.keys()
    chosen: dict[str | None, str] = {**looked.own, **by_role}
    values = {
        "prompt": _one_line(next(iter(prompts))),
        "how": "in the place of the model's own" if looked.own else "added",
    }
    if by_role.keys() == _ON.keys() and len(prompts) > 1:
        code = "prompts-of-roles"
        values = {str(role): _one_line(prompt) for role, prompt in by_role.items()}
    elif len(prompts) == 1 and not absent:
        code, chosen = "prompt-known", {None: prompts.pop()}
    elif len(by_role) == 1:
        code = _ON.get(str(*by_role), "")
    elif len(prompts) == len(absent) == 1:
        code = _BUT_ON.get(str(*absent), "")
    else:
        code = ""
    if not code:
        return []  # no cause has these roles
    snippet = f"prompts = {chosen!r}"
    return [CAUSES[code].filled(values, changes={"prompts": tuple(chosen.items())}, snippet=snippet)]


def _one_line(prompt: str) -> str:
    return prompt.replace("\n", "\\n")


class _Looked:
    """The texts of each role, and how near a prompt brings them."""

    def __init__(self, bench: Bench, candidate: Embeddings, early: tuple[Cause, ...]) -> None:
        self._bench, self._candidate, self._recipe = bench, candidate, bench.under(early)
        self._before = left(bench, candidate, self._recipe)
        self.own = dict(bench.reference.recipe.prompts)

    def prompt_of(self, role: str | None) -> str | None:
        """The prompt before all texts of a role; None where none of those known brings its shortest ones right."""
        texts, roles, _ = self._bench.texts
        places = [place for place, one in enumerate(roles) if one == role and len(texts[place].strip()) >= _SHORTEST]
        places = sorted(places, key=lambda place: len(texts[place]))[:_TEXTS]
        if not places or float(self._before.best[places].min()) < max(_FAR, float(self._before.tolerance.max())):
            return None
        first = [*SHORT_PROMPTS, *(frame.format(one) for frame in FRAMES[:2] for one in INSTRUCTIONS)]
        few = self._off(places[0], first[::_SOME])
        if few.min() > _AT_ALL * self._before.best[places[0]]:
            return None
        off = self._off(places[0], first)
        if off.min() > _NEARER * self._before.best[places[0]]:
            return None
        near = [first[place] for place in np.argsort(off, kind="stable")[: 2 * _NEAREST]]
        nearest = dict.fromkeys(one for prompt in near for one in INSTRUCTIONS if one in prompt)
        prompts = [*near, *_framed(list(nearest)[:_NEAREST])]
        left_of = np.stack([self._off(place, prompts) / self._before.best[place] for place in places]).max(0)
        best = int(left_of.argmin())
        return prompts[best] if left_of[best] < _RIGHT else None

    def _off(self, place: int, prompts: Sequence[str]) -> Errors:
        """How far a text is off behind each prompt."""
        text, role = self._bench.texts.texts[place], self._bench.texts.roles[place]
        whole = [edited(text, role, replace(self._recipe, prompts=((None, prompt),))) for prompt in prompts]
        bench, rows = rows_alike(self._bench, whole, role, replace(self._recipe, prompts=(), edits=()))
        return off_by_rows(bench, self._recipe, rows, self._before.way, self._candidate[[place]])


def _framed(instructions: Sequence[str]) -> list[str]:
    """Instructions in every frame, with a full stop and without."""
    return [frame.format(one + stop) for frame in FRAMES for one in instructions for stop in ("", ".")]
