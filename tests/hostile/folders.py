"""Folders of models that were written to do harm: to run code, to wait without end, to fill memory, to break a reader.

To add one, yield it from ``_hostile`` under what it is: a function ``(folder, mark)`` that spoils the intact tiny model
in ``folder``. Code of it that runs must touch ``mark`` (see :func:`payload`). All must be small and quickly made.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["HOSTILE", "Spoil", "intact", "payload", "spoilt"]

Spoil = Callable[[Path, Path], None]


class _Runs:
    """Unpickled, it runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.mark}'",)


def payload(mark: Path) -> bytes:
    """A pickle that leaves the mark when it is loaded."""
    return pickle.dumps({"embeddings.word_embeddings.weight": _Runs(mark)})


def torch_file(mark: Path, path: Path) -> None:
    """The same as ``torch.save`` writes it."""
    import torch

    torch.save({"embeddings.word_embeddings.weight": _Runs(mark)}, path)


def intact(folder: Path) -> Path:
    """A tiny XLM-R with BGE-M3's heads and a graph in ONNX: every command and every backend opens it."""
    from tests.models import build

    build("BGE-M3 with its heads", folder)
    _graph(folder / "onnx" / "model.onnx")
    return folder


def _graph(path: Path, *, rounds: int = 0) -> None:
    """Token states [texts, tokens, 1] that are the ids themselves."""
    from onnx import TensorProto, helper, save

    path.parent.mkdir(exist_ok=True)
    kind, shape = TensorProto.INT64, ["texts", "tokens"]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in ("input_ids", "attention_mask")]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [2])
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "axes"], ["states"]),
    ]
    output = helper.make_tensor_value_info("states", TensorProto.FLOAT, [*shape, 1])
    graph = helper.make_graph(nodes, "tiny", inputs, [output], initializer=[axes])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def spoilt(spoil: Spoil, base: Path, folder: Path, mark: Path) -> Path:
    """A copy of the intact model, spoilt."""
    shutil.copytree(base, folder)
    spoil(folder, mark)
    return folder


# --- what the spoils are made of


def changed(file: str, **settings: Any) -> Spoil:
    """Settings put into a JSON file of the model."""

    def spoil(folder: Path, mark: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(before | settings))

    return spoil


