"""Two things beside each other: what differs, where two token sequences part, and white space that can be seen."""

from __future__ import annotations

from dashboard.diff import aligned, differences, file_digests, flat, visible


def test_differences_come_first_and_say_what_is_missing():
    left = {"dtype": "fp32", "prompts": {"query": "q: "}, "same": 1, "gone": True}
    right = {"dtype": "bf16", "prompts": {"query": "q:"}, "same": 1, "none": None}
    pairs = differences(left, right)
    assert [(p.name, p.left, p.right) for p in pairs if p.differs] == [
        ("dtype", "fp32", "bf16"),
        ("prompts.query", "q: ", "q:"),
        ("gone", "true", None),
    ]
    assert pairs[-1].name == "same" and not pairs[-1].differs


def test_nothing_and_unset_are_the_same():
    assert flat({"a": None, "b": {}, "c": [1, "é"]}) == {"c": '[1, "é"]'}


def test_a_file_of_the_same_name_and_size_can_differ():
    left, right = ([{"path": "model.bin", "size": 5, "sha256": digest * 64}] for digest in "ab")
    assert [pair.differs for pair in differences(file_digests(left), file_digests(right))] == [True]


def test_a_prompt_opens_a_gap_and_shifts_nothing():
    rows = aligned(["<s>", "cat", "</s>"], ["<s>", "query", ":", "cat", "</s>"])
    assert [(row.left, row.right) for row in rows if row.differs] == [(None, "query"), (None, ":")]
    assert rows[-1] == (2, "</s>", 4, "</s>", False)


def test_truncation_is_one_gap_at_the_end():
    rows = aligned(list("abcdef"), list("abc"))
    assert [row.differs for row in rows] == [False] * 3 + [True] * 3
    assert rows[3].right is None and rows[3].right_position is None


def test_replaced_tokens_stand_in_one_row():
    assert [(r.left, r.right) for r in aligned(["a", "X", "b"], ["a", "y", "b"]) if r.differs] == [("X", "y")]


def test_white_space_can_be_seen():
    assert visible(" a\tb\r\n") == "·a⇥b␍⏎\n"
    assert visible("\u200bzero\u00ad\u3000wide\u00a0") == "⟨U+200B⟩zero⟨U+00AD⟩□wide⍽"
    assert visible("plain") == "plain"
