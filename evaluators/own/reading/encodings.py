"""Bytes to text: by a mark at the beginning, as UTF-8, by what the file declares, and last by what it looks like."""

from __future__ import annotations

import codecs
import re

from evaluators.own.reading.refused import RefusedError

__all__ = ["decoded"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_HEAD = 4096  # bytes in which a page declares its encoding
_SAMPLE = 200_000  # bytes by which an encoding is guessed
# What WHATWG reads for these names, since that is what wrote the pages: larger sets that hold the named one.
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252",
           "ascii": "cp1252", "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "ks_c_5601-1987": "cp949",
           "euc-kr": "cp949", "big5": "big5hkscs", "windows-31j": "cp932"}  # fmt: skip
# Tried in this order where several fit equally well.
_MULTIBYTE = ("gb18030", "cp932", "euc_jp", "cp949", "big5hkscs")
_ONE_BYTE = ("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r",
             "koi8_u", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "cp866", "mac_roman")  # fmt: skip
# Letters beyond ASCII by language: those of one language are the likeliest, those of several come next (but for letters
# so rare that they are rather another alphabet's bytes).
_LANGUAGES = {
    "cp1252": ("äöüß", "éèêëàâçîïôûùÿœæ", "áéíóúüñ", "àèéìòùî", "ãõáéíóúâêôàçü", "åäöæøéü", "ëïéèöü", "àèéíïòóúüç",
               "áéíóúýþæöð", "äöõüšž"),
    "cp1254": ("ğüşıöçâîû",),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čšžćđ", "ăâîşţ"),
    "iso8859_2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čšžćđ", "ăâîşţ"),
}  # fmt: skip
_RARE = str.maketrans("", "", "ðýþšž")
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¹²³¿¡»«±¶¦§¨\x80-\x9f][^\W\d_]")
_FEWEST_PAIRS = 4  # letters of two bytes, below which hardly anything tells the sets apart


def decoded(data: bytes, *, declares: bool = False) -> tuple[str, str]:
    """The text of a file, and the encoding it was taken for ("utf-8" for most).

    Args:
        data: the whole file.
        declares: it is of a kind that says its encoding near its beginning (HTML).

    Raises:
        RefusedError: it is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data, name, "says at its beginning"), name.removesuffix("-sig")
    if wide := _wide_without_mark(data):
        return _strict(data, wide, "looks like"), wide
    _refuse_binary(data)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if declares and (match := _DECLARED.search(data[:_HEAD])):
        name = match[1].decode("ascii").lower()
        try:
            return data.decode(_LARGER.get(name, name)), _LARGER.get(name, name)
        except (LookupError, UnicodeError):
            pass
    name = _guess(data)
    return data.decode(name, "replace"), name


def _strict(data: bytes, name: str, how: str) -> str:
    try:
        return data.decode(name)
    except UnicodeError:
        raise RefusedError(f"it is not the {name} that it {how}") from None


def _wide_without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is zero in an alphabet's text; in others' the letters are everyday."""
    sample = data[: _SAMPLE // 2 * 2]
    if len(sample) < 8:
        return None
    even, odd = sample[::2].count(0) / len(sample[::2]), sample[1::2].count(0) / max(1, len(sample[1::2]))
    if odd > 0.4 and even < 0.02:
        return "utf-16-le"
    if even > 0.4 and odd < 0.02:
        return "utf-16-be"
    if len(data) % 2 == 0 and _has_control(sample):
        for name in ("utf-16-le", "utf-16-be"):
            if sum(map(_asian, text := sample.decode(name, "replace"))) > 0.9 * len(text):
                return name
    return None


def _asian(letter: str) -> bool:
    code = ord(letter)
    return (
        0x3000 <= code < 0x3100
        or 0x4E00 <= code < 0xA000
        or 0xAC00 <= code < 0xD7A4
        or 0xFF00 <= code < 0xFF60
        or (letter.isascii() and (letter.isprintable() or letter.isspace()))
    )


def _refuse_binary(data: bytes) -> None:
    if _has_control(data[:_SAMPLE]):
        raise RefusedError("it is no text: it has bytes that no text has")


def _has_control(sample: bytes) -> bool:
    control = sum(sample.count(bytes([code])) for code in range(32) if code not in (8, 9, 10, 12, 13, 26, 27))
    return b"\0" in sample or control > len(sample) / 100


def _guess(data: bytes) -> str:
    """The encoding of bytes that are not UTF-8: one of two bytes a letter that fits to the end, or one of one byte."""
    sample = data[:_SAMPLE]
    if _thai(sample):
        return "cp874"
    scores = {name: score for name in _MULTIBYTE if (score := _plausible(sample, name)) is not None}
    if scores and max(scores.values()) > 0.5:
        return max(scores, key=lambda name: scores[name])
    every = [(name, letters) for name, languages in _LANGUAGES.items() for letters in languages]
    together = [
        (name, "".join(languages).translate(_RARE if name == "cp1252" else {}))
        for name, languages in _LANGUAGES.items()
    ]
    for name, letters in [*every, *together]:
        if _only(sample, name, letters):
            return name
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_ONE_BYTE)).best()
    return best.encoding if best and _letters(sample.decode(best.encoding, "replace")) else "cp1252"


