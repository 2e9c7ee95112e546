"""llama.cpp's own server, as the package xllamacpp carries it, with its own options; runs in that environment.

    python llama_server.py MODEL.gguf [pooling=cls] [n_ctx=64] [embd_normalize=-1] ... --host HOST --port PORT

Options are those of llama.cpp's ``common_params``: ``--pooling cls`` of ``llama-server`` is ``pooling=cls`` here.
"""

from __future__ import annotations

import sys
import time

import xllamacpp


def main() -> None:
    model, *options = sys.argv[1:-4]
    host, port = sys.argv[-3], sys.argv[-1]
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = model, {"minilm"}
    params.embedding, params.port = True, int(port)
    params.hostnames = [host]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    for option in options:
        name, _, value = option.partition("=")
        if name == "pooling":
            params.pooling_type = getattr(xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{value.upper()}")
        else:
            setattr(params, name, int(value))
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
