"""``python -m dashboard report``: addresses in, a file out, and sentences where that cannot be."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from streamlit import runtime

from dashboard.__main__ import main
from tests.report.reading import read
from tests.serving import ROOT

ALL = "leaderboard?l_benchmark=Tiny%28all%29"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made_store: Path, tmp_path: Path):
    """``run("report", ...)``: exit status, standard output and errors of the command, in an empty folder."""
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    monkeypatch.chdir(tmp_path)

    def of(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dashboard", *arguments])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, errors = capsys.readouterr()
        assert not runtime.exists()
        return status, out, " ".join(errors.split())

    return of


def test_a_full_address_and_a_short_one_make_a_file(run) -> None:
    status, out, errors = run("report", f"https://h.example/p/{ALL}&lang=zh", "tasks?t_task=TinySTS", "-o", "a.html")
    assert (status, out, errors) == (0, "a.html\n", "")
    shown = read(Path("a.html").read_bytes())
    assert "数据来源" in shown.text and len(shown.tables) >= 2
    assert f"https://h.example/p/{ALL}" in [attributes.get("href") for tag, attributes in shown.tags if tag == "a"]


def test_formats_by_name_and_by_ending(run) -> None:
    assert run("report", ALL, "--out", "a.md")[0] == 0 and Path("a.md").read_text("utf-8").startswith("# Leaderboard")
    assert run("report", ALL, "--format", "parquet", "--out", "tables")[0] == 0
    assert sorted(path.name for path in Path("tables").iterdir()) == ["1-leaderboard-1.parquet", "report.json"]
    assert run("report", ALL, "--format", "csv", "--out", "tables.zip")[0] == 0
    assert zipfile.ZipFile("tables.zip").namelist() == ["1-leaderboard-1.csv", "report.json"]
    assert run("report")[:2] == (0, "report.html\n")
    assert read(Path("report.html").read_bytes()).text.startswith("Overview")


def test_what_a_page_warns_of_is_told(run) -> None:
    status, _, errors = run("report", f"{ALL}&wat=1", "-o", "a.html")
    assert status == 0 and "wat is not a choice on this page" in errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no page “nowhere”"),
        ([ALL, "--lang", "xx"], "There is no language “xx”"),
        ([ALL, "--base-url", "javascript:alert(1)"], "no address of a dashboard"),
        ([ALL, "--store", "none.duckdb"], "There is no store yet (none.duckdb). Run `python -m evaluators import`"),
        ([ALL, "--out", "no/such/a.html"], "There is no such folder"),
        ([ALL, "--out", "."], "This is a folder"),
        ([ALL] * 25, "1 to 24 views"),
    ],
)
def test_errors_are_sentences_with_a_status(run, arguments: list[str], sentence: str) -> None:
    status, out, errors = run("report", *arguments)
    assert status == 2 and sentence in errors and "Traceback" not in errors and not out


def test_help_explains(run) -> None:
    status, out, _ = run("--help")
    assert status == 0 and "report" in out
    status, out, _ = run("report", "--help")
    assert status == 0 and all(
        word in out for word in ("--out", "--format", "--lang", "--base-url", "--store", "ADDRESS")
    )


def test_a_process_of_its_own_says_nothing_that_was_not_asked() -> None:
    asked = [sys.executable, "-m", "dashboard", "report", "--help"]
    ended = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True)
    assert ended.stderr == b""
