from __future__ import annotations

import time

import pytest

from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.recipe import combine
from evaluators.probes import load_probes
from tests.models import minilm_folder
from tests.pace import spent


@pytest.mark.soak
def test_sixteen_probes_and_all_single_causes() -> None:
    core = load_probes().core
    bench = Bench(load_reference(str(minilm_folder())), batched([probe.text for probe in core]))
    (cut,) = [cause for cause in catalogue(bench.reference, 384, 384) if cause.words == "texts cut at 64 tokens"]
    vectors = bench.vectors(combine(bench.reference.recipe, (cut,)))
    # 32 s of one free core (`make bench` takes it by the clock). Processor time here, in units of the machine's own,
    # with room for threads that share a core with another test and are charged for it.
    started = time.process_time()
    found = diagnose(bench, vectors)
    assert spent(time.process_time() - started) < 2400
    assert len(core) == 16
    assert [named.cause.words for named in found.causes] == ["texts cut at 64 tokens"]
