"""What a model asks of a machine, and the bookkeeping of what is left to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.store.vocabulary import Status
from evaluators.fleet.plan import FleetPrices, ModelSetUp, Resources
from evaluators.fleet.slots import ModelSize, Place, slot_for
from evaluators.fleet.state import CellState, FleetState, SetUpState
from evaluators.fleet.summary import summary_of
from evaluators.reproduce.request import ModelRequest

LAPTOP, SERVER = Place(8, 0, 16_000), Place(64, 8, 500_000)
SMALL, LARGE = ModelSize(118e6, 449), ModelSize(7.6e9, 14_433)


def setup(**resources: float | int | None) -> ModelSetUp:
    return ModelSetUp("m", "m", ModelRequest("org/m"), 32, Resources(**resources))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "machine", "asked", "place"),
    [
        (SMALL, LAPTOP, {}, Place(2, 0, 1500 + 2.5 * 449)),
        (LARGE, LAPTOP, {}, Place(4, 0, 16_000)),  # cut to the machine
        (ModelSize(None, None), LAPTOP, {}, Place(1, 0, 1500)),
        (SMALL, SERVER, {}, Place(2, 0.25, 1500 + 449)),
        (LARGE, SERVER, {}, Place(2, 1, 1500 + 14_433)),
        (ModelSize(70e9, 140_000), SERVER, {}, Place(2, 2, 1500 + 140_000)),
        (LARGE, LAPTOP, {"gpus": 1, "memory_mb": 80_000}, Place(4, 1, 80_000)),  # what a plan asks for is not cut
    ],
)
def test_a_place_by_size_and_by_plan(size: ModelSize, machine: Place, asked: dict[str, float], place: Place) -> None:
    slot = slot_for(setup(**asked), size, [Place(1, 0, 1000), machine])
    assert slot is not None and slot == pytest.approx(place, abs=1)


def test_what_was_too_little_is_doubled_as_far_as_a_machine_has_it() -> None:
    sizes = [slot_for(setup(), SMALL, [SERVER], growth) for growth in range(5)]
    assert [size.gpus for size in sizes if size] == [0.25, 1, 2, 4, 8]
    assert slot_for(setup(), SMALL, [SERVER], 5) is None
    assert slot_for(setup(), LARGE, [LAPTOP], 1) is None


def state() -> SetUpState:
    cells = {
        name: CellState(name, expected=seconds) for name, seconds in (("a", 10), ("b", 30), ("c", None), ("d", 20))
    }
    return SetUpState("m", "m", "org/m", cells)


def test_long_ones_first_and_those_of_which_nothing_is_known_before_all() -> None:
    assert [cell.task for cell in state().waiting()] == ["c", "b", "d", "a"]


def test_what_is_left_is_scaled_by_what_was_finished() -> None:
    model = state()
    assert model.seconds_left() is None  # of c nothing is known
    model.cells["a"].status, model.cells["a"].seconds = Status.DONE, 20.0
    assert model.seconds_left() == 2 * 30 + 2 * 20 + 20
    model.refuse("no weights")
    assert model.over and model.count(Status.DONE) == 1 and model.count(Status.FAILED) == 3


def test_rate_time_left_and_cost() -> None:
    model = state()
    model.cells["a"].status, model.cells["a"].seconds = Status.DONE, 10.0
    how = {"seconds": 36.0, "spent": (72.0, 36.0), "taken": (2.0, 1.0), "at_work": 1, "asked": 0}
    summary = summary_of(FleetState([model]), FleetPrices(0.5, 3.0), **how)
    assert (summary.cells, summary.done, summary.an_hour, summary.seconds_left) == (4, 1, 100, 60)
    assert summary.cost == pytest.approx(0.04) and summary.cost_left == pytest.approx(60 / 3600 * 4, abs=1e-4)
    assert (
        summary_of(FleetState([model]), FleetPrices(0.5, None), **how).cost is None
    )  # cards were used, at what price?
    assert SetUpState.of_record(model.as_record()) == model


@pytest.mark.slow
def test_a_size_is_read_from_a_folder(tmp_path: Path) -> None:
    from evaluators.fleet.slots import model_size

    (tmp_path / "model.safetensors").write_bytes(bytes(4 * 2**20))
    size = model_size(setup()._replace(request=ModelRequest(str(tmp_path))))
    assert size == ModelSize(2**20, 4)
    assert model_size(setup()._replace(request=ModelRequest("intfloat/multilingual-e5-small"))).parameters == 118e6
