"""Write a GGUF in another type of numbers, by llama.cpp itself; runs in the environment of llama-cpp-python.

python quantise.py MODEL.gguf OUT.gguf Q4_K_M
"""

from __future__ import annotations

import ctypes
import sys

import llama_cpp


def main() -> None:
    _, model, out, kind = sys.argv
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}"), 1
    sys.exit(llama_cpp.llama_model_quantize(model.encode(), out.encode(), ctypes.byref(params)))


if __name__ == "__main__":
    main()
