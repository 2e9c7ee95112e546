from __future__ import annotations

import inspect
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluators.preflight import config_numbers, files, model_card, pipeline, prompts, requirements
from evaluators.preflight.library_modules import LIBRARY, LIBRARY_MODULES, known_references
from evaluators.preflight.target import Target
from tests.preflight.pipelines import (
    NUMBERS,
    PIPELINES,
    order,
    put,
    qwen,
    router,
    settings,
    static_route,
    write_pipeline,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "model")


def _found(folder: Path) -> list[str]:
    target = Target(str(folder), folder)
    checks = (pipeline.check, requirements.check, config_numbers.check, model_card.check, prompts.check)
    return [found.code for check in checks for found in check(target)]


def test_an_intact_pipeline_has_no_findings(folder: Path) -> None:
    assert _found(folder) == []


@pytest.mark.parametrize("fault", PIPELINES | NUMBERS)
def test_the_fault_is_named(fault: str, folder: Path) -> None:
    inject, code = (PIPELINES | NUMBERS)[fault]
    inject(folder)
    assert code in _found(folder), _found(folder)


def test_the_table_of_modules_is_the_librarys_own() -> None:
    """Each setting, need and place that the table names, against the constructors of sentence-transformers."""
    from sentence_transformers.base.modules.transformer import Transformer
    from sentence_transformers.util import import_from_string

    for reference in known_references():
        made, module = import_from_string(reference), LIBRARY_MODULES[reference.rpartition(".")[2]]
        assert isinstance(made, type), reference
        if module.file and made.__name__ != "BoW" and not issubclass(made, Transformer):
            assert module.file == made.config_file_name, reference
        takes = inspect.signature(made.__init__).parameters
        if module.keys is not None and not issubclass(made, Transformer):
            flags = {key for key in module.keys if key.startswith("pooling_mode_")}
            assert module.keys - flags == set(takes) - {"self"}, reference
            asked = {name for name, taken in takes.items() if taken.default is taken.empty}
            assert module.needed == asked - {"self"}, reference
        assert dict(module.renamed) == made.config_key_renames, reference
    taken = set(inspect.signature(Transformer.__init__).parameters) - {"self", "model_name_or_path", "backend"}
    assert taken <= (LIBRARY_MODULES["Transformer"].keys or set())


def test_a_head_that_is_switched_off_asks_for_no_tensor(folder: Path) -> None:
    """A residual of its own is asked for only where the widths differ."""
    settings("2_Dense/config.json", use_residual=True)(folder)
    assert _found(folder) == ["module-tensors-differ"]


def test_unusual_pipelines_that_are_sound(folder: Path) -> None:
    """A Dense for another width beside the listed one, word vectors on one route, a decoder padded on the left."""
    settings("2_Dense_256/config.json", in_features=32, out_features=256)(folder)
    target = Target(str(folder), folder)
    assert [(f.code, f.severity) for f in pipeline.check(target)] == [("module-unlisted", "notice")]
    shutil.rmtree(folder / "2_Dense_256")
    kept = (folder / "config.json").read_text()
    qwen()(folder)
    settings("sentence_bert_config.json", tokenizer_args={"padding_side": "left"}, query_length=32)(folder)
    prompts_of = {"query": "Instruct: Find what answers it\nQuery: ", "document": "", "say": "\u201cso\u201d: "}
    needed = {"transformers": ">=1", "torch": "whatever"}
    settings("config_sentence_transformers.json", prompts=prompts_of, requirements=needed)(folder)
    assert _found(folder) == []
    (folder / "config.json").write_text(kept)
    static_route(32)(folder)
    assert _found(folder) == []


def test_a_step_that_changes_nothing_is_no_contradiction_of_the_card(folder: Path) -> None:
    steps = ["Transformer", "Pooling", "Dense", "Normalize"]
    block = "\n".join(f"  ({at}): {kind}()" for at, kind in enumerate(steps))
    (folder / "README.md").write_text(f"SentenceTransformer(\n{block}\n)\n", encoding="utf-8")
    for places, said in (((0, 1, 2, 3, 3), ["normalize-twice"]), ((0, 1, 2), ["card-modules-differ"])):
        write = order(*places)
        kept = (folder / "modules.json").read_text()
        write(folder)
        assert _found(folder) == said
        (folder / "modules.json").write_text(kept)


