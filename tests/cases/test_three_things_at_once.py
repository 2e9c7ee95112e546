"""Case 3: a Text-Embeddings-Inference server against the model on disk, with three things wrong at once.

The server runs a stale revision, reads the ``pytorch_model.bin`` that was left when safetensors were added, and does
not normalise. Its operator puts one thing right after the other; each step is a server of its own here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.formatting import plain
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.encoders.server import serving
from tests.models import build, write_modules
from tests.serving import served

NAME = "acme/gte-tiny-zh"
FIRST, STALE, NEWEST = "1f" * 20, "2e" * 20, "3d" * 20  # only the .bin; safetensors added; safetensors corrected
STEPS = ["as it was found", "the .bin deleted", "the newest revision", "normalised"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The hub's cache with three revisions of a model, of which the last two carry the first one's .bin along."""
    import huggingface_hub.constants as hub

    root = tmp_path_factory.mktemp("hub")
    snapshots = root / f"models--{NAME.replace('/', '--')}" / "snapshots"
    newest, stale, first = (snapshots / revision for revision in (NEWEST, STALE, FIRST))
    build("BERT, CLS", newest)
    write_modules(newest, 32, "mean_tokens")
    _save(newest, "pytorch_model.bin", seed=1)
    shutil.copytree(newest, stale)
    _save(stale, "model.safetensors", seed=2)
    shutil.copytree(stale, first)
    (first / "model.safetensors").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "HF_HUB_CACHE", str(root))
        patch.setattr(hub, "HF_HUB_OFFLINE", True)
        yield snapshots


def _save(folder: Path, name: str, seed: int) -> None:
    """Weights of another day in the training of the model: near to the newest, and not the same."""
    import torch
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(seed)
    newest = load_file(folder.parent / NEWEST / "model.safetensors")
    weights = {key: value + 0.02 * torch.randn(value.shape, generator=generator) for key, value in newest.items()}
    if name.endswith(".bin"):
        torch.save(weights, folder / name)
    else:
        save_file(weights, folder / name, metadata={"format": "pt"})


def _model(folder: Path, *, safetensors: bool) -> Callable[[list[str]], np.ndarray]:
    """The real model as a server holds it: vectors as the pooling leaves them."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": safetensors}
    )
    del model[2]  # Normalize: whether to is the server's to decide
    return lambda texts: model.encode(texts, convert_to_numpy=True, show_progress_bar=False)


@pytest.fixture(scope="module")
def story(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Four servers compared with the model on disk over HTTP, and each diagnosed."""
    told = Story(tmp_path_factory.mktemp("case-3"))
    setups = [(STALE, False, "raw"), (STALE, True, "raw"), (NEWEST, True, "raw"), (NEWEST, True, "ok")]
    with ExitStack() as servers:
        candidates: list[str] = []
        for step, (revision, safetensors, mode) in zip(STEPS, setups, strict=True):
            info = {"model_id": NAME, "model_sha": revision, "max_input_length": 128}
            model = _model(cache / revision, safetensors=safetensors)
            server = servers.enter_context(serving(mode, model, **info))
            candidates += ["--candidate", f"tei:{server.url}?label={step}"]
        said = told.run("parity", "--reference", f"sentence-transformers:{NAME}@{NEWEST}?label=on disk", *candidates)
    assert f"{STEPS[0]} says that it is revision {STALE}; the reference is {NEWEST}." in said
    assert "pytorch_model.bin differs from the safetensors beside it" in said
    told.run("diagnose", "last")
    return told


def test_preflight_reports_the_bin_beside_the_safetensors(cache: Path, tmp_path: Path) -> None:
    [finding] = json.loads(Story(tmp_path).run("preflight", NAME, "--revision", NEWEST, "--json", status=1))
    assert finding["code"] == "stale-bin"
    assert "pytorch_model.bin differs from the safetensors beside it" in finding["seen"]
    assert "Delete pytorch_model.bin" in finding["remedy"]


def test_scale_is_told_apart_from_direction(story: Story) -> None:
    rows = story.ask(
        "SELECT label, verdict, sentence, mean, (SELECT min(l2) FROM drift d WHERE d.encoder_id = s.encoder_id)"
        " FROM drift_summary s JOIN encoders USING (encoder_id)"
    )
    found = {label: row for label, *row in rows}
    assert [found[step][0] for step in STEPS] == ["differs everywhere", "differs everywhere", "scale only", "identical"]
    for step in STEPS[:3]:
        assert found[step][3] > 1  # as people saw it: an L2 above 1 on every text
        assert "times as long: one side normalises and the other does not" in found[step][1]
    assert all(found[step][2] > 1e-3 for step in STEPS[:2])
    assert found[STEPS[2]][2] < 1e-12
    neither = story.ask(
        "SELECT max(l2_normalised) FROM drift JOIN encoders USING (encoder_id) WHERE label = ?", STEPS[2]
    )
    assert neither[0][0] < 1e-5  # nothing but the scale


