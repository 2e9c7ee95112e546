"""A view is an address, whoever writes it: the browser, the tray, a command."""

from __future__ import annotations

import re

import pytest

from dashboard.views import View, base_of, language_in, page_names, read_view, views_as_text, views_in_text
from data.store.errors import InputError, NotFoundError
from tests.serving import ROOT

MODELS = "compare?c_models=org%2Fmodel-00&c_models=org%2Fmodel-01&c_strict=true"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (MODELS, MODELS),
        (f"http://127.0.0.1:8501/{MODELS}", MODELS),
        (f"https://host.example/plumbline/{MODELS}&lang=zh&present=1", MODELS),
        ("/drift", "drift"),
        ("leaderboard?l_benchmark=MTEB(eng, v2)", "leaderboard?l_benchmark=MTEB%28eng%2C+v2%29"),
        ("https://host.example/?l_name=a&l_sort=", "?l_name=a&l_sort="),
        ("", ""),
    ],
)
def test_an_address_in_full_or_from_the_page_on_is_the_same_view(text: str, address: str) -> None:
    assert read_view(text).address == address
    assert read_view(read_view(text).address) == read_view(text)


@pytest.mark.parametrize("text", ["nowhere", "https://host.example/plumbline", "compare/../x", "compare;a", "app.py"])
def test_an_address_of_no_page_is_refused_with_the_pages(text: str) -> None:
    with pytest.raises(NotFoundError, match="leaderboard"):
        read_view(text)


@pytest.mark.parametrize("text", ["compare?\x00", "http://[", "compare?c_models=" + "x" * 30_000, "drift?a\nb"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_view(text)


def test_pages_are_those_of_the_app() -> None:
    lines = re.findall(r'^    Page\("(\w+)"', (ROOT / "dashboard" / "app.py").read_text("utf-8"), re.M)
    assert sorted(lines) == list(page_names())


def test_views_go_through_one_text() -> None:
    views = (read_view(MODELS), read_view("drift"), read_view(""), View("tasks", "t_task=a+b%26c%3Dd%20"))
    assert views_in_text(views_as_text(views)) == (*views[:3], read_view(views[3].address))
    assert " " not in views[3].address


def test_where_a_dashboard_is_and_its_language() -> None:
    assert base_of("https://h.example/p/compare?x=1") == "https://h.example/p"
    assert base_of("http://h.example:8501/drift") == "http://h.example:8501"
    assert base_of("http://h.example:8501") == "http://h.example:8501" and base_of("http://h/p") == "http://h/p"
    assert [base_of(text) for text in ("compare?x=1", "javascript:alert(1)", "https://u:p@h.example/drift")] == [
        None
    ] * 3
    assert (language_in("drift?lang=zh&x=1"), language_in("drift")) == ("zh", None)
