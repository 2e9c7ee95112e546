from __future__ import annotations

import pytest

from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.recipe import combine
from evaluators.probes import load_probes
from tests.models import minilm_folder


@pytest.mark.soak
def test_sixteen_probes_and_all_single_causes() -> None:
    core = load_probes().core
    bench = Bench(load_reference(str(minilm_folder())), batched([probe.text for probe in core]))
    (cut,) = [cause for cause in catalogue(bench.reference, 384, 384) if cause.words == "texts cut at 64 tokens"]
    vectors = bench.vectors(combine(bench.reference.recipe, (cut,)))
    found = diagnose(bench, vectors)

    assert bench.passes < 200  # 68; `make bench` takes it by the clock
    assert len(core) == 16
    assert [named.cause.words for named in found.causes] == ["texts cut at 64 tokens"]