def test_revisions_of_both_sides_and_the_files_that_can_be_seen_are_recorded(story: Story) -> None:
    rows = {label: rest for label, *rest in story.ask("SELECT label, model, revision, files FROM encoders")}
    assert {label: rest[:2] for label, rest in rows.items()} == {
        "on disk": [NAME, NEWEST], STEPS[0]: [NAME, STALE], STEPS[1]: [NAME, STALE], STEPS[2]: [NAME, NEWEST],
        STEPS[3]: [NAME, NEWEST],
    }  # fmt: skip
    digests = {entry["path"]: entry["sha256"] for entry in json.loads(rows["on disk"][2])}
    assert {"model.safetensors", "pytorch_model.bin"} <= digests.keys()
    assert json.loads(rows[STEPS[0]][2]) == []  # a server tells its commit and none of its files


def test_each_cause_is_named_and_those_that_vectors_cannot_tell_apart_are_one_class(story: Story) -> None:
    causes = {step: set(named) for step, named in story.causes().items()}
    scale, stale = "normalisation missing", f"weights of revision {STALE[:12]}"
    assert causes == {
        STEPS[0]: {scale, f"pytorch_model.bin of revision {STALE[:12]}"},
        STEPS[1]: {scale, stale},
        STEPS[2]: {scale},
        STEPS[3]: set(),
    }
    [(alike,)] = story.ask(
        "SELECT same_as FROM diagnosis_causes WHERE accepted AND cause LIKE 'pytorch_model.bin of %'"
    )
    # The same bytes lie in all three revisions. The server's own commit says which of them is stated first.
    assert set(alike) == {f"weights of revision {FIRST[:12]}", "weights of pytorch_model.bin"}
    left = story.ask("SELECT label, unexplained FROM diagnoses JOIN encoders ON encoder_id = candidate")
    assert all(share < 1e-5 for label, share in left if label != STEPS[3])


def test_the_proof_is_what_the_reference_gives_under_the_causes(story: Story) -> None:
    for step in STEPS[:3]:
        story.prove(step)


def test_what_preflight_found_is_kept_with_the_check(story: Story) -> None:
    found = story.ask(
        "SELECT code, label FROM findings JOIN encoders ON subject = encoder_id JOIN runs USING (run_id)"
        " WHERE kind = 'parity'"
    )
    assert found == [("stale-bin", "on disk")]


def test_the_pages_tell_it(monkeypatch: pytest.MonkeyPatch, story: Story) -> None:
    drift = page(monkeypatch, story.store, encoder=STEPS[0])
    words = said(drift)
    assert "1 encoder of 4 is the same model" in words and "cannot be told from" in words
    assert any("Normalise the vectors" in code.value for code in drift.code)
    assert plain(f"Normalisation missing and pytorch_model.bin of revision {STALE[:12]}") in words
    assert plain(f"Another revision: {STALE[:12]}, and {NEWEST[:12]} in the reference.") in words
    assert any("differs from the safetensors beside it" in expander.label for expander in drift.expander)
    codes = [code.value for code in drift.code]
    assert any(code.startswith("Delete pytorch_model.bin") for code in codes)
    assert any(code.startswith(f"Load revision {NEWEST}") for code in codes)
    settings = page(monkeypatch, story.store, encoder=STEPS[0], beside="settings")
    tables = [table.value for table in settings.dataframe if "Setting" in table.value.columns]
    assert ["revision", NEWEST, STALE] in tables[0].iloc[:, 1:].to_numpy().tolist()
    [(check,)] = story.ask("SELECT run_id FROM runs WHERE kind = 'parity'")
    runs = page(monkeypatch, story.store, "runs", run=check, part="Findings")
    assert any("differs from the safetensors beside it" in expander.label for expander in runs.expander)
    [(run,)] = story.ask("SELECT run_id FROM runs WHERE kind = 'diagnose'")
    labels = [expander.label for expander in page(monkeypatch, story.store, "runs", run=run, part="Findings").expander]
    assert any(f"**{plain(STEPS[1])}** · weights of revision {STALE[:12]}" in label for label in labels)


@pytest.fixture(scope="module")
def site(story: Story) -> Iterator[str]:
    with served(story.store, story.folder / "served.log") as address:
        yield address


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_somebody_who_opens_the_link_sees_the_steps_the_causes_and_the_remedies(site: str, open_page: Any) -> None:
    view = open_page(f"{site}/drift?encoder=as+it+was+found&drift_view=encoders", height=2600)
    expect(view.get_by_text("1 encoder of 4 is the same model")).to_be_visible()
    expect(
        view.get_by_text("Normalisation missing and pytorch_model.bin of revision 2e2e2e2e2e2e").first
    ).to_be_visible()
    expect(view.get_by_text("cannot be told from").first).to_be_visible()
    expect(view.get_by_test_id("stCode").filter(has_text="Normalise the vectors")).to_be_visible()
