"""vLLM in this process, as an offline pooling engine."""

from __future__ import annotations

from collections.abc import Sequence

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Encoded, FolderEncoder, Tokens, dense, prepare

_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "auto": "auto"}


class VllmEncoder(FolderEncoder):
    """``LLM(runner="pooling").embed``; pooling and normalisation are what vLLM takes from the model's files."""

    packages = ("vllm", "transformers", "torch")

    def load(self) -> None:
        """Start an engine."""
        from vllm import LLM

        settings = self.settings
        if settings.pooling is not None:
            raise InputError(
                "vLLM's pooling comes from the model's files", where=settings.display, remedy="Leave it out."
            )
        if settings.dtype not in _DTYPES:
            raise InputError(f"vLLM cannot run {settings.dtype} here", remedy=f"Use {', '.join(_DTYPES)}.")
        memory = settings.options.get("gpu_memory_utilization")
        self.model = LLM(
            model=str(self.folder),
            runner="pooling",
            dtype=_DTYPES[settings.dtype],
            max_model_len=settings.max_length,
            trust_remote_code=self.trusted,
            enforce_eager=settings.options.get("enforce_eager") == "true",
            **({"gpu_memory_utilization": float(memory)} if memory else {}),
        )

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors and the token ids vLLM made of each text."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        outputs = self.model.embed(prepared, truncate_prompt_tokens=-1, use_tqdm=False)
        rows = [output.outputs.embedding for output in outputs]
        tokenizer = self.model.get_tokenizer()
        return Encoded(
            dense=dense(rows, texts, self.settings),
            tokens=[
                Tokens(list(output.prompt_token_ids), tokenizer.convert_ids_to_tokens(output.prompt_token_ids))
                for output in outputs
            ],
        )


BACKEND = Backend(
    about="vLLM in this process",
    example="FOLDER?dtype=bf16",
    open=VllmEncoder, options=frozenset({"gpu_memory_utilization", "enforce_eager"}), package="vllm",
    from_folder=True, revisions=True, own_files=True,
)  # fmt: skip
