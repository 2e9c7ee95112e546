# ruff: noqa: E501
"""More folders of models that were written to do harm, in the form of tests/hostile/folders.py's table.

``MORE`` is name -> ``(folder, mark)``: each spoils the intact tiny model (``intact`` of that file) in the folder; code of it that runs
touches the mark. Written by somebody who had not read what finds them.
"""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.hostile.folders import (
    Spoil,
    asks,
    both,
    changed,
    code,
    gone,
    linked,
    module,
    own_module,
    payload,
    pickled,
    pipe,
    written,
)

__all__ = ["MORE"]

ST = "config_sentence_transformers.json"
SENTENCE = "sentence_transformers.models"


def _json(file: str, value: Any) -> Spoil:
    return written(file, json.dumps(value))


def _directory(file: str) -> Spoil:
    """A folder in the place of a file."""

    def spoil(folder: Path, mark: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        (folder / file).mkdir(parents=True)

    return spoil


def _with_mark(file: str, text: str) -> Spoil:
    """A text file in which MARK stands for the path that must not be touched."""
    return lambda folder, mark: written(file, text.replace("MARK", str(mark)))(folder, mark)


def _tensors(header: bytes, data: bytes = b"", *, length: int | None = None) -> Spoil:
    """Weights of exactly that header."""
    return written("model.safetensors", struct.pack("<Q", len(header) if length is None else length) + header + data)


def _entry(name: str, shape: list[Any], begin: int, end: int, dtype: str = "F32") -> str:
    return f'{json.dumps(name)}: {{"dtype": "{dtype}", "shape": {json.dumps(shape)}, "data_offsets": [{begin}, {end}]}}'


def _tar(folder: Path, mark: Path) -> None:
    """The form of torch before 0.1.10: a tar of pickles."""
    with tarfile.open(folder / "pytorch_model.bin", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            content = payload(mark)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _tar_out(folder: Path, mark: Path) -> None:
    """A tar whose members lie outside of it: the mark itself."""
    with tarfile.open(folder / "pytorch_model.bin", "w") as archive:
        for name in (str(mark), f"{'../' * 12}{mark}"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO(b""))


def _archive(parts: dict[str, bytes], file: str = "pytorch_model.bin") -> Spoil:
    """A zip in torch's form of those parts."""

    def spoil(folder: Path, mark: Path) -> None:
        with zipfile.ZipFile(folder / file, "w") as archive:
            for name, content in parts.items():
                archive.writestr(f"archive/{name}", content.replace(b"MARK", str(mark).encode()))

    return spoil


def _laughs(depth: int) -> bytes:
    """A pickle of lists of lists, each twice the one below: 2^depth leaves in a few bytes."""
    parts = [b"\x80\x02", b"]q\x00"]
    for i in range(depth):
        parts.append(b"](h%c h%ce".replace(b" ", b"") % (i % 200, i % 200) + b"q%c" % ((i + 1) % 200))
    return b"".join(parts) + b"."


def _git(folder: Path, mark: Path) -> None:
    """A repository whose configuration runs a command as soon as git is asked for its state."""
    (folder / ".git" / "hooks").mkdir(parents=True)
    (folder / ".git" / "objects").mkdir()
    (folder / ".git" / "refs").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    touch = f"touch '{mark}'"
    (folder / ".git" / "config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n\tfsmonitor = "{touch}; false"\n\tpager = "{touch}"\n\tsshCommand = "{touch}"\n'
        f'[filter "lfs"]\n\tprocess = "{touch}"\n\tsmudge = "{touch}"\n\tclean = "{touch}"\n[alias]\n\tstatus = "!{touch}"\n'
    )
    hook = folder / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\n{touch}\n")
    hook.chmod(0o755)


def _vast_index(folder: Path, mark: Path) -> None:
    """An index that names a hundred thousand shards."""
    names = {f"layer.{i}.weight": f"model-{i:06d}-of-100000.safetensors" for i in range(100_000)}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


def _two_loops(folder: Path, mark: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    (folder / "deep").mkdir()
    (folder / "deep" / "again").symlink_to(folder)
    (folder / "deep" / "root").symlink_to("/")


def _yaml_laughs() -> str:
    """A card whose head is ten lists of ten of the one above."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "---\n" + "\n".join(lines) + "\ntags: *a9\n---\n# A model\n"


_XML_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    + ']><net name="&a9;" version="11"><layers/><edges/></net>'
)
_XML_OUT = '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY x SYSTEM "file:///dev/zero">]><net name="&x;" version="11"><layers/><edges/></net>'


def _tokenizer(**settings: Any) -> Spoil:
    return changed("tokenizer.json", **settings)


def _model(**settings: Any) -> Spoil:
    """Settings inside the tokenizer's model."""

    def spoil(folder: Path, mark: Path) -> None:
        value = json.loads((folder / "tokenizer.json").read_text())
        value["model"] |= settings
        (folder / "tokenizer.json").write_text(json.dumps(value))

    return spoil


def _wordpiece(**settings: Any) -> Spoil:
    words = {w: i for i, w in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "##a", "the"])}
    model = {
        "type": "WordPiece",
        "unk_token": "<unk>",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": words,
    }
    return _tokenizer(model=model | settings)


def _bpe(**settings: Any) -> Spoil:
    words = {w: i for i, w in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab"])}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": words,
        "merges": [["a", "b"]],
    }
    return _tokenizer(model=model | settings)


def _template(single: list[dict[str, Any]], special: dict[str, Any]) -> Spoil:
    return _tokenizer(
        post_processor={"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special}
    )


def _graph_outside(location: str) -> Spoil:
    def spoil(folder: Path, mark: Path) -> None:
        import onnx

        model = onnx.load(str(folder / "onnx" / "model.onnx"))
        tensor = model.graph.initializer[0]
        tensor.ClearField("int64_data")
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location
        (folder / "onnx" / "model.onnx").write_bytes(model.SerializeToString())

    return spoil


def _graph_of(domain: str, kind: str) -> Spoil:
    """A graph with an operator of a library that is to be loaded."""

    def spoil(folder: Path, mark: Path) -> None:
        from onnx import TensorProto, helper

        shape = ["texts", "tokens"]
        inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask")]
        output = helper.make_tensor_value_info("states", TensorProto.FLOAT, [*shape, 1])
        graph = helper.make_graph(
            [helper.make_node(kind, ["input_ids"], ["states"], domain=domain)], "own", inputs, [output]
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        (folder / "onnx" / "model.onnx").write_bytes(model.SerializeToString())

    return spoil


def _more() -> Iterator[tuple[str, Spoil]]:
    # Pickles: other forms and other places
    yield "a .bin in the oldest form, a tar of pickles", both(_tar, gone("model.safetensors"))
    yield "a .bin that is a tar with members outside of it", both(_tar_out, gone("model.safetensors"))
    yield (
        "a .bin that is a program of TorchScript",
        both(
            _archive(
                {
                    "data.pkl": b"\x80\x02}q\x00.",
                    "constants.pkl": b"\x80\x02).",
                    "code/__torch__.py": b"import os\nos.system('touch MARK')\n",
                    "version": b"3\n",
                }
            ),
            gone("model.safetensors"),
        ),
    )
    yield (
        "a .bin of lists of lists, 2^60 in all",
        both(_archive({"data.pkl": _laughs(60), "version": b"3\n", "byteorder": b"little"}), gone("model.safetensors")),
    )
    yield (
        "a .bin that calls what is allowed without end",
        both(
            _archive({"data.pkl": b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "version": b"3\n"}),
            gone("model.safetensors"),
        ),
    )
    yield (
        "a .bin whose pickle stops in the middle",
        both(_archive({"data.pkl": b"\x80\x02}q\x00(X\xff\xff\xff\x7f", "version": b"3\n"}), gone("model.safetensors")),
    )
    yield (
        "a .bin that is no archive and no pickle",
        both(written("pytorch_model.bin", b"PK\x03\x04" + b"\0" * 40), gone("model.safetensors")),
    )
    for file in (
        "optimizer.pt",
        "training_args.bin",
        "rng_state.pth",
        "scheduler.pt",
        "model.pkl",
        "vectorizer.joblib",
        "adapter_model.bin",
        "1_Pooling/pytorch_model.bin",
    ):
        yield f"a pickle in {file}", pickled(file)
    yield (
        "an adapter's weights a pickle",
        both(
            pickled("adapter_model.bin"),
            changed(
                "adapter_config.json",
                base_model_name_or_path="org/none",
                peft_type="LORA",
                r=2,
                target_modules=["query"],
            ),
        ),
    )
    # Code that lies where something might import it
    for file in (
        "transformers.py",
        "torch/__init__.py",
        "sitecustomize.py",
        "conftest.py",
        "sentence_transformers/models/__init__.py",
        "json.py",
    ):
        yield f"code by the name {file}", code(file)
    yield (
        "code of another repository in auto_map",
        changed(
            "config.json", auto_map={"AutoModel": "somebody/else--own.Own", "AutoConfig": "somebody/else--own.Own"}
        ),
    )
    yield (
        "code in auto_map by a path",
        both(code("sub/own.py"), changed("config.json", auto_map={"AutoModel": "../x/sub/own.Own"})),
    )
    for value in ([], 5, {"AutoModel": {"a": 1}}, {"AutoModel": ""}, {"AutoModel": "own"}, {"AutoModel": [None, None]}):
        yield f"auto_map {json.dumps(value)}", changed("config.json", auto_map=value)
    yield "a repository that runs commands when asked", _git
    yield (
        "a class by an adapter's mapping",
        changed(
            "adapter_config.json",
            base_model_name_or_path="org/none",
            peft_type="LORA",
            r=2,
            target_modules=["query"],
            auto_mapping={"parent_library": "own", "base_model_class": "Own"},
        ),
    )
    yield (
        "an adapter's core of another library",
        both(
            code("own.py"),
            changed(
                "adapter_config.json",
                base_model_name_or_path="org/none",
                peft_type="LORA",
                r=2,
                target_modules=["query"],
                megatron_core="own",
                megatron_config={"a": 1},
            ),
        ),
    )
    yield (
        "an adapter of no known kind",
        changed("adapter_config.json", base_model_name_or_path="org/none", peft_type="OS.SYSTEM"),
    )
    yield "an adapter's config that is a pipe", pipe("adapter_config.json")
    for kind in ("os.system", "builtins.eval", "tests.hostile.folders.payload"):
        yield (
            f"word vectors with a tokenizer of the class {kind}",
            own_module(
                f"{SENTENCE}.WordEmbeddings",
                files={
                    "wordembedding_config.json": {
                        "tokenizer_class": kind,
                        "update_embeddings": False,
                        "max_seq_length": 100,
                    }
                },
            ),
        )
    yield (
        "an older router of foreign types",
        own_module(
            f"{SENTENCE}.Asym",
            files={
                "config.json": {
                    "types": {"a": "subprocess.Popen"},
                    "structure": {"a": ["a"]},
                    "parameters": {"allow_empty_key": True},
                }
            },
        ),
    )
    yield (
        "a router that is its own way",
        own_module(
            f"{SENTENCE}.Router",
            path="3_Own",
            files={
                "router_config.json": {
                    "types": {".": f"{SENTENCE}.Router"},
                    "structure": {"query": ["."], "document": ["."]},
                    "parameters": {},
                }
            },
        ),
    )
    yield "a module with arguments of its own", module(1, kwargs=["__class__", "os.system"])
    yield (
        "torchao's classes by name",
        changed(
            "config.json",
            quantization_config={
                "quant_method": "torchao",
                "quant_type": {"default": {"_type": "os.system", "_version": 1, "_data": {"command": "true"}}},
            },
        ),
    )
    for method in ("hqq", "aqlm", "quark", "compressed-tensors", "fbgemm_fp8", "os.system", None, 5):
        yield f"a quantisation by {method}", changed("config.json", quantization_config={"quant_method": method})
    yield "weights from timm", changed("config.json", model_type="timm_wrapper", architecture="hf-hub:somebody/own")
    yield (
        "a backbone from elsewhere",
        changed(
            "config.json",
            use_pretrained_backbone=True,
            use_timm_backbone=True,
            backbone="somebody/own",
            backbone_config=None,
        ),
    )
    yield (
        "an encoder and a decoder from elsewhere",
        changed(
            "config.json",
            model_type="encoder-decoder",
            encoder={"model_type": "bert", "_name_or_path": "/dev"},
            decoder={"model_type": "bert"},
        ),
    )
    # Places
    for file in (
        "special_tokens_map.json",
        "generation_config.json",
        "added_tokens.json",
        "vocab.txt",
        "merges.txt",
        "chat_template.jinja",
        "preprocessor_config.json",
        "2_Normalize/config.json",
        "sentencepiece.bpe.model",
        "model.safetensors.index.json",
        "sentence_xlnet_config.json",
        "onnx/model.onnx_data",
    ):
        yield f"{file} a pipe", pipe_at(file)
    for file in (
        "config.json",
        "modules.json",
        "README.md",
        "tokenizer.json",
        "model.safetensors",
        "sentence_bert_config.json",
        ST,
    ):
        yield f"{file} a folder", _directory(file)
    yield "links in a ring, and one to the root", _two_loops
    yield (
        "pooling's folder a link to /proc",
        both(
            gone("1_Pooling/config.json"),
            lambda f, m: ((f / "1_Pooling").rmdir(), (f / "1_Pooling").symlink_to("/proc"))[0],
        ),
    )
    yield "the card a link to a secret", linked("README.md", "/etc/shadow")
    yield "a module at a path with a null", module(1, path="1_Pooling\x00")
    yield "a module at a path with the folder above in it", module(1, path="1_Pooling/../../../../../../etc")
    yield "a module at the home", module(1, path="~")
    yield "a module at a path of Windows", module(1, path="..\\..\\1_Pooling")
    yield "an index of a hundred thousand shards", _vast_index
    yield (
        "what hf downloaded, falsified",
        both(
            written(".cache/huggingface/download/config.json.metadata", "../../../../etc\n\x1b[2J\nnever\n"),
            pipe_at(".cache/huggingface/download/model.safetensors.metadata"),
        ),
    )
    # Cards
    yield "a card whose head grows to 10^10", written("README.md", _yaml_laughs())
    yield (
        "a card whose head runs code",
        _with_mark("README.md", "---\ntags: !!python/object/apply:os.system ['touch MARK']\n---\n# A model\n"),
    )
    yield "a card whose head is nested without end", written("README.md", "---\na: " + "[" * 100_000 + "\n---\n")
    yield (
        "a card of one line of spaces",
        written("README.md", "---\na: 1\n---\n" + " " * 3_000_000 + "x\n" + "#" * 1_000_000 + "\n" + "- " * 500_000),
    )
    yield "a card of brackets", written("README.md", "[" * 200_000 + "(" * 200_000 + "```" * 50_000)
    yield (
        "a card that moves the cursor",
        written("README.md", "# \x1b]0;owned\x07\x1b[2J <script>alert(1)</script> \u202eledom\n"),
    )
    yield "a card that is no text", written("README.md", bytes(range(256)) * 100)
    # Weights: headers that lie in other ways
    yield (
        "tensors that overlap",
        _tensors(("{" + _entry("a", [4], 0, 16) + ", " + _entry("b", [4], 8, 24) + "}").encode(), b"\0" * 24),
    )
    yield "a tensor that ends before it begins", _tensors(("{" + _entry("a", [4], 16, 0) + "}").encode(), b"\0" * 16)
    yield "a tensor at a negative place", _tensors(("{" + _entry("a", [4], -16, 0) + "}").encode(), b"\0" * 16)
    yield (
        "a tensor of no numbers and 10^18 rows",
        _tensors(("{" + _entry("embeddings.word_embeddings.weight", [10**18, 0], 0, 0) + "}").encode()),
    )
    yield (
        "a tensor of a hundred thousand dimensions",
        _tensors(("{" + _entry("a", [1] * 100_000, 0, 4) + "}").encode(), b"\0" * 4),
    )
    yield (
        "a header with a name twice",
        _tensors(("{" + _entry("a", [1], 0, 4) + ", " + _entry("a", [1], 0, 4) + "}").encode(), b"\0" * 4),
    )
    nothing = _entry("", [0], 0, 0).removeprefix('""')
    yield (
        "two hundred thousand tensors of nothing",
        _tensors(("{" + ", ".join(f'"t{i}"{nothing}' for i in range(200_000)) + "}").encode()),
    )
    yield (
        "tensors by the names of Python",
        _tensors(
            (
                "{"
                + ", ".join(
                    _entry(n, [1], 4 * i, 4 * i + 4)
                    for i, n in enumerate(
                        ["__class__", "../../x", "\x1b[2J", "embeddings.__init__.__globals__", "a" * 100_000, ""]
                    )
                )
                + "}"
            ).encode(),
            b"\0" * 24,
        ),
    )
    yield "a header that is a list", _tensors(b"[1, 2, 3]")
    yield "a header that is nested without end", _tensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    yield "a header whose metadata is no text", _tensors(b'{"__metadata__": {"format": {"a": [1, null]}}}')
    yield "a header of a length below zero", _tensors(b"{}", length=2**64 - 1)
    yield (
        "a header of spaces, a hundred megabytes",
        lambda f, m: (
            _tensors(b"{}" + b" " * 6, length=99_000_000)(f, m),
            os.truncate(f / "model.safetensors", 99_000_100),
        )[0],
    )
    # Numbers and settings
    for key, given in (("return_dict", False), ("output_hidden_states", True), ("torchscript", True), ("is_encoder_decoder", True), ("is_decoder", True), ("add_cross_attention", True), ("problem_type", {"a": 1}), ("dtype", {"": "float33"}), ("dtype", "__class__"), ("transformers_version", "9" * 100_000), ("layer_types", ["x"] * 100_000), ("rope_parameters", 5), ("hidden_dropout_prob", "nan"), ("hidden_dropout_prob", 5), ("num_hidden_layers", True), ("attn_implementation", 5), ("_attn_implementation", ["sdpa"]), ("use_cache", "yes"), ("pad_token_id", [1]), ("pad_token_id", -5), ("eos_token_id", 1e300), ("id2label", {str(i): "x" for i in range(50_000)}), ("architectures", ["os.system"]), ("architectures", [None]), ("model_type", {"a": 1}), ("model_type", ""), ("model_type", "clip"), ("model_type", "llava"), ("text_config", {"model_type": "llava", "text_config": {"model_type": "llava"}}), ("tokenizer_class", "os.system"), ("torch_dtype", 5), ("base_model_tp_plan", {"(.*)*x": "colwise"}), ("sub_configs", 5)):  # fmt: skip
        yield f"config.json: {key} {json.dumps(given)[:40]}", changed("config.json", **{key: given})
    for file in (
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        ST,
        "tokenizer_config.json",
        "special_tokens_map.json",
    ):
        for name, content in (
            ("null", "null"),
            ("a number", "5"),
            ("a list of lists", "[[[]]]"),
            ("text", '"text"'),
            ("nested without end", "[" * 100_000),
        ):
            yield f"{file} {name}", written(file, content)
    yield (
        "a hundred thousand modules",
        _json(
            "modules.json",
            [
                {"idx": i, "name": str(i), "path": "2_Normalize", "type": f"{SENTENCE}.Normalize"}
                for i in range(100_000)
            ],
        ),
    )
    yield "modules that are no objects", _json("modules.json", [1, None, "a"])
    yield (
        "a million ways of pooling",
        _json("1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": ["mean"] * 1_000_000}),
    )
    yield "pooling of 10^18 dimensions", changed("1_Pooling/config.json", word_embedding_dimension=10**18)
    yield (
        "a convolution of 10^12 channels",
        own_module(
            f"{SENTENCE}.CNN",
            files={
                "cnn_config.json": {
                    "in_word_embedding_dimension": 32,
                    "out_channels": 10**12,
                    "kernel_sizes": [1, 10**9],
                }
            },
        ),
    )
    yield (
        "weighted pooling of 10^9 layers",
        own_module(
            f"{SENTENCE}.WeightedLayerPooling",
            files={"config.json": {"word_embedding_dimension": 32, "layer_start": 0, "num_hidden_layers": 10**9}},
        ),
    )
    yield "a norm of 10^12 numbers", own_module(f"{SENTENCE}.LayerNorm", files={"config.json": {"dimension": 10**12}})
    yield (
        "a bag of 10^9 words",
        own_module(
            f"{SENTENCE}.BoW",
            files={
                "config.json": {
                    "vocab": ["a"],
                    "word_weights": {},
                    "unknown_word_weight": 1,
                    "cumulative_term_frequency": True,
                    "vocab_size": 10**9,
                }
            },
        ),
    )
    yield "a dropout of five", own_module(f"{SENTENCE}.Dropout", files={"config.json": {"dropout": 5}})
    for key, given in (("requirements", {"transformers": ">=" + "9." * 20_000}), ("requirements", {"os": ">=0"}), ("requirements", 5), ("__version__", {"sentence_transformers": "1" * 100_000}), ("__version__", {"sentence_transformers": ["a"]}), ("prompts", {"query": "x" * 5_000_000}), ("prompts", {"query": ["a"]}), ("prompts", [1]), ("prompts", {"\x1b[2J": "a"}), ("default_prompt_name", ["a"]), ("default_prompt_name", "none"), ("similarity_fn_name", "os.system"), ("similarity_fn_name", {"a": 1}), ("truncate_dim", -(10**9)), ("truncate_dim", 10**30), ("truncate_dim", "a"), ("model_type", "CrossEncoder"), ("model_type", "../../x"), ("model_type", [1])):  # fmt: skip
        yield f"{ST}: {key} {json.dumps(given)[:40]}", changed(ST, **{key: given})
    for group, given in (("processing_kwargs", {"text": {"return_tensors": "np"}}), ("processing_kwargs", {"text": {"stride": 10**9}}), ("processing_kwargs", {"text": 5}), ("processing_kwargs", [1]), ("query_length", -5), ("document_length", 10**12), ("query_expansion", {"token": "x", "length": 10**9}), ("transformer_task", "any-to-any"), ("transformer_task", "os.system"), ("modality_config", {"text": {"method": "__init__", "method_output_name": "x"}}), ("modality_config", {"text": {"method": "forward", "method_output_name": "__class__"}}), ("module_output_name", {"a": 1}), ("unpad_inputs", "yes")):  # fmt: skip
        yield (
            f"sentence_bert_config.json: {group} {json.dumps(given)[:60]}",
            changed(
                "sentence_bert_config.json",
                **{group: given} | ({"module_output_name": "token_embeddings"} if group == "modality_config" else {}),
            ),
        )
    for argument, given in (("device_map", "auto"), ("device_map", {"": "disk"}), ("offload_folder", "/tmp/plumbline-offload"), ("max_memory", {"cpu": "0GB"}), ("cache_dir", "/dev/full"), ("local_files_only", False), ("token", "hf_x"), ("proxies", {"http": "http://127.0.0.1:9"}), ("subfolder", "../../etc"), ("from_tf", True), ("from_flax", True), ("ignore_mismatched_sizes", True), ("low_cpu_mem_usage", {"a": 1}), ("tp_plan", "auto"), ("distributed_config", {"a": 1}), ("key_mapping", {"(.*)*x": "y"}), ("adapter_kwargs", {"a": 1}), ("dtype", "float8_e4m3fn"), ("dtype", 5)):  # fmt: skip
        yield f"the loader asked for {argument} {json.dumps(given)}", asks("model_kwargs", **{argument: given})
    # Tokenizers
    yield (
        "a map of letters that is none",
        _tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": base64.b64encode(b"\xff" * 64).decode()}),
    )
    yield "a map of letters that is empty", _tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": ""})
    yield (
        "a normaliser that backtracks",
        _tokenizer(normalizer={"type": "Replace", "pattern": {"Regex": r"(a+\s?)+!!$"}, "content": ""}),
    )
    yield (
        "a normaliser of a pattern that is none",
        _tokenizer(normalizer={"type": "Replace", "pattern": {"Regex": "((("}, "content": ""}),
    )
    yield (
        "a normaliser that doubles forty times",
        _tokenizer(
            normalizer={
                "type": "Sequence",
                "normalizers": [{"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}] * 40,
            }
        ),
    )
    yield (
        "a normaliser that puts a megabyte in front",
        _tokenizer(normalizer={"type": "Prepend", "prepend": "a " * 500_000}),
    )
    yield (
        "normalisers nested without end",
        written("tokenizer.json", '{"normalizer": ' + '{"type": "Sequence", "normalizers": [' * 20_000),
    )
    yield "a model of no pieces", _model(vocab=[], unk_id=0)
    yield "a piece that is unknown beyond the pieces", _model(unk_id=10**9)
    yield (
        "pieces whose scores are no numbers",
        lambda f, m: _model(
            vocab=[
                [w, 1e400 if i % 2 else -1e400]
                for i, (w, _) in enumerate(json.loads((f / "tokenizer.json").read_text())["model"]["vocab"])
            ]
        )(f, m),
    )
    yield "ids past any table", _wordpiece(vocab={"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 2**32 - 1})
    yield "words of 2^63 letters", _wordpiece(max_input_chars_per_word=2**63)
    yield "no piece for what is unknown", _wordpiece(unk_token="<nothing>")
    yield "a cache of 2^60 pieces", _bpe(cache_capacity=2**60)
    yield "merges of pieces that are not there", _bpe(merges=[["q", "z"]] * 5)
    yield "a dropout of two in the merges", _bpe(dropout=2.0)
    yield (
        "an added token of the id 2^32",
        _tokenizer(
            added_tokens=[
                {
                    "id": 2**32,
                    "content": "the",
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": True,
                }
            ]
        ),
    )
    yield (
        "an added token of nothing",
        _tokenizer(
            added_tokens=[
                {
                    "id": 5,
                    "content": "",
                    "single_word": False,
                    "lstrip": True,
                    "rstrip": True,
                    "normalized": False,
                    "special": True,
                }
            ]
        ),
    )
    yield (
        "fifty thousand added tokens",
        _tokenizer(
            added_tokens=[
                {
                    "id": i,
                    "content": f"tok{i}",
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": True,
                    "special": False,
                }
                for i in range(50_000)
            ]
        ),
    )
    yield (
        "a template longer than any text may be",
        _template(
            [{"SpecialToken": {"id": "<s>", "type_id": 0}}] * 5000 + [{"Sequence": {"id": "A", "type_id": 0}}],
            {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}},
        ),
    )
    yield (
        "a template of a token of a hundred thousand ids",
        _template(
            [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            {"<s>": {"id": "<s>", "ids": [0] * 100_000, "tokens": ["<s>"] * 100_000}},
        ),
    )
    yield (
        "a template of a token that is not said",
        _template([{"SpecialToken": {"id": "<q>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], {}),
    )
    yield (
        "a template without the text",
        _template(
            [{"SpecialToken": {"id": "<s>", "type_id": 0}}], {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}
        ),
    )
    yield (
        "a template of ids past the table",
        _template(
            [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            {"<s>": {"id": "<s>", "ids": [2**32 - 1], "tokens": ["<s>"]}},
        ),
    )
    yield (
        "a stride longer than the text",
        _tokenizer(truncation={"max_length": 5, "strategy": "LongestFirst", "stride": 50, "direction": "Right"}),
    )
    yield (
        "cut to nothing",
        _tokenizer(truncation={"max_length": 0, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}),
    )
    for value in (-1, 0, 1e400, "many", None, 2.5, 10**400):
        shown = "10^400" if isinstance(value, int) and value > 10**9 else value
        yield f"model_max_length {shown}", changed("tokenizer_config.json", model_max_length=value)
    for key, given in (("padding_side", "up"), ("truncation_side", 5), ("model_input_names", ["__class__"]), ("model_input_names", 5), ("extra_special_tokens", {"__init__": "x", "__class__": "y"}), ("extra_special_tokens", [{"a": 1}]), ("added_tokens_decoder", {"x": {"content": "a"}}), ("added_tokens_decoder", {"-5": {"content": "a", "special": True}}), ("added_tokens_decoder", {str(10**12): {"content": "a"}}), ("added_tokens_decoder", [1]), ("clean_up_tokenization_spaces", {"a": 1}), ("sp_model_kwargs", {"enable_sampling": True, "nbest_size": -1}), ("chat_template", {"a": 1}), ("chat_template", "{{" * 50_000), ("pad_token", ""), ("pad_token", "x" * 1_000_000), ("backend", "os.system"), ("is_local", False), ("name_or_path", "/dev/zero"), ("processor_class", "../own"), ("added_tokens_file", "/dev/zero"), ("response_schema", {"a": 1})):  # fmt: skip
        yield f"tokenizer_config.json: {key} {json.dumps(given)[:40]}", changed("tokenizer_config.json", **{key: given})
    yield (
        "a tokenizer that calls a program's options",
        changed(
            "tokenizer_config.json",
            tokenizer_class="BertJapaneseTokenizer",
            mecab_kwargs={"mecab_option": "-r /dev/zero -d /dev"},
            word_tokenizer_type="mecab",
        ),
    )
    yield (
        "pieces of SentencePiece that are none",
        both(gone("tokenizer.json"), written("sentencepiece.bpe.model", b"\x0a\xff\xff\xff\xff\x7f" * 20)),
    )
    # Graphs
    for place in ("/etc/passwd", "model.onnx", "../model.safetensors", "https://127.0.0.1:9/x", "\x00"):
        yield f"a graph with weights in {place!r}", _graph_outside(place)
    yield "a graph with an operator of a library of its own", _graph_of("own.library", "Run")
    yield "a graph that runs Python", _graph_of("ai.onnx.contrib", "PyOp")
    for name, text in (
        ("grows to 10^10", _XML_LAUGHS),
        ("reads a device", _XML_OUT),
        ("is nested without end", "<net>" + "<a>" * 200_000),
    ):
        yield (
            f"a graph of OpenVINO that {name}",
            both(written("openvino/openvino_model.xml", text), written("openvino/openvino_model.bin", b"\0" * 64)),
        )


def pipe_at(file: str) -> Spoil:
    """A pipe that nobody writes into, its folder made."""

    def spoil(folder: Path, mark: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        pipe(file)(folder, mark)

    return spoil


MORE: dict[str, Spoil] = dict(_more())
