from __future__ import annotations

import time

import pytest

from data.probes import load_probes
from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.recipe import combine
from tests.models import minilm_folder


@pytest.mark.slow
def test_sixteen_probes_and_all_single_causes_take_less_than_a_minute() -> None:
    core = load_probes().core
    bench = Bench(load_reference(str(minilm_folder())), batched([probe.text for probe in core]))
    (cut,) = [cause for cause in catalogue(bench.reference, 384, 384) if cause.name == "max length 64"]
    vectors = bench.vectors(combine(bench.reference.recipe, (cut,)))
    # Processor time, so that the measure holds whatever else the machine does: 32 s on one thread.
    started = time.process_time()
    found = diagnose(bench, vectors)
    assert time.process_time() - started < 60
    assert len(core) == 16
    assert [named.cause.name for named in found.causes] == ["max length 64"]
