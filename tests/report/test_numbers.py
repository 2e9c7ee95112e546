"""The numbers of a report are the queries' own, in every format, and making it writes nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest

from dashboard.formatting import rounded
from dashboard.queries import compare as compare_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import task as task_queries
from dashboard.queries.leaderboard import Filter
from dashboard.report import making
from dashboard.report.document import Sheet, blocks_in
from dashboard.report.files import files_of
from dashboard.report.html import MOST_BYTES, html_of
from dashboard.report.making import WRITERS, HowFar, Wish, make_report, notices_of, written_report
from dashboard.report.markdown import markdown_of
from dashboard.tables import leaderboard as leaderboard_tables
from dashboard.views import page_names, read_view, views_in_text
from dashboard.words import in_language
from data.store.database import StoreReader, reading
from data.store.decisions import Conclusion, Decision, decide
from data.store.errors import InputError, NotFoundError, StoreMissingError
from tests.make_store import HOSTILE, make_store
from tests.report.conftest import Made
from tests.report.reading import Read, read

ALL = "leaderboard?l_benchmark=Tiny%28all%29"


def column(shown: Read, table: int, head: str) -> list[str]:
    heads, *rows = shown.tables[table]
    return [row[heads.index(head)] for row in rows]


def points(values: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else f"{value:.2f}" for value in rounded(100 * values.astype("float64"))]


def test_the_leaderboard_is_the_query(made: Made, made_store: Path) -> None:
    shown = read(html_of(made(made_store, ALL)))
    with reading(made_store) as cursor:
        selection = leaderboard_queries.selected(cursor, "Tiny(all)", Filter())
        models = leaderboard_queries.table(cursor, "Tiny(all)", selection, leaderboard_tables.fact_sources())
    assert column(shown, 0, "Model") == list(models["model"]) and set(HOSTILE) <= set(models["model"])
    assert column(shown, 0, "Mean (Task)") == points(models["mean_task"])
    assert column(shown, 0, "Rank") == ["" if pd.isna(rank) else f"{rank:.0f}" for rank in models["rank"]]
    assert f"mean {points(models['mean_task'])[0]}" in shown.text


def test_no_heading_stands_over_nothing(made: Made, made_store: Path) -> None:
    heading = "Where the numbers come from"
    assert heading not in read(html_of(made(made_store, ALL))).text
    assert heading in read(html_of(made(made_store, f"{ALL}&l_model=org%2Fmodel-03"))).text


def test_a_task_is_the_query(made: Made, made_store: Path) -> None:
    shown = read(html_of(made(made_store, "tasks?t_task=TinySTS")))
    with reading(made_store) as cursor:
        models = task_queries.models_by_score(cursor, "TinySTS")
    place = next(i for i, table in enumerate(shown.tables) if {"Model", "Score"} <= set(table[0]))
    assert column(shown, place, "Model") == list(models["model"])
    assert column(shown, place, "Score") == points(models["score"])


def test_a_comparison_is_the_query(made: Made, made_store: Path) -> None:
    models = ("org/model-03", "org/model-07")
    asked = "&".join(f"c_models={quote(name)}" for name in models)
    shown = read(html_of(made(made_store, f"compare?c_benchmark=Tiny%28all%29&{asked}")))
    with reading(made_store) as cursor:
        selection = compare_queries.compared(cursor, "Tiny(all)", models)
        wide = compare_queries.shared_wide(selection, models)
    place = next(i for i, table in enumerate(shown.tables) if table[0][:2] == ["Task", "Type"])
    for name in models:
        there = dict(zip(column(shown, place, "Task"), column(shown, place, name.split("/")[1]), strict=True))
        assert there == dict(zip(wide.index.get_level_values("task"), points(wide[name]), strict=True))


@pytest.mark.parametrize("page", page_names())
def test_every_page_is_written_in_every_format(made: Made, made_store: Path, made_parity: Path, page: str) -> None:
    for store in (made_store, made_parity):
        report = made(store, page, base="http://127.0.0.1:8501")
        sheets = [block for block in blocks_in(report.views[0].blocks) if isinstance(block, Sheet)]
        shown = read(html_of(report))
        assert [len(table) - 1 for table in shown.tables] == [len(sheet.frame) for sheet in sheets]
        assert not notices_of(report)
        text = markdown_of(report).decode()
        assert text.count("\n| ") == sum(len(sheet.frame) + 2 for sheet in sheets)
        files = dict(files_of(report))
        about = json.loads(files["report.json"])
        assert len(files) == 2 * len(sheets) + 1 == 2 * len(about["tables"]) + 1
        for sheet in sheets:
            rows = list(csv.reader(io.StringIO(files[f"{sheet.name}.csv"].decode())))
            assert len(rows) == len(sheet.frame) + 1
            frame = pd.read_parquet(io.BytesIO(files[f"{sheet.name}.parquet"]))
            assert list(frame.columns) == list(sheet.frame.columns) and len(frame) == len(sheet.frame)


def test_a_store_with_nothing_in_it_and_none_at_all(made: Made, tmp_path: Path) -> None:
    from data.store.database import writing

    with writing(tmp_path / "empty.duckdb", fresh=True):
        pass
    report = made(tmp_path / "empty.duckdb", " ".join(page_names()))
    assert "python -m evaluators import" in read(html_of(report)).text
    with pytest.raises(StoreMissingError):
        made(tmp_path / "none.duckdb", "drift")


def test_nothing_is_written_beside_the_store(made: Made, made_store: Path, tmp_path: Path) -> None:
    shutil.copy(made_store, tmp_path / "store.duckdb")
    before = {path.name: sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    made(tmp_path / "store.duckdb", " ".join(page_names()))
    assert {path.name: sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()} == before


def test_names_with_markup_are_text(made: Made, made_store: Path, made_parity: Path) -> None:
    addresses = " ".join(
        [
            ALL,
            *(f"models?m_model={quote(name)}" for name in HOSTILE[:3]),
            f"leaderboard?l_name={quote('<script>x</script>')}",
        ]
    )
    for report in (made(made_store, addresses, title="<script>alert(1)</script>"), made(made_parity, "drift runs")):
        html = html_of(report)
        shown = read(html)
        assert {tag for tag, _ in shown.tags} <= {
            "html", "head", "meta", "link", "title", "style", "body", "header", "p", "h1", "h2", "h3", "h4", "a", "nav",
            "ol", "ul", "li", "span", "div", "label", "select", "option", "button", "noscript", "main", "section", "b",
            "strong", "em", "br", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd",
            "script",
        }  # fmt: skip
        assert [tag for tag, _ in shown.tags].count("script") == 3
        for _, attributes in shown.tags:
            assert not [name for name in attributes if name.startswith("on")]
            assert re.match(r"https?://|#|data:,$", attributes.get("href") or "#")
        text = markdown_of(report).decode()
        assert not re.search(r"(?<!\\)<(img|script|b)\b", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        assert not re.search(r"\]\(javascript", text.replace("\\]", ""))
    assert "<img src=x onerror=alert(1)>/model" in read(html_of(made(made_store, ALL))).text


def test_a_formula_in_a_table_is_no_formula_in_its_csv() -> None:
    from dashboard.report.files import _written

    assert [_written(text) for text in ("=1+1", "-x", "@x", 5.0, ["+1", "a"])] == ["'=1+1", "'-x", "'@x", 5.0, "'+1; a"]


def test_what_figures_rest_on_stands_in_the_report(made: Made, made_store: Path) -> None:
    report = made(made_store, "drift leaderboard")
    facts = dict(report.provenance.facts)
    with StoreReader(made_store).cursor() as cursor:
        row = cursor.execute("SELECT source, source_commit, mteb_version FROM imports WHERE kind <> 'run'").fetchone()
    assert row is not None
    assert facts["Record"] == row[0] and facts.get("Commit of the record") == row[1]
    assert facts["Language"] == "English" and facts["Views"] == "drift\nleaderboard" and facts["Plumbline"]
    assert made_store.name in facts["Store"] and f"{made_store.stat().st_size:,} bytes" in facts["Store"]
    assert all(value in read(html_of(report)).text for value in facts.values() if "\n" not in value)


def test_links_lead_back_only_to_a_dashboard_one_knows(made: Made, made_store: Path) -> None:
    def links(base: str | None) -> list[str]:
        tags = read(html_of(made(made_store, ALL, base=base))).tags
        return [str(found["href"]) for tag, found in tags if tag == "a"]

    assert f"https://h.example/p/{ALL}" in links("https://h.example/p/")
    assert all(link.startswith(("#", "https://huggingface.co")) for link in links(None))


def test_chinese(made: Made, made_store: Path) -> None:
    report = made(made_store, ALL, language="zh")
    with in_language("zh"):
        shown = read(html_of(report))
        text = markdown_of(report).decode()
    assert dict(shown.tags[0][1])["lang"] == "zh-Hans" and "数据来源" in shown.text and "数据来源" in text
    english = read(html_of(made(made_store, ALL)))
    assert [row[1:2] for row in shown.tables[0][1:]] == [row[1:2] for row in english.tables[0][1:]]


def test_a_report_is_drawn_once_and_again_when_the_store_is_another(made: Made, tmp_path: Path, monkeypatch) -> None:
    store = make_store(tmp_path / "store.duckdb", plain_models=3)
    drawn: list[str] = []
    draw = making.run_page
    monkeypatch.setattr(making, "run_page", lambda page, *rest, **more: drawn.append(page) or draw(page, *rest, **more))
    first = made(store, ALL)
    assert made(store, ALL) is first and drawn == ["leaderboard"]
    made(store, ALL, language="zh")
    assert len(drawn) == 2
    make_store(store, plain_models=5)
    assert len(made(store, ALL).views) == 1 and len(drawn) == 3


def test_what_lies_beside_the_store_makes_another_report_of_it(made: Made, tmp_path: Path, monkeypatch) -> None:
    store = make_store(tmp_path / "store.duckdb", plain_models=3)
    draw, runs = making.run_page, []

    def drawn_while_deciding(page: str, *rest, **more):
        run = draw(page, *rest, **more)
        if not runs:
            decide(Decision("ours", "Which?", Conclusion.ACCEPT, "as is", "Ann", "tasks"))
        runs.append(page)
        return run

    monkeypatch.setattr(making, "run_page", drawn_while_deciding)
    made(store, "leaderboard tasks")
    made(store, "leaderboard tasks")
    assert len(runs) == 4, "the first was drawn while it was decided"
    (tmp_path / "prices.csv").write_text("model,usd_per_million_tokens,source,as_of\n", "utf-8")
    made(store, "leaderboard tasks")
    assert len(runs) == 4, "the same prices"
    line = "a/b,1.5,https://a.example,2026-01-01\n"
    (tmp_path / "prices.csv").write_text("model,usd_per_million_tokens,source,as_of\n" + line, "utf-8")
    made(store, "leaderboard tasks")
    assert len(runs) == 6


def test_a_store_published_meanwhile_has_the_report_drawn_anew(made: Made, tmp_path: Path, monkeypatch) -> None:
    store = make_store(tmp_path / "store.duckdb", plain_models=3)
    draw, runs = making.run_page, []

    def drawn_while_importing(page: str, *rest, **more):
        run = draw(page, *rest, **more)
        if not runs:
            make_store(store, plain_models=6)
        runs.append(page)
        return run

    monkeypatch.setattr(making, "run_page", drawn_while_importing)
    report = made(store, f"{ALL} tasks")
    assert runs == ["leaderboard", "tasks"] * 2
    (sheet,) = [block for block in blocks_in(report.views[0].blocks) if isinstance(block, Sheet)]
    assert len(sheet.frame) == 6 + len(HOSTILE)


def test_wishes_that_cannot_be_met_are_sentences(made_store: Path, monkeypatch) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    view = read_view("drift")
    far = HowFar()
    with pytest.raises(InputError, match="1 to 24 views"):
        written_report(Wish(()), "html", far)
    assert isinstance(far.failure, InputError) and not far.wanted
    with pytest.raises(NotFoundError, match="no language"):
        make_report(Wish((view,), "xx"))
    with pytest.raises(InputError, match="no address of a dashboard"):
        make_report(Wish((view,), base="javascript:alert(1)"))
    monkeypatch.setattr("dashboard.report.html.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="Choose fewer views"):
        written_report(Wish((view,)), "html", far)
    assert set(WRITERS) == {"html", "md", "csv", "parquet", "data"}


def test_the_whole_record_stays_below_the_bound(made: Made, record_store: Path) -> None:
    report = made(record_store, "leaderboard use compare tasks models")
    html = html_of(report)
    assert len(html) < MOST_BYTES
    with zipfile.ZipFile(io.BytesIO(WRITERS["data"][2](report))) as archive:
        assert archive.testzip() is None
    assert views_in_text("leaderboard use")[1].page == "use"