def written(file: str, content: str | bytes) -> Spoil:
    """A file of that content."""

    def spoil(folder: Path, mark: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def linked(file: str, to: str) -> Spoil:
    """A link in the place of a file."""

    def spoil(folder: Path, mark: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        (folder / file).symlink_to(to)

    return spoil


def pipe(file: str) -> Spoil:
    """A pipe that nobody writes into, in the place of a file."""

    def spoil(folder: Path, mark: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    return spoil


def gone(*files: str) -> Spoil:
    """Files taken away."""

    def spoil(folder: Path, mark: Path) -> None:
        for file in files:
            (folder / file).unlink()

    return spoil


def pickled(file: str) -> Spoil:
    """A pickle in torch's form that runs a command."""
    return lambda folder, mark: torch_file(mark, folder / file)


def bare_pickle(file: str) -> Spoil:
    """A pickle without torch's archive around it."""
    return lambda folder, mark: _write(folder / file, payload(mark))


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(folder: Path, mark: Path) -> None:
        for one in spoils:
            one(folder, mark)

    return spoil


def module(position: int, **settings: Any) -> Spoil:
    """Settings of one entry of modules.json, beyond the last a new one."""

    def spoil(folder: Path, mark: Path) -> None:
        entries = json.loads((folder / "modules.json").read_text())
        if position >= len(entries):
            entries.append({"idx": position, "name": str(position), "path": "", "type": ""})
        entries[position] |= settings
        (folder / "modules.json").write_text(json.dumps(entries))

    return spoil


def own_module(kind: str, path: str = "3_Own", files: dict[str, Any] | None = None) -> Spoil:
    """A module added to the pipeline, with a folder of its own."""
    parts = [module(3, type=kind, path=path)]
    parts += [written(f"{path}/{name}", json.dumps(value)) for name, value in (files or {}).items()]
    return both(*parts)


def code(file: str) -> Spoil:
    """Python that leaves the mark as soon as it is imported."""

    def spoil(folder: Path, mark: Path) -> None:
        text = (
            f"from pathlib import Path\nPath({str(mark)!r}).touch()\nfrom transformers import XLMRobertaModel as Own\n"
        )
        _write(folder / file, text.encode())

    return spoil


def asks(group: str, **arguments: Any) -> Spoil:
    """Arguments that sentence-transformers hands on to a loader."""
    return changed("sentence_bert_config.json", **{group: arguments})


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _sparse(file: str, size: int, *, header: dict[str, Any] | None = None) -> Spoil:
    """A file that says it is large, and of which nothing was written but a header."""

    def spoil(folder: Path, mark: Path) -> None:
        start = json.dumps(header or {}).encode()
        _write(folder / file, struct.pack("<Q", len(start)) + start)
        os.truncate(folder / file, size)

    return spoil


def _shards(folder: Path, mark: Path) -> None:
    names = json.dumps({"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": "shard-1.bin"}})
    _write(folder / "pytorch_model.bin.index.json", names.encode())
    torch_file(mark, folder / "shard-1.bin")


def _index(to: str) -> Spoil:
    def spoil(folder: Path, mark: Path) -> None:
        from safetensors import safe_open

        with safe_open(folder / "model.safetensors", framework="np") as opened:
            names = list(opened.keys())
        (folder / "model.safetensors").rename(folder.parent / f"{folder.name}-outside.safetensors")
        place = to.format(outside=folder.parent / f"{folder.name}-outside.safetensors", name=folder.name)
        value = {"metadata": {}, "weight_map": dict.fromkeys(names, place)}
        _write(folder / "model.safetensors.index.json", json.dumps(value).encode())

    return spoil


def _header(**entry: Any) -> Spoil:
    """A safetensors header of which one entry lies."""

    def spoil(folder: Path, mark: Path) -> None:
        content = (folder / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        header[next(name for name in header if name != "__metadata__")] |= entry
        new = json.dumps(header).encode()
        _write(folder / "model.safetensors", struct.pack("<Q", len(new)) + new + content[8 + length :])

    return spoil


def _bomb(folder: Path, mark: Path) -> None:
    """A .bin whose archive unpacks to a thousand times its size."""
    import torch

    plain = folder.parent / f"{folder.name}-plain.bin"
    torch.save({"embeddings.word_embeddings.weight": torch.zeros(50_000_000)}, plain)
    with (
        zipfile.ZipFile(plain) as held,
        zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in held.namelist():
            packed.writestr(name, held.read(name))
    plain.unlink()


def _endless_tensor(folder: Path, mark: Path) -> None:
    """One number that says it is a matrix of 10^12."""
    import torch

    endless = torch.as_strided(torch.ones(1), (1_000_000, 1_000_000), (0, 0))
    torch.save({"embeddings.word_embeddings.weight": endless}, folder / "pytorch_model.bin")


def _not_tensors(folder: Path, mark: Path) -> None:
    import torch

    value: dict[Any, Any] = {5: 5, "embeddings.word_embeddings.weight": "words", "nested": {"a": [1, None]}}
    torch.save(value, folder / "pytorch_model.bin")


def _numpy(file: str) -> Spoil:
    def spoil(folder: Path, mark: Path) -> None:
        np.save(folder / file, np.array([_Runs(mark)], dtype=object), allow_pickle=True)

    return spoil


def _socket(file: str) -> Spoil:
    def spoil(folder: Path, mark: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        here = Path.cwd()
        os.chdir(folder)  # the address of a socket may not be long
        try:
            socket.socket(socket.AF_UNIX).bind(file)
        finally:
            os.chdir(here)

    return spoil


def _many(folder: Path, mark: Path) -> None:
    """More entries than any model has: links that lead nowhere."""
    from evaluators.model_files import listing

    for number in range(300):
        (folder / f"copy-{number}").mkdir()
    for place in range(300):
        for number in range(listing.MOST // 300 + 1):
            (folder / f"copy-{place}" / f"{number}").symlink_to("/nowhere")


def _deep(folder: Path, mark: Path) -> None:
    place = folder
    for _ in range(200):
        place = place / "d"
        place.mkdir()


def _named(name: bytes) -> Spoil:
    def spoil(folder: Path, mark: Path) -> None:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("{}")

    return spoil


def _tokenizer(**settings: Any) -> Spoil:
    return changed("tokenizer.json", **settings)


def _replaced(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def _nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


_UP = "../" * 12


def _hostile() -> Iterator[tuple[str, Spoil]]:
    # Code: settings that loosen how weights are read
    loose = {"weights_only": False, "use_safetensors": False}
    for group in ("model_args", "model_kwargs"):
        yield (
            f"weights_only off in {group}, a .bin beside the safetensors",
            both(asks(group, **loose), pickled("pytorch_model.bin")),
        )
    yield (
        "weights_only off, shards of another name",
        both(asks("model_args", **loose), _shards, gone("model.safetensors")),
    )
    yield "weights_only off, a variant", both(asks("model_args", variant="x", **loose), pickled("pytorch_model.x.bin"))
    yield (
        "weights_only off in a config's arguments",
        both(asks("config_args", **loose), pickled("pytorch_model.bin"), gone("model.safetensors")),
    )
    yield (
        "weights_only off in config.json",
        both(changed("config.json", **loose), pickled("pytorch_model.bin"), gone("model.safetensors")),
    )
    yield (
        "weights_only off in an older name of the settings",
        both(
            gone("sentence_bert_config.json"),
            written("sentence_roberta_config.json", json.dumps({"model_args": loose})),
            pickled("pytorch_model.bin"),
            gone("model.safetensors"),
        ),
    )
    yield "weights in a pickle alone", both(pickled("pytorch_model.bin"), gone("model.safetensors"))
    yield "weights in a bare pickle alone", both(bare_pickle("pytorch_model.bin"), gone("model.safetensors"))
    yield "a pickle under the name of safetensors", bare_pickle("model.safetensors")
    yield "heads that are a pickle", both(pickled("sparse_linear.pt"), pickled("colbert_linear.pt"))
    yield (
        "the weights of a Dense module a pickle",
        both(
            own_module(
                "sentence_transformers.models.Dense", files={"config.json": {"in_features": 32, "out_features": 32}}
            ),
            pickled("3_Own/pytorch_model.bin"),
        ),
    )
    yield "word vectors in an object array", _numpy("embeddings.npy")
    yield "a gguf file asked for", asks("model_args", gguf_file="model.gguf")
    yield "a state asked for", asks("model_kwargs", state_dict={"a": 1})
    yield "arguments that are no object", changed("sentence_bert_config.json", model_args=[["weights_only", False]])
    # Code: the model's own, and classes of others
    yield (
        "own code in auto_map",
        both(code("own.py"), changed("config.json", auto_map={"AutoModel": "own.Own", "AutoConfig": "own.Own"})),
    )
    yield (
        "trust asked for by the settings",
        both(
            code("own.py"),
            changed("config.json", auto_map={"AutoModel": "own.Own"}),
            asks("model_args", trust_remote_code=True, code_revision="main"),
        ),
    )
    yield (
        "own code in the tokenizer's config",
        both(code("own.py"), changed("tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.Own"]})),
    )
    yield (
        "own code in the processor's config",
        both(code("own.py"), changed("processor_config.json", auto_map={"AutoProcessor": "own.Own"})),
    )
    yield "own code as a module", both(code("own.py"), module(0, type="own.Own"))
    yield (
        "own code for generation",
        both(code("custom_generate/generate.py"), changed("generation_config.json", custom_generate="custom_generate")),
    )
    yield (
        "a pipeline of its own",
        both(code("own.py"), changed("config.json", custom_pipelines={"feature-extraction": {"impl": "own.Own"}})),
    )
    for kind in ("os.system", "subprocess.Popen", "pickle.Unpickler", "antigravity.antigravity", "joblib.load"):
        yield f"a module of the type {kind}", own_module(kind)
    for kind in (
        "sentence_transformers.base.model.pickle",
        "sentence_transformers.sentence_transformer.model.SentenceTransformer",
        "sentence_transformers.base.modules.transformer.importlib.import_module",
        "sentence_transformers.../own.Own",
    ):
        yield f"a module of the type {kind}", own_module(kind, path="", files={})
    yield (
        "a router that names a class of another package",
        own_module(
            "sentence_transformers.models.Router",
            files={"router_config.json": {"types": {"a": "os.system"}, "structure": {"a": ["a"]}, "parameters": {}}},
        ),
    )
    yield (
        "a router that leads out of the folder",
        own_module(
            "sentence_transformers.models.Router",
            files={"router_config.json": {"types": {_UP: "sentence_transformers.models.Pooling"}, "structure": {}}},
        ),
    )
    yield "an activation that ends the process when imported", own_module(
        "sentence_transformers.models.Dense",
        files={
            "config.json": {
                "in_features": 32, "out_features": 32, "activation_function": "torch.utils.model_dump.__main__",
            }
        },
    )  # fmt: skip
    yield "attention from a repository of kernels", changed("config.json", _attn_implementation="somebody/kernel")
    yield (
        "attention from a repository, by part",
        changed("config.json", attn_implementation={"text_config": "somebody/kernel@main:run"}),
    )
    yield "attention from a repository, by the loader", asks("model_args", attn_implementation="somebody/kernel")
    yield "kernels asked for", asks("model_args", use_kernels=True)
    yield (
        "a quantisation that needs a kernel",
        changed("config.json", quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": []}),
    )
    for kind in ("AutoTokenizer", "AutoModel", "Trainer", "../own"):
        yield f"a tokenizer of the class {kind}", changed("tokenizer_config.json", tokenizer_class=kind)
    yield (
        "word vectors split by a class of transformers",
        changed("wordembedding_config.json", tokenizer_class="transformers.AutoTokenizer"),
    )
    yield "a processor of the class pipeline", changed("processor_config.json", processor_class="pipeline")
    yield (
        "the model's method push_to_hub for each text",
        changed(
            "sentence_bert_config.json",
            modality_config={"text": {"method": "push_to_hub", "method_output_name": "x"}},
            module_output_name="token_embeddings",
        ),
    )
    yield "arguments for the tokenizer's class", changed("tokenizer_config.json", init_inputs=["/dev/zero"])
    # Elsewhere
    yield "a module out of the folder", module(1, path=f"{_UP}etc")
    yield "a module at an absolute path", module(1, path="/etc")
    yield "a module at a path that is no text", module(1, path=["1_Pooling"])
    yield "shards out of the folder", _index("../{name}-outside.safetensors")
    yield "shards at an absolute path", _index("{outside}")
    yield "a tokenizer from elsewhere", changed("sentence_bert_config.json", tokenizer_name_or_path="/dev")
    yield (
        "a vocabulary from elsewhere",
        changed("tokenizer_config.json", vocab_file="/dev/zero", tokenizer_file="/dev/zero", spm_file="/dev/zero"),
    )
    yield (
        "tokenizers from elsewhere, by version",
        changed("tokenizer_config.json", fast_tokenizer_files=[f"{_UP}dev/tokenizer.4.0.json"]),
    )
    adapter = {"peft_type": "LORA", "r": 2, "target_modules": ["query"]}
    yield "an adapter of a folder of devices", changed("adapter_config.json", base_model_name_or_path="/dev", **adapter)
    yield "an adapter of itself", changed("adapter_config.json", base_model_name_or_path=".", **adapter)
    yield (
        "an adapter whose pattern backtracks",
        changed(
            "adapter_config.json", base_model_name_or_path="org/none", **adapter | {"target_modules": "(.+)+$(?<=x)"}
        ),
    )
    yield (
        "an adapter of an endless rank",
        changed("adapter_config.json", base_model_name_or_path="org/none", **adapter | {"r": 10**7}),
    )
    # Files that are none
    for file in ("config.json", "modules.json", "tokenizer.json", "model.safetensors", "README.md", "sparse_linear.pt"):
        yield f"{file} a link to /dev/zero", linked(file, "/dev/zero")
    for file in ("README.md", "config.json", "tokenizer_config.json", "1_Pooling/config.json", "onnx/model.onnx"):
        yield f"{file} a pipe", pipe(file)
    yield "config.json a socket", _socket("config.json")
    yield "config.json a link to itself", linked("config.json", "config.json")
    yield "config.json a link to the kernel's log", linked("config.json", "/proc/kmsg")
    yield "the weights a link to the memory", linked("model.safetensors", "/proc/self/mem")
    yield "an own folder a link to the folder above", linked("again", "..")
    yield "code a pipe", pipe("own.py")
    yield "weights of a terabyte that nobody wrote", _sparse("model.safetensors", 10**12)
    yield "a .bin of a terabyte that nobody wrote", _sparse("pytorch_model.bin", 10**12)
    yield "a config.json of a terabyte that nobody wrote", _sparse("config.json", 10**12)
    yield "a card of a terabyte that nobody wrote", _sparse("README.md", 10**12)
    yield "more files than a model has", _many
    yield "folders nested without end", _deep
    yield "a name of two lines", _named(b"two\nlines.json")
    yield "a name that is no text", _named(b"\xff\xfe.json")
    yield "a name that moves the cursor", _named(b"\x1b[2J.json")
    # Sizes and numbers
    for key, value in (
        ("num_hidden_layers", 10**7), ("num_hidden_layers", 10**4), ("hidden_size", 10**30), ("hidden_size", 10**6),
        ("vocab_size", 10**12), ("vocab_size", 10**7), ("max_position_embeddings", 10**12),
        ("max_position_embeddings", 10**7), ("intermediate_size", 10**7), ("num_labels", 10**9),
        ("type_vocab_size", 10**7), ("num_attention_heads", 10**9), ("hidden_size", -32), ("hidden_size", 32.5),
        ("num_hidden_layers", -1), ("num_attention_heads", 0), ("vocab_size", 0), ("hidden_size", "32"),
        ("num_hidden_layers", None), ("hidden_size", [32]), ("layer_norm_eps", 1e400), ("torch_dtype", "os.system"),
        ("pad_token_id", 10**9), ("hidden_act", "torch.hub.load"), ("model_type", "../bert"), ("id2label", {"x": 1}),
        ("architectures", "BertModel"), ("chunk_size_feed_forward", 10**9), ("pruned_heads", {"0": [10**9]}),
        ("tie_word_embeddings", "yes"), ("_name_or_path", "/dev/zero"), ("quantization_config", "gptq"),
    ):  # fmt: skip
        shown = value if not isinstance(value, int) or abs(value) < 10**4 else f"{value:.0e}"
        yield f"config.json: {key} {shown}", changed("config.json", **{key: value})
    yield "config.json nested without end", written("config.json", _nested(100_000))
    yield "config.json nested to the limit", written("config.json", '{"model_type": "bert", "x": ' + _nested(900) + "}")
    yield "config.json a number of a million digits", written("config.json", '{"hidden_size": ' + "9" * 10**6 + "}")
    yield "config.json in UTF-16", written("config.json", json.dumps({"model_type": "bert"}).encode("utf-16"))
    yield "config.json with half a character", written("config.json", '{"model_type": "bert", "x": "\\ud800"}')
    yield (
        "a Dense module of 10^14 numbers",
        own_module(
            "sentence_transformers.models.Dense", files={"config.json": {"in_features": 10**7, "out_features": 10**7}}
        ),
    )
    yield (
        "an LSTM of 10^6 layers",
        own_module(
            "sentence_transformers.models.LSTM",
            files={"lstm_config.json": {"word_embedding_dimension": 32, "hidden_dim": 8, "num_layers": 10**6}},
        ),
    )
    yield (
        "pads to 10^9 tokens",
        changed(
            "sentence_bert_config.json", processing_kwargs={"text": {"padding": "max_length", "max_length": 10**9}}
        ),
    )
    yield "max_seq_length 10^12", changed("sentence_bert_config.json", max_seq_length=10**12)
    yield "max_seq_length -1", changed("sentence_bert_config.json", max_seq_length=-1)
    yield "a header that promises 10^15 numbers", _header(shape=[10**15], data_offsets=[0, 4 * 10**15])
    yield "a header of an unknown type", _header(dtype="F33")
    yield "a header of numbers past any", _header(shape=[10**40])
    yield "a header as long as the file", written("model.safetensors", struct.pack("<Q", 2**63) + b"{}")
    yield "a .bin that unpacks to a thousand times its size", _bomb
    yield "a .bin of a tensor repeated without end", _endless_tensor
    yield "a .bin that holds no tensors", _not_tensors
    yield "a .bin repeated without end, alone", both(_endless_tensor, gone("model.safetensors"))
    # Tokenizers and templates
    yield (
        "a normaliser that makes 10^12 letters of one",
        _tokenizer(normalizer={"type": "Sequence", "normalizers": [_replaced("e", "e" * 1000)] * 4}),
    )
    yield "a pattern that backtracks", _tokenizer(
        pre_tokenizer={
            "type": "Split", "pattern": {"Regex": r"(\w+\s?)+\d$"}, "behavior": "Isolated", "invert": False,
        }
    )  # fmt: skip
    yield "padding to 10^9", _tokenizer(
        padding={
            "strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 1,
            "pad_type_id": 0, "pad_token": "<pad>",
        }
    )  # fmt: skip
    yield "padding to a multiple of 10^9", _tokenizer(
        padding={
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": 10**9, "pad_id": 1,
            "pad_type_id": 0, "pad_token": "<pad>",
        }
    )  # fmt: skip
    yield "a chat template that counts", both(
        changed(
            "tokenizer_config.json",
            chat_template="{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        ),
        changed(
            "sentence_bert_config.json",
            modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"},
                             "message": {"method": "forward", "method_output_name": "last_hidden_state"}},
            module_output_name="token_embeddings",
        ),
    )  # fmt: skip
    yield (
        "a chat template that reaches out",
        changed(
            "tokenizer_config.json",
            chat_template="{{ cycler.__init__.__globals__.os.system('touch /tmp/plumbline-hostile') }}",
        ),
    )
    yield (
        "special tokens that are objects",
        changed("tokenizer_config.json", pad_token={"__type": "AddedToken", "content": {"a": 1}}, unk_token=[1]),
    )
    yield "tokenizer.json of nothing", written("tokenizer.json", "{}")
    # Graphs
    yield "a graph that is none", written("onnx/model.onnx", b"\x08\x09" * 100)
    yield "a graph with weights from elsewhere", _outside_graph
    yield "a graph of a loop without end", _loop
    yield "a graph of 10^12 numbers", _vast


def _outside_graph(folder: Path, mark: Path) -> None:
    import onnx

    model = onnx.load(str(folder / "onnx" / "model.onnx"))
    tensor = model.graph.initializer[0]
    tensor.ClearField("int64_data")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", f"{_UP}dev/zero"
    (folder / "onnx" / "model.onnx").write_bytes(model.SerializeToString())


def _loop(folder: Path, mark: Path) -> None:
    from onnx import TensorProto, helper, save

    kind, shape = TensorProto.INT64, ["texts", "tokens"]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in ("input_ids", "attention_mask")]
    scalar, yes = (helper.make_tensor_value_info(name, of, []) for name, of in (("i", kind), ("go", TensorProto.BOOL)))
    carried = helper.make_tensor_value_info("carried", TensorProto.FLOAT, None)
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    go = helper.make_tensor_value_info("on", TensorProto.BOOL, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Neg", ["carried"], ["out"])],
        "body", [scalar, yes, carried], [go, out],
    )  # fmt: skip
    rounds = helper.make_tensor("rounds", kind, [], [10**15])
    truth = helper.make_tensor("truth", TensorProto.BOOL, [], [True])
    axes = helper.make_tensor("axes", kind, [1], [2])
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Loop", ["rounds", "truth", "numbers"], ["turned"], body=body),
        helper.make_node("Unsqueeze", ["turned", "axes"], ["states"]),
    ]
    output = helper.make_tensor_value_info("states", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "loop", inputs, [output], initializer=[rounds, truth, axes])
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        str(folder / "onnx" / "model.onnx"),
    )


def _vast(folder: Path, mark: Path) -> None:
    from onnx import TensorProto, helper, save

    kind, shape = TensorProto.INT64, ["texts", "tokens"]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name in ("input_ids", "attention_mask")]
    size = helper.make_tensor("size", kind, [3], [1, 10**6, 10**6])
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["states"])]
    output = helper.make_tensor_value_info("states", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "vast", inputs, [output], initializer=[size])
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        str(folder / "onnx" / "model.onnx"),
    )


HOSTILE: dict[str, Spoil] = dict(_hostile())
