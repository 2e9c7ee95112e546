"""What a loaded model asks of a machine, by its size; what a plan says stands before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evaluators.fleet.plan import ModelSetUp

__all__ = ["ModelSize", "Place", "model_size", "slot_for"]

_PROCESS_MB = 1500  # torch, transformers and mteb, before any model
_COPIES = 2.5  # of its weights: what loading holds for a moment, and the vectors of a batch and of a task
# Parameters up to which so many cores serve a model, and such a part of a card: a first guess, which a plan overrules.
_CPUS = ((50e6, 1.0), (300e6, 2.0), (float("inf"), 4.0))
_GPUS = ((200e6, 0.25), (700e6, 0.5), (float("inf"), 1.0))
_CARD_MB = 70_000  # of a card of 80 GB, what weights may take of it
_CPUS_BESIDE_GPU = 2.0


class ModelSize(NamedTuple):
    """Of a model's weights; None is not known."""

    parameters: float | None
    memory_mb: float | None


class Place(NamedTuple):
    """A part of a machine, or all of it."""

    cpus: float
    gpus: float
    memory_mb: float

    def fits(self, machine: Place) -> bool:
        """Whether a machine that has nothing else to do has it."""
        return all(mine <= its for mine, its in zip(self, machine, strict=True))


def model_size(setup: ModelSetUp) -> ModelSize:
    """A model's size: mteb's registry's, else that of the weights in its folder, where this machine has it."""
    import warnings

    import mteb

    request = setup.request
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            meta = mteb.get_model_meta(request.known_as or request.model)
        except (KeyError, ValueError):
            meta = None
    if meta is not None and meta.n_parameters:
        return ModelSize(float(meta.n_parameters), meta.memory_usage_mb or meta.n_parameters * 4 / 2**20)
    if request.folder is None:
        return ModelSize(None, None)
    weights = [path for path in request.folder.rglob("*") if path.suffix in (".safetensors", ".bin", ".onnx", ".pt")]
    memory = sum(path.stat().st_size for path in weights) / 2**20
    return ModelSize(memory * 2**20 / 4, memory)


def slot_for(setup: ModelSetUp, size: ModelSize, machines: Sequence[Place], growth: int = 0) -> Place | None:
    """What a set-up asks for, or None where no machine has more than was too little.

    Args:
        setup: its ``resources`` stand before what its size says.
        size: of its weights.
        machines: what each of the cluster's machines has. What a size asks for is cut to the largest of them; what a
            plan asks for is not, so that a cluster that grows on demand is asked for it.
        growth: how often it was too little: memory and cards double each time.
    """
    asked = setup.resources
    largest = Place(*(max((machine[part] for machine in machines), default=0) for part in range(3)))
    usual = _usual(size, gpus=largest.gpus > 0)
    if largest.cpus:
        usual = Place(*(min(part, most) for part, most in zip(usual, largest, strict=True)))
    slot = Place(
        usual.cpus if asked.cpus is None else asked.cpus,
        usual.gpus if asked.gpus is None else asked.gpus,
        usual.memory_mb if asked.memory_mb is None else asked.memory_mb,
    )
    for _ in range(growth):
        gpus = 0.0 if not slot.gpus else 1.0 if slot.gpus < 1 else slot.gpus * 2
        slot = Place(slot.cpus, gpus, slot.memory_mb * 2)
    return slot if not growth or any(slot.fits(machine) for machine in machines) else None


def _usual(size: ModelSize, *, gpus: bool) -> Place:
    parameters, weights = size.parameters or 0.0, size.memory_mb or 0.0
    if not gpus:
        cpus = next(count for most, count in _CPUS if parameters <= most)
        return Place(cpus, 0.0, round(_PROCESS_MB + _COPIES * weights))
    part = next(count for most, count in _GPUS if parameters <= most)
    cards = max(part, float(-(-weights // _CARD_MB))) if weights > _CARD_MB else part
    return Place(_CPUS_BESIDE_GPU, cards, round(_PROCESS_MB + weights))
