"""The sentence-transformers library as people use it, with its torch, ONNX or OpenVINO back end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Encoded, FolderEncoder, Tokens, dense, prepare, require
from evaluators.encoders.precision import quantise, quiet, torch_dtype
from evaluators.encoders.settings import EncoderSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ALIASES = {"document": ("document", "passage", "corpus"), "query": ("query",), "": ()}
# Our names for poolings, and the library's where they differ.
_POOLING_NAMES = {"last": "lasttoken", "mean_sqrt_len": "mean_sqrt_len_tokens"}


class SentenceTransformersEncoder(FolderEncoder):
    """A SentenceTransformer, with what the settings change in its modules."""

    packages = ("sentence-transformers", "transformers", "torch", "tokenizers")

    def load(self) -> None:
        """Load the model, and change its modules where the settings say so."""
        from sentence_transformers import SentenceTransformer

        runtime = _runtime(self.settings)
        quiet()
        self.model = SentenceTransformer(
            str(self.folder),
            device=self.settings.device,
            backend=runtime,
            trust_remote_code=self.trusted,
            model_kwargs={"dtype": torch_dtype(self.settings.dtype)} if runtime == "torch" else {},
            local_files_only=True,
        )
        _apply(self.model, self.settings)

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors, pooled and normalised by the library's own modules."""
        prepared = prepare(texts, self.settings)
        prompt = self.settings.prompt(role, self._declared_prompts())
        rows = self.model.encode(
            prepared,
            prompt=prompt,
            batch_size=self.settings.batch_size,
            show_progress_bar=False,
            convert_to_tensor=True,
        )
        tokens = self._tokens([prompt + text for text in prepared])
        return Encoded(dense=dense(rows.float().cpu().numpy(), texts, self.settings), tokens=tokens)

    def used(self) -> dict[str, Any]:
        """Settings of the loaded modules."""
        pooling = _module(self.model, "Pooling")
        return {
            "prompts": self._declared_prompts() if self.settings.prompts is None else self.settings.prompts,
            "pooling": _ours(pooling.pooling_mode) if pooling is not None else None,
            "normalise": self.settings.normalised(_module(self.model, "Normalize") is not None),
            "max_length": self.model.max_seq_length,
            "attention": getattr(self.model.config, "_attn_implementation", None),
        }

    def _declared_prompts(self) -> dict[str, str]:
        declared = self.model.prompts
        prompts = {
            role: next((declared[name] for name in names if declared.get(name)), "") for role, names in _ALIASES.items()
        }
        default = self.model.default_prompt_name
        if default and declared.get(default):
            prompts[""] = declared[default]
        return {role: text for role, text in prompts.items() if text}

    def _tokens(self, texts: list[str]) -> list[Tokens] | None:
        tokenizer = getattr(self.model, "tokenizer", None)
        if tokenizer is None or not hasattr(tokenizer, "convert_ids_to_tokens"):
            return None
        token_ids = tokenizer(texts, truncation=True, max_length=self.model.max_seq_length)["input_ids"]
        return [Tokens(list(map(int, ids)), tokenizer.convert_ids_to_tokens(ids)) for ids in token_ids]


def _runtime(settings: EncoderSettings) -> str:
    runtime = settings.options.get("runtime", "torch")
    if runtime == "onnx":
        require(
            "optimum-onnx",
            backend="sentence-transformers ONNX",
            remedy="Install it: pip install sentence-transformers[onnx]",
        )
    elif runtime == "openvino":
        require(
            "optimum-intel",
            backend="sentence-transformers OpenVINO",
            remedy="Install it: pip install sentence-transformers[openvino]",
        )
    elif runtime != "torch":
        raise InputError(
            f"There is no runtime {runtime!r}", where="sentence-transformers", remedy="torch, onnx, openvino"
        )
    return runtime


def _module(model: SentenceTransformer, kind: str) -> Any:
    return next((module for module in model if type(module).__name__ == kind), None)


def _ours(mode: object) -> str:
    return next((ours for ours, theirs in _POOLING_NAMES.items() if theirs == mode), str(mode))


def _apply(model: SentenceTransformer, settings: EncoderSettings) -> None:
    """Change the loaded modules where the settings differ from what the model declares."""
    if settings.max_length is not None:
        model.max_seq_length = settings.max_length
    if settings.pooling is not None:
        pooling = _module(model, "Pooling")
        if pooling is None:
            raise InputError("The model has no Pooling module to change", where=settings.model)
        pooling.pooling_mode = _POOLING_NAMES.get(settings.pooling, settings.pooling)
    if settings.normalise is False:
        for position in reversed([i for i, module in enumerate(model) if type(module).__name__ == "Normalize"]):
            del model[position]
    if settings.dtype == "int8":
        quantise(model)


BACKEND = Backend(
    about="the library, with its torch, ONNX or OpenVINO back end (runtime=)",
    example="org/name@revision?dtype=bf16&query_prompt=query: ",
    open=SentenceTransformersEncoder, options=frozenset({"runtime"}), from_folder=True, revisions=True,
    runs_weights=True, own_files=True, by_length=True,
)  # fmt: skip