def _thai(sample: bytes) -> bool:
    """Whether the marks above and below letters stand on letters, as they do in Thai and in nothing read as it."""
    try:
        text = sample.decode("cp874")
    except UnicodeError:
        return False
    marks = [at for at, letter in enumerate(text) if letter == "\u0e31" or "\u0e34" <= letter <= "\u0e3a"]
    right = sum(at > 0 and "\u0e01" <= text[at - 1] <= "\u0e2e" for at in marks)
    return len(marks) >= _FEWEST_PAIRS and right > 0.97 * len(marks)


def _only(sample: bytes, name: str, usual: str) -> bool:
    """Whether every letter beyond ASCII is one that the encoding's languages use, and no sign stands inside a word."""
    try:
        text = sample.decode(name)
    except UnicodeError:
        return False
    beyond = {letter.lower() for letter in text if letter > "\x7f" and letter.isalpha() and letter not in "ªº"}
    return beyond <= set(usual) and not _SIGN_IN_WORD.search(text)


def _plausible(sample: bytes, name: str) -> float | None:
    """The share of letters of two bytes that are everyday ones beside another; None if the encoding does not fit.

    Languages written in them put such letters side by side; a lone one among ASCII is a letter with an accent and the
    letter after it, read as one.
    """
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)  # a letter that the sample cuts is no fault
    except UnicodeError:
        return None
    pairs = [letter for letter in text if letter > "\x7f"]
    if len(pairs) < _FEWEST_PAIRS:
        return None
    beside = sum(len(run) for run in re.findall(r"[^\x00-\x7f]{2,}", text)) / len(pairs)
    return beside * sum(_everyday(letter, name) for letter in pairs) / len(pairs)


def _everyday(letter: str, name: str) -> float:
    """How usual a letter is in texts of that encoding, by the parts of its table that such texts are written in."""
    code = ord(letter)
    if 0x3000 <= code < 0x3020 or 0xFF00 <= code < 0xFF60 or 0x2010 <= code < 0x2030:
        return 1.0
    if 0x3041 <= code < 0x3100:
        return 1.0 if name in ("cp932", "euc_jp") else 0.0
    if 0xAC00 <= code < 0xD7A4:
        return 1.0 if name == "cp949" and _first_byte(letter, name) >= 0xB0 else 0.0
    if 0x4E00 <= code < 0xA000:
        first, _ = letter.encode(name, "replace")[:2].ljust(2, b"\0")
        common = {"gb18030": (0xB0, 0xD7), "big5hkscs": (0xA4, 0xC6), "cp932": (0x88, 0x98), "euc_jp": (0xB0, 0xCF)}
        low, high = common.get(name, (0xFF, 0xFF))
        return 0.9 if low <= first <= high else 0.0
    return 0.0


def _first_byte(letter: str, name: str) -> int:
    return letter.encode(name, "replace")[0]


def _letters(text: str) -> bool:
    return sum(map(str.isalpha, text)) > len(text) / 3
