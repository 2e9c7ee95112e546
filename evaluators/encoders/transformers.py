"""A bare transformers model and its tokenizer, pooled by hand: nothing between the weights and the vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Encoded, FolderEncoder, Tokens, dense, prepare, slices, unit
from evaluators.encoders.declared import read_declared
from evaluators.encoders.pooling import pool_tokens
from evaluators.encoders.precision import quantise, quiet, torch_dtype


class HandEncoder(FolderEncoder):
    """Tokenize, one forward pass a batch, pool, normalise; subclasses bring another way to run the graph."""

    def load(self) -> None:
        """Load the tokenizer and the weights."""
        from transformers import AutoTokenizer

        settings = self.settings
        self.declared = read_declared(self.folder)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            self.folder, trust_remote_code=self.trusted, local_files_only=True
        )
        self.pooling = settings.pooling or self.declared.pooling
        self.normalise = self.declared.normalise if settings.normalise is None else settings.normalise
        # A tokenizer without a limit says 10^30; 512 is what its model will take at least.
        limit = self.tokenizer.model_max_length if self.tokenizer.model_max_length < 1_000_000 else 512
        self.max_length = settings.max_length or self.declared.max_length or limit
        self.load_weights()

    def load_weights(self) -> None:
        """Load what makes states of tokens."""
        from transformers import AutoModel

        quiet()
        attention = self.settings.options.get("attention")
        model = AutoModel.from_pretrained(
            self.folder,
            dtype=torch_dtype(self.settings.dtype),
            trust_remote_code=self.trusted,
            local_files_only=True,
            **({"attn_implementation": attention} if attention else {}),
        )
        self.model = model.to(self.settings.device).eval()
        if self.settings.dtype == "int8":
            quantise(self.model)

    def forward(self, inputs: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Last hidden states [texts, tokens, d] of one padded batch, or finished vectors [texts, d]."""
        import torch

        with torch.inference_mode():
            tensors = {name: torch.from_numpy(values).to(self.settings.device) for name, values in inputs.items()}
            states: NDArray[np.float32] = self.model(**tensors).last_hidden_state.float().cpu().numpy()
        return states

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors and the tokens they were made of."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role, self.declared.prompts))
        if self.declared.lower_case:
            prepared = [text.lower() for text in prepared]
        rows, tokens = [], []
        for part in slices(len(prepared), self.settings.batch_size):
            inputs = self.tokenizer(
                prepared[part], padding=True, truncation=True, max_length=self.max_length, return_tensors="np"
            )
            mask = inputs["attention_mask"]
            rows.append(self._pooled(self.forward(dict(inputs)), mask))
            for ids, real in zip(inputs["input_ids"], mask, strict=True):
                used = [int(i) for i in ids[real > 0]]
                tokens.append(Tokens(used, self.tokenizer.convert_ids_to_tokens(used)))
        return Encoded(dense=dense(np.concatenate(rows), texts, self.settings), tokens=tokens)

    def used(self) -> dict[str, Any]:
        """Prompts, pooling, normalisation and length in use."""
        return {
            "prompts": self.declared.prompts if self.settings.prompts is None else self.settings.prompts,
            "pooling": self.pooling,
            "normalise": self.settings.normalised(self.normalise),
            "max_length": self.max_length,
        }

    def warnings(self) -> list[str]:
        """One a module that the model declares, and that is not run by hand."""
        return [f"The module {name} is declared and not applied by hand." for name in self.declared.other_modules]

    def _pooled(self, states: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        if states.ndim == 3:
            if self.pooling is None:
                raise InputError("The model declares no pooling", where=self.settings.model, remedy="Add pooling=mean.")
            states = pool_tokens(states, mask, self.pooling)
        return unit(states) if self.normalise else states


BACKEND = Backend(
    about="the bare model and tokenizer, pooled by hand",
    example="FOLDER?pooling=mean&attention=eager",
    open=HandEncoder, options=frozenset({"attention"}), from_folder=True, revisions=True, runs_weights=True,
    own_files=True,
)  # fmt: skip
