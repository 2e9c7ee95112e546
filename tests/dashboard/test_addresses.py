from __future__ import annotations

import pytest

from dashboard.addresses import dataset_address, result_address, web_address


@pytest.mark.parametrize(
    "text",
    [None, float("nan"), "", "javascript:alert(1)", "http://a.example", "https://user@a.example", "https://localhost/x",
     "https://a.example/<script>", "data:text/html,x", "//a.example", "https://a.example:444/", "https://a b.example",
     "https://[::1"],
)  # fmt: skip
def test_what_is_no_safe_web_address_is_none(text):
    assert web_address(text) is None


def test_a_web_address_is_kept_as_it_is():
    assert web_address("https://huggingface.co/BAAI/bge-m3#x") == "https://huggingface.co/BAAI/bge-m3#x"


def test_a_result_file_is_looked_up_at_its_commit():
    file = "results/BAAI__bge-m3/5617/STS12.json"
    root = "https://github.com/embeddings-benchmark/results/blob"
    assert result_address(file, "0123abc") == f"{root}/0123abc/{file}"
    assert result_address(file, None) == result_address(file, "not a commit") == f"{root}/main/{file}"
    assert result_address("results/a b?/#x.json", None) == f"{root}/main/results/a%20b%3F/%23x.json"


@pytest.mark.parametrize("file", ["results/../../x.json", "/etc/passwd", "results/x.txt", None, "javascript:1.json"])
def test_other_paths_have_no_address(file):
    assert result_address(file, None) is None


def test_data_sets_on_the_hub():
    assert (
        dataset_address("mteb/banking77", "0fd18e25b2")
        == "https://huggingface.co/datasets/mteb/banking77/tree/0fd18e25b2"
    )
    assert dataset_address("mteb/banking77", "main") == "https://huggingface.co/datasets/mteb/banking77"
    assert dataset_address("a/b/c", "x") is None and dataset_address("../x", "x") is None
