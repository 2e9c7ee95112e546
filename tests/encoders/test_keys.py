"""A key, its parts and its encodings are taken out of what others say; ordinary words are left alone."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from data.store import keys

KEY = "pk/Zq8+r4Tn_w2-Xy7=Vb9Lm"
ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "percent": lambda key: quote(key, safe=""),
    "percent throughout": lambda key: "".join(f"%{ord(letter):02x}" for letter in key),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of a header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of a login": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "base64 for addresses": lambda key: base64.urlsafe_b64encode(f"a{key}?>".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "hex in capitals": lambda key: key.encode().hex().upper(),
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON's escapes": lambda key: "".join(f"\\u{ord(letter):04X}" for letter in key),
    "JSON in JSON": lambda key: "".join(f"\\\\u{ord(letter):04x}" for letter in key),
    "slashes escaped": lambda key: key.replace("/", "\\/"),
    "Python's escapes": lambda key: "".join(f"\\x{ord(letter):02x}" for letter in key),
    "HTML": html.escape,
    "HTML by number": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "HTML by hex number": lambda key: "".join(f"&#x{ord(letter):x};" for letter in key),
}


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    keys.forget()
    yield
    keys.forget()


def traces(text: str, key: str = KEY) -> list[str]:
    """What is left of a key in a text: parts of six characters, and of their usual encodings; an oracle of its own."""
    parts = [key[at : at + 6] for at in range(len(key) - 5)]
    found = [part for part in parts if part.lower() in text.lower()]
    found += [part for part in parts if part.encode().hex() in text.lower()]
    found += [part for part in parts if "".join(f"%{ord(letter):02x}" for letter in part) in text.lower()]
    found += [part for part in parts if "".join(f"\\u{ord(letter):04x}" for letter in part) in text.lower()]
    for before in range(3):
        packed = base64.b64encode(b"?" * before + key.encode()).decode()
        pieces = [packed[at : at + 8] for at in range(4, len(packed) - 12)]
        for ways in ("+/", "-_"):
            found += [p for p in pieces if p.translate(str.maketrans("+/", ways)) in text]
    return found


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_gets_through_whole_or_cut_anywhere(encoding: str) -> None:
    keys.remember(KEY)
    said = f"wrong key: {ENCODINGS[encoding](KEY)} (sent by you)"
    assert "***" in keys.masked(said) and keys.masked(said).startswith("wrong key: ")
    assert traces(keys.masked(said)) == []
    for cut in range(len(said)):
        assert traces(keys.masked(said[:cut])) == []
        assert traces(keys.from_outside(said, cut)) == []
    for begin in range(len(said)):
        assert traces(keys.masked(said[begin:])) == []


def test_every_part_of_six_characters_is_taken_out_however_it_is_packed() -> None:
    keys.remember(KEY)
    for at in range(len(KEY) - 5):
        part = KEY[at : at + 6]
        assert keys.masked(f"<{part}>") == "<***>"
        for before in ("", "a", "bc"):
            assert "***" in keys.masked(base64.b64encode(f"{before}{part}yz".encode()).decode())
    assert keys.masked(KEY[:5]) == KEY[:5]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "embeddings-test-key",
            "The answer has no list of embeddings; the embedder of model test-embeddings-v2 said so",
        ),
        ("openai-project-staging", "openai:http://staging.example/v1 project default"),
        ("sk-very-long-secret-77aa", "a very long secret"),
        ("ollama", "ollama: model not found"),
        ("EMPTY", "`inputs` cannot be EMPTY"),
        ("x", "six boxes"),
        ("test", "a test"),
    ],
)
def test_ordinary_words_stay(key: str, said: str) -> None:
    keys.remember(key)
    assert keys.masked(said) == said


def test_a_key_of_words_is_taken_out_whole() -> None:
    keys.remember("embeddings-test-key")
    assert keys.masked("Bearer embeddings-test-key!") == "Bearer ***!"
    assert keys.masked("Bearer EMBEDDINGS-TEST-KEYS") == "Bearer ***S"
    keys.remember("k9#f")
    assert keys.masked("key k9#f, not k9#fish") == "key ***, not k9#fish"


def test_what_the_user_wrote_himself_stays() -> None:
    keys.remember("acme-minilm-2024-a8f3")
    keys.allow_words("acme-minilm")
    assert keys.masked("answered as acme-minilm") == "answered as acme-minilm"
    assert keys.masked("answered as acme-minilm-2024") == "answered as ***"


def test_it_is_cut_after_it_was_masked() -> None:
    keys.remember(KEY)
    said = "." * 195 + KEY
    assert keys.from_outside(said, 200) == "." * 195 + "***"
    assert len(keys.from_outside("a" * 10**6, 200)) <= 204


def test_a_terminal_is_not_steered_and_a_file_takes_it() -> None:
    assert keys.from_outside("\x1b[2Jred\x07 \ud800\x9b31m\ttab\nline") == " [2Jred  ? 31m\ttab\nline"


def test_structures_with_their_names() -> None:
    keys.remember(KEY)
    found = keys.masked_all({KEY: [{"a": f"x{KEY}"}, 7, None], "n": (KEY,)})
    assert found == {"***": [{"a": "x***"}, 7, None], "n": ["***"]}


def test_a_command_is_written_down_without_what_was_typed_into_it() -> None:
    keys.remember(KEY)
    typed = ["python", f"--label={KEY}", "openai:http://me:pa55@host/v1?model=m&api_key=abc&key_env=OK", "--token=t0"]
    written = keys.as_written(typed)
    assert not any(secret in written for secret in (KEY, "pa55", "abc", "t0"))
    assert "key_env=OK" in written and "model=m" in written


def test_variables_that_hold_keys_are_known_by_name_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    monkeypatch.setenv("KEY_FILE", "/home/somebody/secret-place")
    monkeypatch.setenv("SSH_KEY", "/home/somebody/.ssh/id_rsa")
    keys.remember_environment()
    assert keys.masked(KEY) == "***"
    assert keys.masked("/home/somebody/.ssh/id_rsa secret-place") == "/home/somebody/.ssh/id_rsa secret-place"
