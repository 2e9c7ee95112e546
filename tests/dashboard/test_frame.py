"""The frame of every page: what it is called, what it answers, in whose language, and how it is shown to a room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.frame_keys import FRAME_KEYS
from dashboard.views import View
from tests.dashboard.opened import on
from tests.dashboard.test_page_dialect import listed
from tests.serving import ROOT

PAGES = list(listed())


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, made_parity: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_parity))


def labels(at: AppTest) -> set[str]:
    return {button.label for button in at.button}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_name_and_question_and_what_can_be_done_with_it(page: str) -> None:
    at = on(page)
    assert len(at.title) == 1 and re.search(r"\w+ :small\[:gray\[.*\?\]\]$", at.title[0].value)
    assert {"Present", "中文"} <= labels(at)


@pytest.mark.parametrize("page", PAGES)
def test_shown_to_a_room_a_page_has_nothing_but_its_view(page: str) -> None:
    at = on(page, present="1")
    assert "End" in labels(at) and not {"Present", "中文"} & labels(at)
    at.button(key="present_end").click().run()
    assert not at.exception and "present" not in at.query_params and "Present" in labels(at)


def test_the_way_through_the_chosen_views_goes_by_their_order() -> None:
    at = on("models")
    at.session_state["_views_chosen"] = (View("models", ""), View("tasks", "t_task=STS12"), View("runs", ""))
    at.button(key="present").click().run()
    assert at.button(key="present_back").disabled and "1 of 3" in [one.value for one in at.markdown]
    at.button(key="present_on").click().run()
    assert not at.exception and at.title[0].value.startswith("Tasks")
    assert at.query_params["t_task"] in ("STS12", ["STS12"]) and at.query_params["present"] in ("1", ["1"])


def test_a_page_that_is_none_of_the_chosen_goes_on_to_the_first() -> None:
    at = on("drift")
    at.session_state["_views_chosen"] = (View("models", ""),)
    at.button(key="present").click().run()
    assert "– of 1" in [one.value for one in at.markdown]
    at.button(key="present_on").click().run()
    assert at.title[0].value.startswith("Models")


def test_the_language_of_the_address_stays_through_the_session_and_no_page_has_it() -> None:
    at = on("models", lang="zh")
    assert at.title[0].value.startswith("模型") and "English" in labels(at)
    del at.query_params["lang"]
    at.run()
    assert at.title[0].value.startswith("模型")
    at.button(key="language_en").click().run()
    assert at.title[0].value.startswith("Models")


def test_a_language_nobody_has_is_english() -> None:
    assert on("models", lang="<b>x").title[0].value.startswith("Models")


def test_keys_of_the_frame_are_no_choices_of_a_page() -> None:
    prefixes = tuple(f"{prefix}_" for prefix in listed().values())
    assert not [key for key in FRAME_KEYS if key.startswith(prefixes)]
    assert not on("models", lang="zh", present="1").warning


def test_what_the_style_speaks_of_is_ours_or_streamlits() -> None:
    """Names of Streamlit's parts are those of the pinned version: another may call them otherwise."""
    import streamlit

    built = "".join(
        path.read_text("utf-8") for path in (Path(streamlit.__file__).parent / "static" / "static" / "js").glob("*.js")
    )
    for sheet in ("style.css", "present.css"):
        for name in set(re.findall(r'data-testid="(\w+)"', (ROOT / "dashboard" / sheet).read_text("utf-8"))):
            assert name in built, (sheet, name)
