"""Which language a text is in, as far as its letters and commonest words tell, and by which names files call it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["UNDETERMINED", "Language", "language_named", "language_of"]


class Language(NamedTuple):
    """A language with its script: codes of ISO 639-3 and ISO 15924, as mteb writes them (``deu-Latn``)."""

    code: str
    script: str

    def __str__(self) -> str:
        return f"{self.code}-{self.script}"


UNDETERMINED = Language("und", "Latn")

# Code, script, other codes and names by which a file or a column is called so, words that hardly a text is without.
_TABLE = """
eng Latn en english eng | the of and to in is that for with are this not be by
deu Latn de german deutsch ger | der die und das nicht ist ein eine mit von für auf den im zu werden
fra Latn fr french francais français fre | le la les des est une dans pour que et du qui pas sur au
spa Latn es spanish espanol español | el los las que una por con para del es en se no como y
ita Latn it italian italiano | il che di per una con non del della sono gli nel è i
por Latn pt portuguese portugues português pt-br | o que de não uma para com os do da em são se ao
nld Latn nl dutch nederlands dut | het een van en niet dat zijn voor met op is te worden de
swe Latn sv swedish svenska | och att det som en är på för av inte med till den
dan Latn da danish dansk | og at det er en til af på for med ikke der som
nob Latn nb no norwegian norsk nor | og å det er en til av på for med ikke som den
fin Latn fi finnish suomi | ja on ei että se oli mutta kun joka myös tai ovat
pol Latn pl polish polski | i w na nie się z do że jest to przez oraz są
ces Latn cs czech cesky čeština cze | a v na se je že s z do to pro které jsou
slk Latn sk slovak slovencina slo | a v na sa je že s z do to pre ktoré sú
hun Latn hu hungarian magyar | a az és hogy nem is egy meg van vagy de
ron Latn ro romanian romana română rum | și de în la nu este cu pe care din o sau
tur Latn tr turkish turkce türkçe | ve bir bu için ile de da olarak olan veya
hrv Latn hr croatian hrvatski | i u je na se za da su od koje ili
slv Latn sl slovenian slovenscina | in je v na se za da so ki ali
vie Latn vi vietnamese tiếngviệt | và của là có trong cho không được các một
ind Latn id indonesian indonesia | yang dan di untuk dengan ini tidak dari pada adalah
cat Latn ca catalan catala català | el la els que de i per amb una no és del
epo Latn eo esperanto | la de kaj en estas por ke al kun ne
lat Latn la latin | et in est non ad ut cum quod sed qui
rus Cyrl ru russian русский | и в не на что с по для как это или
ukr Cyrl uk ukrainian українська | і в не на що з та для як це або
bul Cyrl bg bulgarian български | и в не на че с за от се да или
srp Cyrl sr serbian српски | и у је на се за да су од или
ell Grek el greek ελληνικά gre |
heb Hebr he hebrew עברית iw |
arb Arab ar arabic العربية ara | في من على إلى أن هذا التي
fas Arab fa persian farsi فارسی per pes | و در به از که این است
urd Arab ur urdu اردو | کے میں کی اور ہے کا
hin Deva hi hindi हिन्दी |
ben Beng bn bengali বাংলা |
tam Taml ta tamil தமிழ் |
tel Telu te telugu తెలుగు |
tha Thai th thai ไทย |
lao Laoo lo lao |
khm Khmr km khmer |
mya Mymr my burmese bur |
kat Geor ka georgian geo |
hye Armn hy armenian arm |
amh Ethi am amharic |
jpn Jpan ja japanese 日本語 jp |
kor Hang ko korean 한국어 kr |
cmn Hans zh chinese 中文 zho chi zh-cn zh-hans cn |
yue Hant zh-tw zh-hant zh-hk |
"""
_SCRIPTS = {"HIRAGANA": "Jpan", "KATAKANA": "Jpan", "HANGUL": "Hang", "CJK": "Hans", "LATIN": "Latn",
            "CYRILLIC": "Cyrl",
            "GREEK": "Grek", "HEBREW": "Hebr", "ARABIC": "Arab", "DEVANAGARI": "Deva", "BENGALI": "Beng",
            "TAMIL": "Taml",
            "TELUGU": "Telu", "THAI": "Thai", "LAO": "Laoo", "KHMER": "Khmr", "MYANMAR": "Mymr", "GEORGIAN": "Geor",
            "ARMENIAN": "Armn", "ETHIOPIC": "Ethi"}  # fmt: skip
_SAMPLE = 40_000  # letters
_AHEAD = 1.2  # times as many of its commonest words as of the next language's
_WORDS = 30  # of running text, below which nothing is said by commonest words


def _read_table() -> tuple[dict[str, Language], dict[Language, frozenset[str]]]:
    names: dict[str, Language] = {}
    words: dict[Language, frozenset[str]] = {}
    for line in _TABLE.strip().splitlines():
        called, _, usual = line.partition("|")
        code, script, *others = called.split()
        language = Language("cmn" if code == "yue" else code, script)
        names.update(dict.fromkeys([*([] if code == "yue" else [code]), *others], language))
        words[language] = frozenset(usual.split())
    return names, words


_NAMES, _USUAL = _read_table()


def language_named(name: str) -> Language | None:
    """The language that a part of a file's name or the head of a column calls ("de", "German", "zh_CN")."""
    return _NAMES.get(name.strip().lower().replace("_", "-"))


def language_of(texts: Iterable[str]) -> Language:
    """The language of texts; ``und`` where neither script nor words tell."""
    sample = ""
    for text in texts:
        sample += text + " "
        if len(sample) > _SAMPLE:
            break
    script = _script(sample)
    among = [language for language in _USUAL if language.script == script]
    if script == "Hans":
        return Language("cmn", "Hans")
    if len(among) == 1:
        return among[0]
    counted = Counter(re.findall(r"[^\W\d_]+", sample.lower()))
    shares = {language: sum(counted[word] for word in _USUAL[language]) / len(_USUAL[language]) for language in among}
    second, best = ([UNDETERMINED, UNDETERMINED, *sorted(among, key=lambda language: shares[language])])[-2:]
    hits = sum(counted[word] for word in _USUAL.get(best, ()))
    if counted.total() < _WORDS or hits < counted.total() / 12 or shares[best] < _AHEAD * shares.get(second, 0.0):
        return Language("und", script)
    return best


def _script(text: str) -> str:
    """The script of most letters; Japanese if a twentieth of them are kana."""
    counted: Counter[str] = Counter()
    for letter, times in Counter(text).items():
        if letter.isalpha():
            counted[_SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0].split("-")[0], "Latn")] += times
    if counted["Jpan"] > counted["Hans"] / 20 and counted["Jpan"] + counted["Hans"] > counted.total() / 2:
        return "Jpan"
    return counted.most_common(1)[0][0] if counted else "Latn"
