"""Texts on which a tokenizer shows what it does; short, so that their ids can be kept in a pin and read by eye."""

from __future__ import annotations

__all__ = ["PROBES", "SCRIPTS", "WORDS", "all_texts"]

PROBES: dict[str, str] = {
    "plain": "The committee will publish its report in the spring.",
    "capitals": "NASA and the EU signed the Paris Agreement.",
    "accents": "Café naïve, señor, Übermut",
    "numbers": "On 14 March 2023, 1,250.75 kg were shipped.",
    "code": "def area(r): return 3.14 * r ** 2",
    "spaces": "  two  spaces\tand a tab\n",
    "apostrophes": "They've said it isn't the dog's.",
}

# What the seven of a pin do not show, by what they are of. Not part of a pin: one kept earlier must stay comparable.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latin": (
        "the cat sat on the mat and looked at the other cats",
        "HELLO WORLD, Hello World, hello world",
        "An unbelievably long reinterpretation of misunderstandings",
        "E = mc2; f(x) = a[i] + b{j} < c > d & e | f ~ g",
        "Wait... what?! (Yes: 'no', \"maybe\") - 50% of $3 @ #1",
        "https://example.org/path?query=1&b=2 user@example.org",
        "for (int i = 0; i < n; ++i) { sum += x[i]; }",
        "line one\nline two\r\n\tindented",
        "3.14159 1e-10 0x1F 2024-11-26 12:30",
        "Zürich, São Paulo, Łódź, Brontë, façade, Ångström",
        "cafe\u0301 nai\u0308ve",
        "\uff26\uff55\uff4c\uff4c \uff57\uff49\uff44\uff54\uff48 \ufb01ne",
    ),
    "Cyrillic": ("Комитет опубликует свой доклад весной.", "МОСКВА и Київ"),
    "Greek": ("Η επιτροπή θα δημοσιεύσει την έκθεσή της.",),
    "Arabic": ("ستنشر اللجنة تقريرها في الربيع.",),
    "Hebrew": ("הוועדה תפרסם את הדוח שלה באביב.",),
    "Devanagari": ("समिति वसंत में अपनी रिपोर्ट प्रकाशित करेगी।",),
    "Thai": ("คณะกรรมการจะเผยแพร่รายงาน",),
    "Chinese": ("委员会将在春天发表报告。", "我喜欢machine learning和北京"),
    "Japanese": ("委員会は春に報告書を発表します。", "カタカナとひらがな"),
    "Hangul": ("위원회는 봄에 보고서를 발표할 것이다.",),
    "symbols": ("good 👍 bad 👎 ❤️ 🙂", "∑ α ≤ β → ∞ € £ ©"),
}

# Common words, each likely to be one token in a vocabulary of English.
WORDS = """
    the of and to in is was for on that with as it by at from his an were are which this be had has have or
    their her not first but who one been also they two its new after all time other when there into more some
    people year can no than only over most would about between out then world where made city war may up
    national both state many university during through three being before high school team used since part under
    early since well each
""".split()  # noqa: SIM905 -- a list of words reads as one


def all_texts() -> list[str]:
    """Every text above, once."""
    return [*PROBES.values(), *(text for texts in SCRIPTS.values() for text in texts), " ".join(WORDS)]
