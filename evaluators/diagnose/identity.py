"""What a kept vector depends on besides its row: the weights as loaded, the code, the arithmetic of this machine."""

from __future__ import annotations

import json
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from evaluators.diagnose.reference import Reference
from evaluators.diagnose.traits import has_pooler
from evaluators.diagnose.weights import other_weights
from evaluators.model_files.hashes import file_sha256

__all__ = ["reference_identity"]

_LIBRARIES = ("torch", "transformers")  # by version; other code of a model by its files


def reference_identity(reference: Reference) -> str:
    """64 hexadecimal digits that two references share only if every row has the same vectors in both.

    The weights are those in memory, not the files': a file that changes after it was read, or before it is read again,
    makes another identity. A pooler that the files do not have is drawn at each load; no vector is taken from it. The
    number of threads is no part of it: it moves a vector by no more than the order of a sum in 32 bits does, which no
    verdict rests on.
    """
    import torch

    digest = sha256(_code().encode())
    digest.update(json.dumps(_arithmetic(reference), sort_keys=True, default=str).encode())
    drawn = () if has_pooler(reference) else ("pooler.",)
    for name, held in sorted(reference.model.state_dict().items()):
        if name.startswith(drawn):
            continue
        digest.update(f"{name} {held.dtype} {tuple(held.shape)}".encode())
        digest.update(held.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    for other in other_weights(reference.target):
        digest.update(f"{other.name} {file_sha256(other.file)}".encode())
    return digest.hexdigest()


def _arithmetic(reference: Reference) -> dict[str, Any]:
    import torch
    import transformers

    model = reference.model
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "matmul": torch.get_float32_matmul_precision(),
        "config": model.config.to_dict(),
        "attention": getattr(model.config, "_attn_implementation", None),
        "pad": reference.tokenizer.pad_token_id,
        "own code": _own_code(model),
    }


def _own_code(model: Any) -> list[str]:
    """Digests of the files that the model's classes come from, where these are no library's of known version."""
    modules = {type(module).__module__ for module in model.modules()}
    others = sorted(name for name in modules if name.partition(".")[0] not in _LIBRARIES)
    files = [getattr(sys.modules.get(name), "__file__", None) for name in others]
    return [file_sha256(Path(file)) for file in files if file]


@cache
def _code() -> str:
    """Digest of the code of the diagnosis: with another version of it nothing is read that an older one kept."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).hexdigest()
