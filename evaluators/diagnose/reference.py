"""The reference: a model loaded by hand, so that every step between text and vector can be changed on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.store.errors import InputError, ModelError
from evaluators.diagnose.recipe import Recipe
from evaluators.preflight.configuration import declared_pooling
from evaluators.preflight.loading import load_model, load_tokenizer
from evaluators.preflight.positions import FROM_PADDING, learned_positions, positions_in_table
from evaluators.preflight.setting_types import malformed
from evaluators.preflight.target import Target, find_target

__all__ = ["SHORT_POOLINGS", "Embeddings", "Projection", "Reference", "load_reference"]

Embeddings = NDArray[np.float32]
# Our short names for sentence-transformers' pooling modes.
SHORT_POOLINGS = {"lasttoken": "last", "mean_sqrt_len_tokens": "mean_sqrt_len"}
_REBUILT = {"Transformer", "Pooling", "Dense", "Normalize"}  # modules of sentence-transformers that we make by hand
_ACTIVATIONS = {"Identity": None, "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu"}


@dataclass(frozen=True)
class Projection:
    """A Dense module: ``activation(x @ weight.T + bias)``."""

    weight: Embeddings
    bias: Embeddings | None
    activation: str | None


@dataclass
class Reference:
    """A model, its tokenizer and the recipe it asks for.

    Attributes:
        name: what the user calls it.
        model: the torch module, in float32, on the CPU, in evaluation mode.
        tokenizer: the model's own tokenizer.
        recipe: how the model is meant to be used.
        projections: its Dense modules, in order.
        declared_prompts: every prompt its files name.
    """

    name: str
    target: Target
    model: Any
    tokenizer: Any
    recipe: Recipe
    projections: tuple[Projection, ...] = ()
    declared_prompts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def positions(self) -> int | None:
        """How many tokens it has learned positions for; None when its positions have no table."""
        named = learned_positions(self.target.config)
        return positions_in_table(self.model, self.target.config) if named is None else named

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        """The id of every token."""
        return dict(self.tokenizer.get_vocab())

    @property
    def offset(self) -> int:
        """The position of the first token: in RoBERTa's family positions begin behind the padding id."""
        config = self.target.config
        return int(config.get("pad_token_id", 0)) + 1 if config.get("model_type") in FROM_PADDING else 0


def load_reference(
    model: str,
    *,
    revision: str | None = None,
    trust: Collection[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Reference:
    """Load the model and the recipe its files declare, changed by ``settings`` where those say otherwise.

    Args:
        model: a folder, or a model in the hub's cache or on the hub.
        revision: the commit asked for.
        trust: models whose own code may run, each as ``name@revision``.
        settings: of an encoder: prompts, pooling, normalise, dimensions, max_length, strip; None means as declared.

    Raises:
        ModelError: the files do not make a model that can be encoded with.
        NotAllowedError: it needs code of its own that was not allowed.
    """
    target = find_target(model, revision=revision, trust=trust)
    if not target.config:
        raise ModelError("There is no readable config.json", where=model, remedy="Run `preflight` on it.")
    if odd := next(malformed(target), None):
        raise ModelError(
            f"{odd[0]} is not what loaders take: {odd[1]}", where=model, remedy="Run `preflight` on it first."
        )
    others = {str(entry.get("type", "")).rpartition(".")[2] for entry in target.modules} - _REBUILT
    if others:
        remedy = "A diagnosis rebuilds " + ", ".join(sorted(_REBUILT)) + "; compare this model with `parity`."
        raise ModelError(
            f"The model has modules not known here: {', '.join(sorted(others))}", where=model, remedy=remedy
        )
    loaded = load_model(target)
    if loaded.mismatched or any("pooler" not in name for name in loaded.missing):
        raise ModelError(
            "Parts of the reference's weights are not in its file",
            where=model,
            remedy="Run `preflight` on it first: a diagnosis needs a sound reference.",
        )
    tokenizer = load_tokenizer(target)
    declared = target.object("config_sentence_transformers.json")
    prompts = declared.get("prompts") or {}
    own = _declared(target, tokenizer, _by_role(prompts, declared.get("default_prompt_name")))
    recipe = _with_settings(own, settings or {})
    return Reference(model, target, loaded.model.float(), tokenizer, recipe, _projections(target), prompts)


def _declared(target: Target, tokenizer: Any, prompts: tuple[tuple[str | None, str], ...]) -> Recipe:
    modes = declared_pooling(target) or ("mean",)
    if len(modes) > 1:
        raise ModelError(f"A pooling of several modes ({' + '.join(modes)}) is not in the catalogue", where=target.name)
    own = target.object(target.of_root("sentence_bert_config.json"))
    room = min(value for value in (learned_positions(target.config), tokenizer.model_max_length, 8192) if value)
    return Recipe(
        prompts=prompts,
        edits=("texts-lower-cased",) if own.get("do_lower_case") else (),
        length=min(int(own.get("max_seq_length") or room), room),
        pooling=SHORT_POOLINGS.get(modes[0], modes[0]),
        normalise="yes" if target.module("Normalize") else "no",
    )


def _by_role(prompts: Mapping[str, str], default: str | None) -> tuple[tuple[str | None, str], ...]:
    """Prompts by role: models call documents 'document', 'passage' or 'corpus'; the default is for any other text."""
    names: dict[str | None, tuple[str, ...]]
    names = {"query": ("query",), "document": ("document", "passage", "corpus"), None: (default or "",)}
    first = {role: next(filter(None, map(prompts.get, named)), "") for role, named in names.items()}
    return tuple((role, prompt) for role, prompt in first.items() if prompt)


def _with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    own = {name: value for name, value in settings.items() if value is not None}
    changes: dict[str, Any] = {name: own[name] for name in ("pooling", "dimensions") if name in own}
    if "prompts" in own:
        changes["prompts"] = tuple((role or None, prompt) for role, prompt in own["prompts"].items() if prompt)
    if "max_length" in own:
        changes["length"] = int(own["max_length"])
    if "normalise" in own:
        changes["normalise"] = "yes" if own["normalise"] else "no"
    if own.get("strip"):
        changes["edits"] = ("white-space-stripped", *recipe.edits)
    return replace(recipe, **changes)


def _projections(target: Target) -> tuple[Projection, ...]:
    from evaluators.preflight.weight_files import load_pickle, tensors

    projections = []
    for entry in target.modules:
        if not str(entry.get("type", "")).endswith(".Dense"):
            continue
        folder = str(entry.get("path"))
        config, file = target.object(f"{folder}/config.json"), target.path(f"{folder}/model.safetensors")
        held = dict(tensors(file)) if file.is_file() else load_pickle(target.path(f"{folder}/pytorch_model.bin")) or {}
        activation = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
        if "linear.weight" not in held or activation not in _ACTIVATIONS or config.get("use_residual"):
            raise InputError("The Dense module cannot be rebuilt", where=f"{target.name}/{folder}: {activation}")
        bias = held.get("linear.bias")
        weight = np.asarray(held["linear.weight"].float().numpy(), dtype=np.float32)
        projections.append(Projection(weight, None if bias is None else bias.float().numpy(), _ACTIVATIONS[activation]))
    return tuple(projections)
