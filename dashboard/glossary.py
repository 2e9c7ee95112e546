"""What our words mean: every term of ours that a page uses, in a sentence or two, and where its rule stands.

A column's or control's help uses a term by its name here; ``dashboard/sections/glossary.py`` shows them on every page.
"""

from __future__ import annotations

from typing import NamedTuple

from dashboard.words import mark

__all__ = ["TERMS", "Term"]


class Term(NamedTuple):
    """A word of ours: what it means, the file and heading its rule stands under, and the pages that use it most."""

    name: str
    meaning: str
    rule: tuple[str, str]
    pages: tuple[str, ...]


_STORE, _PREFLIGHT = "data/README.md", "docs/preflight.md"
_CONTRACT, _IMPORTING = (_STORE, "The contract for others"), (_STORE, "Importing the record")
_PARITY, _REPRODUCED = (_STORE, "Parity checks"), ("docs/reproduce.md", "What is kept")
_DELTAS, _FLOORS, _SURE = (_STORE, "Deltas and verdicts"), (_STORE, "Noise floors"), (_STORE, "How sure a rank is")
_FILLED = (_STORE, "Filling in")
_RANKED, _FIGURES, _VECTORS = ("leaderboard", "use", "compare", "models"), ("reproduction",), ("drift",)

TERMS = (
    Term(mark("Task"), mark(
        "A data set with the question put to a model on it, as retrieval or classification, and the measure of the "
        "answer. Tasks of one kind are a task type."), _CONTRACT, ("tasks", *_RANKED)),
    Term(mark("Benchmark"), mark(
        "A list of tasks that models are ranked on together."), _CONTRACT, _RANKED),
    Term(mark("Split"), mark(
        "The part of a data set a score is measured on, mostly “test”."), _CONTRACT, ("tasks", *_FIGURES)),
    Term(mark("Subset"), mark(
        "A part of a task with a score of its own, mostly a language or a pair of them."), _CONTRACT,
        ("tasks", *_FIGURES)),
    Term(mark("Cell"), mark(
        "The smallest thing that has a score: one model at one revision, on one split and subset of one task."),
        _CONTRACT, ("reproduction", "tasks", "changes")),
    Term(mark("Main score"), mark(
        "The one measure of a task that counts for its rank. It is kept from 0 to 1 and shown from 0 to 100, in "
        "points."), _CONTRACT, ("tasks", *_RANKED)),
    Term(mark("Points"), mark(
        "Hundredths of a score: from 70.00 to 71.50 is 1.50 points."), _CONTRACT, ("compare", *_FIGURES)),
    Term(mark("Revision"), mark(
        "The exact state of a model or a data set, as a commit of its repository. Figures of two revisions need not "
        "agree."), _IMPORTING, ("reproduction", "runs", "drift")),
    Term(mark("Borda rank"), mark(
        "MTEB's rank: on every task a model earns a point for each model it beats, and the points are added up. A task "
        "it has no score on earns it nothing."), _CONTRACT, _RANKED),
    Term(mark("Mean (Task)"), mark(
        "The plain mean over the tasks. It is blank as soon as one task is missing."), _CONTRACT, _RANKED),
    Term(mark("Mean (TaskType)"), mark(
        "The mean of the means of the task types, so that a type with many tasks weighs no more than one with few."),
        _CONTRACT, _RANKED),
    Term(mark("Predicted mean"), mark(
        "What the mean of a model that lacks tasks would come to, with its interval, by the tasks it has and the other "
        "models of the record. It is no score, and in no rank unless one asks for it."),
        _FILLED, ("leaderboard", "replace")),
    Term(mark("Rank range"), mark(
        "Where the rank would lie, 19 times in 20, had the benchmark been made of other tasks like these."), _SURE,
        _RANKED),
    Term(mark("Tied"), mark(
        "Two models whose difference the tasks cannot tell from chance: the interval of their mean difference on the "
        "tasks both have holds zero."), _SURE, ("overview", *_RANKED)),
    Term(mark("Shared tasks"), mark(
        "The tasks on which all models that are compared have a score. Only there can they be compared."), _SURE,
        ("compare", "leaderboard")),
    Term(mark("Strict"), mark(
        "Only figures run on today's data with a model's usual revision count; what a model card alone says is left "
        "out."), _CONTRACT, ("leaderboard", "use", "compare")),
    Term(mark("Zero-shot"), mark(
        "The share of a benchmark's tasks a model was not trained on, in percent. 100% has seen none of them; blank "
        "is where nobody said."), _CONTRACT, _RANKED),
    Term(mark("Private"), mark(
        "What only this machine knows: a model or task that is in no registry and has no published result."), _CONTRACT,
        ("leaderboard", "runs")),
    Term(mark("Licence class"), mark(
        "What a licence lets a company do: commercial use, commercial use with conditions, no commercial use, or "
        "unknown. A reading aid, no legal advice."), (_STORE, "Licences"), ("leaderboard", "use")),
    Term(mark("Robust"), mark(
        "A model that keeps its place in 95% of the choices of weights around those given."),
        (_STORE, "Weights of one's own"), ("use",)),
    Term(mark("Peers"), mark(
        "The models of half to twice a model's size. A percentile is the share of them that score lower."),
        _CONTRACT, ("models",)),
    Term(mark("Baseline"), mark(
        "The model that the others are compared with: differences are theirs minus its own."), _SURE, ("compare",)),
    Term(mark("Incumbent"), mark(
        "The model somebody uses now and may replace."), _SURE, ("overview", "replace")),
    Term(mark("Budget"), mark(
        "What may be spent to learn a benchmark's mean: a share of the time that all its tasks take, a number of "
        "tasks, or minutes."), ("docs/budget.md", "How"), ("budget",)),
    Term(mark("Family"), mark(
        "Models of one maker and name, made from one another or nearly equal. One would give the others away, so they "
        "are left out together."), ("docs/budget.md", "Families"), ("budget",)),
    Term(mark("Official run"), mark(
        "A figure that was run with mteb and published in MTEB's results."), _CONTRACT,
        ("reproduction", "leaderboard")),
    Term(mark("Reported figure"), mark(
        "A figure from the model's own card: nobody else ran it."), _CONTRACT, ("reproduction", "leaderboard")),
    Term(mark("Own run"), mark(
        "A figure that was measured on this machine, or on a colleague's: a reproduced one."), _REPRODUCED,
        ("reproduction", "runs")),
    Term(mark("Claim"), mark(
        "The figure that is checked: a model card's, or a published one."), _DELTAS, _FIGURES),
    Term(mark("Check"), mark(
        "The figure a claim is held against: an official run, or a run of this machine. A check of vectors compares "
        "encoders text by text."), _DELTAS, ("overview", "reproduction", "drift")),
    Term(mark("Noise floor"), mark(
        "How far honest runs of one model on one task differ, learned from pairs that were published twice."), _FLOORS,
        ("reproduction", "compare")),
    Term(mark("Match"), mark(
        "The two figures differ by no more than the noise floor."), _DELTAS, _FIGURES),
    Term(mark("Drift"), mark(
        "Of figures: a small difference beyond the noise floor. Of vectors: how far those an encoder gives are from "
        "the reference's."), _DELTAS, ("reproduction", "drift", "overview")),
    Term(mark("Gap"), mark(
        "The two figures are too far apart to be noise."), _DELTAS, ("overview", *_FIGURES)),
    Term(mark("Broken"), mark(
        "A gap in which a large part of the claimed score is gone, three tenths if nobody says otherwise."), _DELTAS,
        ("overview", *_FIGURES)),
    Term(mark("Not comparable"), mark(
        "The two figures are of other data, another metric or of nothing in common, so a difference proves nothing. It "
        "is no part of any share."), _DELTAS, _FIGURES),
    Term(mark("Badge"), mark(
        "What is known of a model as a whole: reproduced, contradicted, or not reproduced where nothing could be "
        "compared."), _DELTAS, ("leaderboard",)),
    Term(mark("Contradicted"), mark(
        "More than a quarter of a model's tasks that could be checked do not hold."), _DELTAS,
        ("overview", "leaderboard")),
    Term(mark("Encoder"), mark(
        "A way to get a model's vectors: a library on this machine, a server, a program or a file of vectors."),
        _PARITY, _VECTORS),
    Term(mark("Parity"), mark(
        "Whether two encoders give the same vectors for the same texts."), _PARITY, ("drift", "runs")),
    Term(mark("Reference"), mark(
        "The encoder that stands for the model in a check of vectors; the others are candidates."), _PARITY, _VECTORS),
    Term(mark("Probe"), mark(
        "A text made to show one kind of fault, as white space at its ends, capitals or great length. It has a trait "
        "that says which."), _PARITY, _VECTORS),
    Term(mark("Unstable"), mark(
        "An encoder that disagrees with itself: loads, repeats, batches or the order of the texts change its vectors."),
        _PARITY, ("overview", *_VECTORS)),
    Term(mark("Preflight"), mark(
        "A look at a model's files, code, weights and tokenizer before a text is encoded."), (_PREFLIGHT, "Preflight"),
        ("runs",)),
    Term(mark("Finding"), mark(
        "Something that was seen in a model's files or vectors, with what it means and what to do."),
        (_PREFLIGHT, "Faults it finds"), ("overview", "runs", "drift")),
    Term(mark("Severity"), mark(
        "How much a finding matters. Fatal: the model cannot give right vectors. Serious: it probably does not. "
        "Notice: worth knowing."), (_PREFLIGHT, "Preflight"), ("overview", "runs")),
    Term(mark("Cause"), mark(
        "What makes vectors or scores differ, as a missing prompt or another pooling. A diagnosis proves it: under it "
        "the reference gives the candidate's vectors."), ("docs/diagnosis.md", "How"), ("drift", "reproduction")),
    Term(mark("Import"), mark(
        "One reading of the record into the store. Two imports can be compared."), _IMPORTING, ("changes", "overview")),
    Term(mark("Record"), mark(
        "All published figures together, as they stand in MTEB's results."), _IMPORTING, ("overview", "changes")),
    Term(mark("Outdated"), mark(
        "A decision of which a figure is another one now."), ("README.md", "The pages"), ("decisions", "overview")),
)  # fmt: skip