def test_a_cross_encoder_has_no_modules_to_lose(folder: Path) -> None:
    (folder / "modules.json").unlink()
    for family, said in ((None, 1), ("CrossEncoder", 0)):
        settings("config_sentence_transformers.json", model_type=family)(folder)
        found = [f.code for f in files.check(Target("x", folder))]
        assert found.count("modules-missing") == said


def test_attention_without_its_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings("sentence_bert_config.json", model_args={"attn_implementation": "flash_attention_2"})(folder)
    for package, said in (("torch", []), ("no_such_package", ["attention-unavailable"])):
        monkeypatch.setattr(requirements, "_ATTENTION", {"flash_attention_2": package})
        assert _found(folder) == said


def test_a_table_of_words_alone_is_read_by_its_name(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    entries = [{"idx": 0, "name": "0", "path": "", "type": f"{LIBRARY}models.StaticEmbedding"}]
    for name, said in (("embeddings", ["kind-unknown"]), ("weight", ["kind-unknown", "module-tensors-differ"])):
        folder = tmp_path / name
        put(folder / "modules.json", entries)
        put(folder / "tokenizer.json", {"model": {"vocab": {"a": 0, "b": 1}}})
        save_file({name: torch.ones(2, 8)}, folder / "model.safetensors")
        assert [found.code for found in files.check(Target("x", folder))] == said


def test_types_by_their_present_names_are_known_without_the_library(folder: Path) -> None:
    names = {f"{LIBRARY}models.Transformer": f"{LIBRARY}base.modules.transformer.Transformer",
             f"{LIBRARY}models.Pooling": f"{LIBRARY}sentence_transformer.modules.pooling.Pooling",
             f"{LIBRARY}models.Dense": f"{LIBRARY}base.modules.dense.Dense",
             f"{LIBRARY}models.Normalize": f"{LIBRARY}base.modules.normalize.Normalize"}  # fmt: skip
    entries = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps([entry | {"type": names[entry["type"]]} for entry in entries]))
    assert set(names.values()) <= known_references()
    assert _found(folder) == []


_ODD: tuple[Any, ...] = (None, [], {"a": [{}]}, "x", -1)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inside:
        yield from _places(entry, (*path, key))


def _changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = odd
    return copy


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.soak)])
@pytest.mark.parametrize("routed", [False, True])
def test_no_value_in_a_file_ends_in_a_traceback(routed: bool, whole: bool, folder: Path) -> None:
    """Each setting of each file of another type, in the soak by turns of every other: a finding, or none."""
    draw = random.Random(5)
    if routed:
        router()(folder)
        put(folder / "modules.json", json.loads((folder / "modules.json").read_text())[:1])
    text = {"method": "forward", "method_output_name": "last_hidden_state"}
    more = {
        "modality_config": {"text": text},
        "module_output_name": "token_embeddings",
        "model_args": {"dtype": "auto", "attn_implementation": "sdpa"},
        "tokenizer_args": {"truncation_side": "right"},
    }
    settings("sentence_bert_config.json", **more, transformer_task="feature-extraction")(folder)
    settings(
        "config_sentence_transformers.json",
        model_type="SentenceTransformer",
        truncate_dim=8,
        requirements={"transformers": {"specifier": ">=1"}},
        prompts={"query": "query: "},
        default_prompt_name="query",
        query_length=32,
    )(folder)
    settings("config.json", rope_scaling={"factor": 2.0}, rope_parameters={"rope_theta": 1e4}, pos_att_type=["c2p"])(
        folder
    )
    names = ["router_config.json"] if routed else [p.relative_to(folder) for p in folder.rglob("*.json")]
    for path in (folder / name for name in names):
        content = json.loads(path.read_text())
        for place in _places(content):
            for odd in _ODD if whole else draw.sample(_ODD, 1):
                put(path, _changed(content, place, odd))
                target = Target(str(folder), folder)
                if all(finding.severity != "fatal" for finding in files.check(target)):
                    _found(folder)
        put(path, content)
