"""A sentence that says something else: one number, one name, or its yes and no changed.

What comes out need not be good style: it has to contradict the sentence it was made of and share nearly all its words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from evaluators.own.languages import Language
from evaluators.own.lots import lot

__all__ = ["KINDS_OF_CHANGE", "ProperNames", "contradictions"]

KINDS_OF_CHANGE = ("numbers", "negation", "names")
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:[.,:]\d+)*(?![\w/-])")
_WIDE_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?=[\u3000-\u9fff\uac00-\ud7a3\u0e00-\u0eff])")
_CHINESE_NUMBER = re.compile(
    "[\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d]\u5341|\u5341[\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d]"
    "|\u7b2c[\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d]"
)
_CHINESE_DIGITS = "\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"
_NUMBER_WORDS = {
    "eng": "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand",
    "deu": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend",
    "fra": "deux trois quatre cinq six sept huit neuf dix onze douze vingt trente quarante cinquante cent mille",
    "spa": "dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cuarenta cincuenta cien mil",
}
# By language, in order: what is looked for and what stands in its place. First "no" is made "yes", else "yes" "no".
_NEGATIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "eng": (
        (r"\b(is|are|was|were|must|may|can|shall|should|will|does|do|did|would|could) not\b", r"\1"),
        (r"\b(can)not\b", r"\1"), (r"\b(do|does|did|is|are|was|were|would|could|should|has|have)n['\u2019]t\b", r"\1"),
        (r"\bnever\b", "always"), (r"\bwithout\b", "with"),
        (r"\bcan (?=[a-z])", "cannot "),
        (r"\b(is|are|was|were|must|may|shall|should|will|would|could)(?= [a-z])", r"\1 not"),
        (r"\balways\b", "never"),
    ),
    "deu": (
        (r"\bnicht ", ""), (r"\bkein(e|en|em|er|es)?\b", r"ein\1"), (r"\bniemals\b|\bnie\b", "immer"),
        (r"\b(ist|sind|war|waren|muss|müssen|darf|dürfen|kann|können|soll|sollen|wird|werden)(?= \w)", r"\1 nicht"),
        (r"\bimmer\b", "niemals"),
    ),
    "fra": (
        (r"\bne (\w+) (?:pas|jamais)\b", r"\1"), (r"\bn['\u2019](\w+) (?:pas|jamais)\b", r"\1"),
        (r" (est|était|a été|avait)(?= \w)", r" n'\1 pas"),
        (r" (sont|doit|doivent|peut|peuvent|sera|seront|fait|permet)(?= \w)", r" ne \1 pas"),
    ),
    "spa": ((r"\bno (?=[a-záéíóú])", ""),
            (r"\b(es|son|debe|deben|puede|pueden|está|están|fue|era|será|tiene)(?= \w)", r"no \1")),
    "ita": ((r"\bnon (?=[a-z])", ""), (r" (è|sono|deve|devono|può|possono|era|sarà|ha)(?= \w)", r" non \1")),
    "por": ((r"\bnão (?=[a-z])", ""), (r" (é|são|deve|devem|pode|podem|foi|era|será|tem)(?= \w)", r" não \1")),
    "nld": ((r"\bniet ", ""), (r"\bgeen\b", "een"),
            (r"\b(is|zijn|was|moet|moeten|mag|kan|kunnen|zal|wordt|worden)(?= \w)", r"\1 niet")),
    "rus": ((r"\bне (?=[а-я])", ""),
            (r" (может|могут|должен|должна|должно|должны|является|являются|был|была|было|были|будет)(?= \w)",
             r" не \1")),
    "cmn": (
        ("\u4e0d(?=[\u53ef\u80fd\u5e94\u5141\u9700\u4f1a\u662f])", ""), ("\u6ca1\u6709", "\u6709"),
        ("\u4e0d\u5f97", "\u53ef\u4ee5"),
        ("\u5fc5\u987b", "\u4e0d\u5fc5"),
        ("(?=\u53ef\u4ee5|\u5e94\u5f53|\u5e94\u8be5|\u80fd\u591f|\u5141\u8bb8|\u9700\u8981)", "\u4e0d"),
        ("(?<![\u4f46\u8fd8\u4e8e\u53ef\u603b\u6216\u5c31\u5373\u8981])\u662f(?!\u5426)", "\u4e0d\u662f"),
    ),
    "jpn": (("できます", "できません"), ("できません", "できます"),
            ("ありません", "あります"), ("あります", "ありません"),
            ("ではない", "である"), ("である", "ではない"),
            ("です(?=。)", "ではありません"), ("ます(?=。)", "ません")),
    "kor": (("없습니다", "있습니다"), ("있습니다", "없습니다"), 
            ("입니다", "이 아닙니다"), ("합니다(?=[.])", "하지 않습니다")),
    "tha": (("ไม่สามารถ", "สามารถ"), ("สามารถ", "ไม่สามารถ"), ("ไม่ต้อง", "ต้อง"), ("ต้อง", "ไม่ต้อง"), ("ไม่มี", "มี")),
    "hin": (("नहीं ", ""), ("है(?=।)", "नहीं है"), ("हैं(?=।)", "नहीं हैं")),
    "arb": (("\\bلا (?=ي|ت)", ""), ("\\bيجب\\b", "لا يجب"), ("\\bيمكن\\b", "لا يمكن"), ("\\bيجوز\\b", "لا يجوز")),
}  # fmt: skip
_NAME = re.compile(r"(?<=[^\s.!?:\u2026]\s)(?:[^\W\d_][\w\u2019'-]*\w)(?:\s[^\W\d_][\w-]*\w)*")
_SHORTEST_NAME = 3


class ProperNames:
    """Names of all documents: words with a capital inside a sentence that never stand without one."""

    def __init__(self, sentences: Iterable[str]) -> None:
        texts = list(sentences)
        small = {word for text in texts for word in re.findall(r"\w+", text) if word.islower()}
        self._by_shape: dict[tuple[int, bool], list[str]] = defaultdict(list)
        every = {name for text in texts for name in _capitalised(text)}
        self._names = {name for name in every if not any(word.lower() in small for word in name.split())}
        for name in sorted(self._names):
            self._by_shape[_shape(name)].append(name)

    def changed(self, sentence: str, passage: str) -> str | None:
        """The sentence with one of its names exchanged for one that the passage has not."""
        names = [name for name in _capitalised(sentence) if name in self._names]
        for name in sorted(names, key=lambda name: lot(sentence, name)):
            others = [other for other in self._by_shape[_shape(name)] if other not in passage]
            if others:
                other = min(others, key=lambda other: lot(sentence, other))
                return re.sub(rf"\b{re.escape(name)}\b", other.replace("\\", ""), sentence)
        return None


def contradictions(sentence: str, passage: str, language: Language, names: ProperNames) -> dict[str, str]:
    """What the sentence becomes, by kind of change; a kind that nothing in it lends itself to is left out.

    Args:
        sentence: what the passage says.
        passage: where it stands.
        language: of the passage.
        names: of all documents.
    """
    makers: dict[str, Callable[[], str | None]] = {
        "numbers": lambda: _other_number(sentence, language),
        "negation": lambda: _negated(sentence, language),
        "names": lambda: names.changed(sentence, passage),
    }
    made = {kind: makers[kind]() for kind in KINDS_OF_CHANGE}
    return {kind: text for kind, text in made.items() if text and text != sentence}


def _other_number(text: str, language: Language) -> str | None:
    matches = [*_NUMBER.finditer(text), *_WIDE_NUMBER.finditer(text)]
    if matches:
        longest = max(matches, key=lambda match: (len(match[0]), -match.start()))
        return text[: longest.start()] + _digits(longest[0], text) + text[longest.end() :]
    if match := _CHINESE_NUMBER.search(text):
        return text[: match.start()] + _other_of(match[0], _CHINESE_DIGITS, text) + text[match.end() :]
    words = _NUMBER_WORDS.get(language.code, "").split()
    if words and (match := re.search(rf"\b({'|'.join(words)})\b", text)):
        return text[: match.start()] + _another(words, match[0], text) + text[match.end() :]
    return None


def _digits(number: str, seed: str) -> str:
    """Another number of the same form: one or two digits changed, in the script they are written in; a year near by."""
    if re.fullmatch("(?:19|20)[0-9]{2}", number):
        return str(int(number) + (1 if lot(seed, "side") % 2 else -1) * (2 + lot(seed, number) % 9))
    places = [at for at, letter in enumerate(number) if letter.isdigit()][:2]
    changed = list(number)
    for at in places:
        digit, zero = int(number[at]), ord(number[at]) - int(number[at])
        least = 1 if at == 0 else 0
        choices = [other for other in range(least, 10) if other != digit]
        changed[at] = chr(zero + choices[lot(seed, f"{number}{at}") % len(choices)])
    return "".join(changed)


def _other_of(written: str, letters: str, seed: str) -> str:
    at = next(at for at, letter in enumerate(written) if letter in letters)
    return written[:at] + _another(letters, written[at], seed) + written[at + 1 :]


def _another(among: Sequence[str], one: str, seed: str) -> str:
    others = [other for other in among if other != one]
    return others[lot(seed, one) % len(others)]


def _negated(sentence: str, language: Language) -> str | None:
    for pattern, instead in _NEGATIONS.get(language.code, ()):
        changed, times = re.subn(pattern, instead, sentence, count=1)
        if times:
            return changed
    return None


def _capitalised(sentence: str) -> list[str]:
    """Runs of words with a capital, but for the first word of the sentence."""
    runs: list[str] = []
    for match in _NAME.finditer(sentence):
        run: list[str] = []
        for word in [*match[0].split(), ""]:
            if word and word[0].isupper() and len(word) >= _SHORTEST_NAME:
                run.append(word)
            elif run:
                runs.append(" ".join(run))
                run = []
    return runs


def _shape(name: str) -> tuple[int, bool]:
    return len(name.split()), name.isupper()
