"""What the figures of these tasks tell and what they cannot: for the README beside them, the terminal and task.toml."""

from __future__ import annotations

import math

from evaluators.own.library import MOST_HOLDERS, OwnTask

__all__ = ["CANNOT_TELL", "chance", "doubt", "question_of", "split_meaning"]

_QUESTIONS = {
    "long-cut": "Is an answer found wherever it stands in a long document that is cut into passages?",
    "long-whole": "Is it found where each document is one vector?",
    "languages": "Do questions in one language find texts in two?",
    "planted": "Does a planted text mislead?",
}
_SPLITS = {
    "begin": "a sentence of the first quarter of its document, asked back; the text still has it",
    "middle": "the same from between the quarters",
    "end": "the same from the last quarter",
    "removed": "a sentence asked back for the passage it was taken out of: the rest has to show where it belongs",
    "numbers": "the true passage beside a copy in which a number of the asked sentence is another",
    "negation": "the same with its yes and no exchanged",
    "names": "the same with a name exchanged",
    "claims": "the true passage beside the false sentence alone, which is shorter and all about the question",
    "left-alone": "the same kind of question with no text planted against it: what the others are held against",
}
CANNOT_TELL = (
    "A sentence asked back is no question that a person would ask: it has the passage's own words. A model that only"
    " matches words does well where the sentence is still in the text; what such a figure shows is damage (texts cut"
    " off, vectors of the wrong layer, one language lost), and not which of two sound models understands more.",
    "Where the sentence was taken out, other passages may answer as well as the judged one. No model reaches 1"
    " there, and only differences between models on the same tasks mean something.",
    "A sentence that several passages hold has all of them for its answer (up to"
    f" {MOST_HOLDERS}); one that others nearly hold is not asked. What means the same in other words is not noticed.",
    "A contradiction is made by rule: a few are clumsy, and a few contradict nothing that matters.",
    "Translations are taken at their word, and aligned by the lengths of paragraphs alone.",
    "The figures are of these texts and of no benchmark: there is nothing published to compare them with.",
)
_CLOSE = (
    1.96 * 0.5
)  # of a mean of n figures between 0 and 1 the half width of a 95% interval is this over the root of n


def question_of(task: OwnTask) -> str:
    """The question that a task asks."""
    return next(text for suffix, text in _QUESTIONS.items() if task.suffix.startswith(suffix))


def split_meaning(split: str) -> str:
    """What is asked in a split."""
    if split in _SPLITS:
        return _SPLITS[split]
    asked, _, answered = split.partition("-asks-")
    if asked == answered:
        return f"a sentence in {asked} asked back, its text being in {answered}: what the others are held against"
    return f"the {asked} translation of a sentence, asked for the text that has it in {answered}"


def chance(task: OwnTask) -> float:
    """nDCG@10 of an order drawn by lot, for a question with one answer: the mean of 1 / log2(rank + 1)."""
    size = len(task.corpus)
    return sum(1 / math.log2(rank + 1) for rank in range(1, min(10, size) + 1)) / size


def doubt(questions: int) -> float:
    """How far the figure of a split may be from that of all such questions: at most this, in 95 of 100 cases."""
    return _CLOSE / math.sqrt(questions)
