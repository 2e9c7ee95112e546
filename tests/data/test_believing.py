"""One verdict a model: two witnesses outvote the third, and what moved for everybody is charged to the task."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.queries.believing import beliefs_of_models
from dashboard.words import catalogue_of
from data.rules.believing import Belief, BeliefVerdict, Suspect, beliefs
from data.rules.deltas import thresholds
from data.store.database import StoreReader
from data.store.vocabulary import Comparison, Origin, Verdict

CARD, OWN, OWN_CARD = Comparison.REPORTED, Comparison.REPRODUCED, Comparison.CARD


def deltas_of(*rows: tuple[Comparison, str, float, float], model: str = "org/m") -> pd.DataFrame:
    """Deltas of one model: kind, task, claim and check; what differs by more than .02 does not hold."""
    frame = pd.DataFrame(rows, columns=["kind", "task", "claim_score", "check_score"])
    delta = frame["check_score"] - frame["claim_score"]
    verdict = [Verdict.MATCH if abs(d) <= 0.02 else Verdict.GAP for d in delta]
    return frame.assign(
        model=model, delta=delta, verdict=verdict, comparable=True, obstacle=None,
        check_id=range(len(frame)),
        claim_origin=[Origin.OFFICIAL if kind == OWN else Origin.REPORTED for kind in frame["kind"]],
    )  # fmt: skip


def one(frame: pd.DataFrame, charged: tuple[str, ...] = ()) -> Belief:
    (belief,) = beliefs(frame, charged)
    return belief


def cards(losses: list[float], claim: float = 0.6) -> list[tuple[Comparison, str, float, float]]:
    return [(CARD, f"t{i}", claim, claim - loss) for i, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("losses", "verdict", "suspect"),
    [
        ([0, 0, 0, 0], BeliefVerdict.HOLDS, Suspect.NOBODY),
        ([0, 0, 0, 0.1], BeliefVerdict.HOLDS, Suspect.NOBODY),  # a quarter is let pass, as on badges
        ([0, 0, 0.1, 0.1], BeliefVerdict.ABOVE, Suspect.CARD),
        ([0, 0, -0.1, -0.1], BeliefVerdict.BELOW, Suspect.NOBODY),
        ([0.1, 0.1, -0.1, -0.1], BeliefVerdict.MIXED, Suspect.NOBODY),
        ([0.5, 0.5, 0, 0], BeliefVerdict.OFFICIAL_SUSPECT, Suspect.OFFICIAL),  # a sixth is left: nobody claims that
    ],
)
def test_card_against_the_official_run(losses: list[float], verdict: BeliefVerdict, suspect: Suspect) -> None:
    belief = one(deltas_of(*cards(losses)))
    assert (belief.verdict, belief.suspect) == (verdict, suspect)
    assert belief.compared == 4 and belief.held == sum(abs(loss) <= 0.02 for loss in losses)
    assert belief.why and (belief.typical is None) == (belief.held == 4)


def test_our_run_that_agrees_with_the_card_makes_the_official_one_suspect() -> None:
    ours = [(OWN, f"t{i}", 0.5, 0.6) for i in range(4)] + [(OWN_CARD, f"t{i}", 0.6, 0.6) for i in range(4)]
    belief = one(deltas_of(*cards([0.1] * 4), *ours))
    assert (belief.verdict, belief.suspect) == (BeliefVerdict.OFFICIAL_SUSPECT, Suspect.OFFICIAL)
    assert "4 of 4" in belief.why[0]


def test_our_run_that_agrees_with_the_official_one_makes_the_card_suspect() -> None:
    ours = [(OWN, f"t{i}", 0.5, 0.5) for i in range(4)] + [(OWN_CARD, f"t{i}", 0.6, 0.5) for i in range(4)]
    belief = one(deltas_of(*cards([0.1] * 4), *ours))
    assert (belief.verdict, belief.suspect) == (BeliefVerdict.ABOVE, Suspect.CARD)


def test_our_run_alone_against_two_that_agree_is_the_suspect() -> None:
    belief = one(deltas_of(*cards([0] * 4), *((OWN, f"t{i}", 0.6, 0.3) for i in range(4))))
    assert (belief.verdict, belief.suspect) == (BeliefVerdict.OURS_DIFFER, Suspect.OURS)
    assert any("agree on 4" in reason for reason in belief.why)


def test_our_run_against_a_figure_nobody_else_has() -> None:
    belief = one(deltas_of(*((OWN, f"t{i}", 0.6, 0.3) for i in range(4))))
    assert (belief.verdict, belief.suspect) == (BeliefVerdict.OURS_DIFFER, Suspect.OURS)
    assert one(deltas_of(*((OWN, f"t{i}", 0.6, 0.6) for i in range(4)))).verdict == BeliefVerdict.HOLDS


def test_of_several_runs_of_a_task_the_one_that_agrees_best_speaks() -> None:
    ours = [(OWN, "t0", 0.6, 0.1), (OWN, "t0", 0.6, 0.6)]
    assert one(deltas_of(*ours)).verdict == BeliefVerdict.HOLDS


def test_a_task_holds_only_with_all_of_its_cells() -> None:
    frame = deltas_of((CARD, "t0", 0.6, 0.6), (CARD, "t0", 0.6, 0.4))
    assert one(frame.assign(check_id=0)).held == 0


def test_what_moved_for_most_models_is_charged_to_the_task() -> None:
    frame = deltas_of(*cards([0.1, 0.1, 0, 0]))
    assert one(frame).verdict == BeliefVerdict.ABOVE
    belief = one(frame, ("t0", "t1", "elsewhere"))
    assert (belief.verdict, belief.suspect) == (BeliefVerdict.TASKS_MOVED, Suspect.TASKS)
    assert (belief.compared, belief.held, belief.charged) == (4, 2, 2)
    assert one(frame, ("t0", "t1", "t2", "t3")).verdict == BeliefVerdict.TASKS_MOVED
    holding = one(deltas_of(*cards([0, 0, 0, 0])), ("t0",))
    assert (holding.verdict, holding.charged) == (BeliefVerdict.HOLDS, 0)


def test_nothing_comparable_is_no_verdict() -> None:
    frame = deltas_of(*cards([0.1] * 3)).assign(comparable=False, verdict=Verdict.NOT_COMPARABLE)
    assert one(frame).verdict == BeliefVerdict.NOT_COMPARABLE
    assert "other metrics" in one(frame.assign(obstacle="metric")).why[0]


def test_few_tasks_are_said_and_the_gravest_comes_first() -> None:
    frames = [
        deltas_of(*cards([loss]), model=name) for name, loss in (("a/holds", 0), ("b/wrecked", 0.5), ("c/above", 0.1))
    ]
    judged = beliefs(pd.concat(frames))
    assert [belief.model for belief in judged] == ["b/wrecked", "c/above", "a/holds"]
    assert all("single task" in belief.why[-1] for belief in judged)


def test_every_verdict_and_side_has_words() -> None:
    said = catalogue_of("zh")
    assert all(verdict in said for verdict in BeliefVerdict)
    assert all(side in said for side in Suspect if side is not Suspect.NOBODY)


def test_the_known_case_of_the_record(record_reader: StoreReader) -> None:
    """jina-embeddings-v2 on HotpotQA: 1.97 published for a claim of 56.48, weights that were drawn at random."""
    by_model = {belief.model: belief for belief in beliefs_of_models(record_reader.cursor(), thresholds())}
    jina = by_model["jinaai/jina-embeddings-v2-base-en"]
    assert (jina.verdict, jina.suspect) == (BeliefVerdict.OFFICIAL_SUSPECT, Suspect.OFFICIAL)
    assert by_model["sentence-transformers/all-MiniLM-L6-v2"].verdict == BeliefVerdict.HOLDS
    assert sum(belief.verdict == BeliefVerdict.HOLDS for belief in by_model.values()) > 100


def test_a_model_is_in_doubt_by_the_rule_of_its_badge(record_reader: StoreReader) -> None:
    """What the leaderboard calls contradicted holds on no page; what it calls reproduced is in doubt on none."""
    cursor = record_reader.cursor()
    contradicted = {
        model for (model,) in cursor.execute("SELECT model FROM badges WHERE badge = 'contradicted'").fetchall()
    }
    doubted = {
        belief.model
        for belief in beliefs_of_models(cursor, thresholds())
        if belief.verdict not in (BeliefVerdict.HOLDS, BeliefVerdict.NOT_COMPARABLE)
    }
    assert doubted == contradicted
