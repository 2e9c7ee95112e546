"""To add a cause is to add one entry of the catalogue: diagnosis, store, pages and suggestions then know it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.rules.causes import CAUSES, Cause, Cost
from data.rules.suggestions import Delta, suggest
from data.store.database import open_reader, writing
from data.store.vocabulary import DiagnosisVerdict, Slot
from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.from_store import keep_diagnoses
from evaluators.diagnose.report import print_diagnosis
from tests.dashboard.test_drift_page import page, said
from tests.diagnose.live import write_bert
from tests.make_parity import MODEL, NEWEST, Made, add_check, made_texts, synthetic

# As the file of its slot would have it.
ENTRY = Cause(
    "ampersands-read", "ampersands read aloud", Slot.TEXT, "punctuation",
    "Texts that have ampersands in them become other tokens.", "Hand the texts over with their ampersands.",
    edit=lambda text: text.replace("&", "and"), snippet="texts = [text.replace('&', 'and') for text in texts]",
    costs=(Cost(-0.2, -0.001, -0.001),),
)  # fmt: skip
TEXTS = ["Fish & chips", "a & b", "plain words", "Café & bar", "two & one", "more words than that"]


def test_one_entry_is_all_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = load_reference(str(write_bert(tmp_path / "bert")))
    decoded = Bench(reference, batched([text.replace("&", "and") for text in TEXTS]))
    candidate = decoded.vectors(reference.recipe)
    width = candidate.shape[1]
    assert ENTRY not in catalogue(reference, width, width)
    monkeypatch.setitem(CAUSES, ENTRY.code, ENTRY)
    proved = diagnose(Bench(reference, batched(TEXTS)), candidate)
    assert proved.verdict is DiagnosisVerdict.EXPLAINED
    assert [named.cause for named in proved.causes] == [ENTRY]
    assert proved.sentence == "Ampersands read aloud explains 100.0% of the drift."
    print_diagnosis("it", reference, proved)
    assert "it: explained. Ampersands read aloud explains" in " ".join(capsys.readouterr().out.split())

    with writing(tmp_path / "store.duckdb") as connection:
        now = datetime.now(UTC)
        run = keep_diagnoses(connection, reference, {"it": proved}, check_id=None, command="", started=now)
        probes = made_texts(4)
        add_check(connection, probes, [Made("it", synthetic(4)), Made("other", synthetic(4))], started=NEWEST)
        later = keep_diagnoses(connection, reference, {}, check_id="check-1", command="", started=now)
    cursor = open_reader(tmp_path / "store.duckdb").cursor()
    called = "SELECT model FROM runs WHERE run_id = ?"
    assert cursor.execute(called, [run]).fetchone() == (reference.name,)
    assert cursor.execute(called, [later]).fetchone() == (MODEL,), "as the check calls it, not the folder"
    assert cursor.execute("SELECT cause, code, side FROM diagnosis_causes WHERE accepted").fetchall() == [
        (ENTRY.words, ENTRY.code, "candidate")
    ]
    assert cursor.execute("SELECT code FROM findings").fetchall() == [(ENTRY.code,)]
    at = page(monkeypatch, tmp_path / "store.duckdb", "runs", run=run)
    shown = said(at).replace("\\", "")
    assert f"**{ENTRY.words}** · text" in shown
    assert ENTRY.effect in shown and "−20.0 on sentence pairs" in shown
    assert ENTRY.remedy in [code.value for code in at.code]

    deltas = [Delta("A", "STS", -0.2, 0.82), Delta("B", "Classification", -0.001, 0.8)]
    assert suggest(deltas)[0].code == ENTRY.code
