"""Slot text: what cleaners, clients and transports did to texts on their way; each is looked at before it is tried."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial

from data.rules.causes import chat, edits
from data.rules.causes.cause import Cause
from data.rules.causes.marks import marks_removed
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["EDIT_CAUSES"]

_AS_THEY_ARE = mark("Hand the texts over as they are.")
_UTF8 = mark("Read and send the texts as UTF-8.")
_DECODE = mark("Decode what the transport encoded before encoding it.")
_WHOLE = mark("Hand the texts over whole.")
_EVERY = mark("Every vector moves, short texts' most.")
_OTHERS = mark("Texts that it changes become other tokens, and get other vectors.")
_EVERYWHERE = mark("Texts of more than that lose what stands after it; shorter ones keep their vectors.")

_edited = partial(Cause, slot=Slot.TEXT, by_look=True, effect=_OTHERS, remedy=_AS_THEY_ARE)
_blank = partial(_edited, family="white-space")
_case = partial(_edited, family="case")
_characters = partial(_edited, family="unicode", remedy=_UTF8)
_signs = partial(_edited, family="punctuation")
_markup = partial(_edited, family="markup")
_words = partial(_edited, family="words")
_around = partial(_edited, family="around", effect=_EVERY)
_part = partial(_edited, family="part", remedy=_WHOLE)
_CUT = mark("Cut by tokens, as the model does, or not at all.")


def _by(edit: Callable[..., str], *values: object) -> Callable[[str], str]:
    return lambda text: edit(text, *values)


def _line(expression: str, imports: str = "") -> str:
    """A snippet: the texts, each as the expression has it."""
    head = f"import {imports}\n" if imports else ""
    return f"{head}texts = [{expression} for text in texts]"


_WHITE_SPACE = (
    _blank(
        code="beginning-stripped", words="white space stripped at the beginning", edit=str.lstrip,
        snippet=_line("text.lstrip()"),
    ),
    _blank(code="end-stripped", words="white space stripped at the end",
        edit=str.rstrip, snippet=_line("text.rstrip()")),
    _blank(
        code="blanks-collapsed", words="runs of blanks collapsed", edit=edits.blanks_collapsed,
        snippet=_line("re.sub(r' +', ' ', text)", "re"),
    ),
    _blank(
        code="tabs-replaced", words="tabs replaced by spaces", edit=lambda text: text.replace("\t", " "),
        snippet=_line("text.replace('\\t', ' ')"),
    ),
    _blank(
        code="line-ends-changed", words="line ends of two characters made ones of one",
        edit=lambda text: text.replace("\r\n", "\n"),
        snippet=_line("text.replace('\\r\\n', '\\n')"),
    ),
    _blank(
        code="line-ends-replaced", words="a space in the place of each line end, of one character or two",
        edit=lambda text: text.replace("\r\n", " ").replace("\n", " ").replace("\r", " "),
        snippet=_line("text.replace('\\r\\n', ' ').replace('\\n', ' ').replace('\\r', ' ')"),
    ),
    _blank(
        code="newlines-escaped", words="newlines written as a backslash and an n",
        edit=lambda text: text.replace("\n", "\\n"), snippet=_line("text.replace('\\n', '\\\\n')"),
    ),
    _blank(
        code="white-space-removed", words="white space removed", edit=lambda text: "".join(text.split()),
        snippet=_line("''.join(text.split())"),
    ),
)  # fmt: skip

_CASES = (
    _case(
        code="texts-title-cased", words="each word begun with a capital", edit=str.title, snippet=_line("text.title()"),
    ),
    _case(
        code="texts-capitalised", words="each text begun with a capital, the rest lower-cased", edit=str.capitalize,
        snippet=_line("text.capitalize()"),
    ),
    _case(code="texts-case-folded", words="texts case-folded", edit=str.casefold, snippet=_line("text.casefold()")),
)  # fmt: skip

_CHARACTERS = (
    _characters(code="utf8-as-cp1252", words="UTF-8 read as Windows-1252", edit=edits.cp1252_misread),
    _characters(code="utf8-twice", words="UTF-8 read as Latin-1 twice", edit=edits.latin1_twice),
    _characters(
        code="ascii-by-nfkd", words="texts made ASCII by NFKD, accents and all else dropped", edit=edits.ascii_by_nfkd,
        snippet=_line("unicodedata.normalize('NFKD', text).encode('ascii', 'ignore').decode()", "unicodedata"),
    ),
    _characters(
        code="question-marks", words="question marks in the place of what is not ASCII",
        edit=lambda text: text.encode("ascii", "replace").decode(),
        snippet=_line("text.encode('ascii', 'replace').decode()"),
    ),
    _characters(
        code="latin1-only", words="question marks in the place of what is not Latin-1", edit=edits.latin1_only,
        snippet=_line("text.encode('latin-1', 'replace').decode('latin-1')"),
    ),
    _characters(
        code="latin1-dropped", words="everything but Latin-1 dropped",
        edit=lambda text: text.encode("latin-1", "ignore").decode("latin-1"),
        snippet=_line("text.encode('latin-1', 'ignore').decode('latin-1')"),
    ),
    _characters(
        code="replacement-characters", words="replacement characters in the place of what is not ASCII",
        edit=lambda text: text.encode().decode("ascii", "replace"),
        snippet=_line("text.encode().decode('ascii', 'replace')"),
    ),
    _characters(
        code="latin1-as-utf8", words="Latin-1 read as UTF-8", edit=edits.utf8_expected,
        snippet=_line("text.encode('latin-1', 'replace').decode('utf-8', 'replace')"),
    ),
    _characters(
        code="json-escaped", words="texts escaped as in JSON", edit=edits.json_escaped, remedy=_DECODE,
        snippet=_line("json.dumps(text)[1:-1]", "json"),
    ),
    _characters(
        code="json-whole", words="each text as a JSON string in ASCII, with its quotation marks", edit=edits.json_whole,
        remedy=_DECODE, snippet=_line("json.dumps(text)", "json"),
    ),
    _characters(
        code="characters-by-number", words="numbered entities in the place of what is not ASCII", remedy=_DECODE,
        edit=lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
        snippet=_line("text.encode('ascii', 'xmlcharrefreplace').decode()"),
    ),
    _characters(code="astral-removed", words="characters of more than 16 bits removed", edit=edits.astral_removed),
    _characters(
        code="astral-to-question-marks", words="question marks in the place of characters of more than 16 bits",
        edit=edits.astral_to_question_marks,
    ),
    _characters(
        code="invisible-removed", words="control and invisible characters removed", edit=edits.invisible_removed,
    ),
    _characters(
        code="unprintable-removed", words="characters removed that Python calls not printable",
        edit=edits.unprintable_removed, snippet=_line("''.join(filter(str.isprintable, text))"),
    ),
    _characters(
        code="typography-straightened", words="typographic quotes and dashes made plain", edit=edits.straightened,
        remedy=_AS_THEY_ARE,
    ),
)  # fmt: skip

_SIGNS = (
    _signs(
        code="punctuation-spaced", words="spaces in the place of punctuation", edit=_by(edits.spaced, r"[^\w\s]|_"),
        snippet=_line("re.sub(r'[^\\w\\s]|_', ' ', text)", "re"),
    ),
    _signs(
        code="ascii-punctuation-removed", words="ASCII punctuation removed",
        edit=edits.ascii_punctuation_removed,
        snippet=_line("text.translate(str.maketrans('', '', string.punctuation))", "string"),
    ),
    _signs(
        code="letters-and-digits-only", words="everything but ASCII letters and digits made spaces",
        edit=_by(edits.spaced, r"[^A-Za-z0-9]+"),
        snippet=_line("re.sub(r'[^A-Za-z0-9]+', ' ', text)", "re"),
    ),
    _signs(
        code="letters-only", words="everything but ASCII letters made spaces",
        edit=_by(edits.spaced, r"[^A-Za-z]+"),
        snippet=_line("re.sub(r'[^A-Za-z]+', ' ', text)", "re"),
    ),
    _signs(
        code="backslashes-removed", words="backslashes removed", edit=lambda text: text.replace("\\", ""),
        snippet=_line("text.replace('\\\\', '')"),
    ),
    _signs(
        code="quotes-removed", words="quotation marks removed", edit=lambda text: text.replace('"', ""),
        snippet=_line("text.replace('\"', '')"),
    ),
)  # fmt: skip

_MARKUP = (
    _markup(
        code="html-escaped", words="texts escaped as in HTML", edit=html.escape, remedy=_DECODE,
        snippet=_line("html.escape(text)", "html"),
    ),
    _markup(
        code="html-escaped-but-quotes", words="texts escaped as in HTML, but for quotes", remedy=_DECODE,
        edit=lambda text: html.escape(text, quote=False), snippet=_line("html.escape(text, quote=False)", "html"),
    ),
    _markup(
        code="html-unescaped", words="entities of HTML read", edit=html.unescape,
        snippet=_line("html.unescape(text)", "html"),
    ),
    _markup(code="html-read", words="tags removed and entities read", edit=edits.tags_and_entities_read),
    _markup(
        code="tags-spaced", words="spaces in the place of tags", edit=edits.tags_spaced,
        snippet=_line("re.sub(r'<[^>]*>', ' ', text)", "re"),
    ),
    _markup(code="markdown-removed", words="marks of Markdown removed", edit=edits.markdown_removed),
    _markup(
        code="markdown-stripped", words="marks of Markdown removed, bars, stars and underlines with them",
        edit=edits.markdown_stripped,
    ),
    _markup(
        code="marks-left-out", words="marks left out ({shown})", general="marks left out", sift=marks_removed,
        snippet="import re\nfor pattern, instead in {lines}:\n"
        "    texts = [re.sub(pattern, instead, text, flags=re.MULTILINE).strip() for text in texts]",
    ),
    _markup(
        code="percent-encoded", words="texts percent-encoded", edit=edits.percent_encoded, remedy=_DECODE,
        snippet=_line("urllib.parse.quote(text)", "urllib.parse"),
    ),
    _markup(
        code="form-encoded", words="texts encoded as in a form", edit=edits.percent_plus_encoded, remedy=_DECODE,
        snippet=_line("urllib.parse.quote_plus(text)", "urllib.parse"),
    ),
    _markup(
        code="percent-decoded", words="percent-encoding in the texts decoded", edit=edits.percent_decoded,
        snippet=_line("urllib.parse.unquote(text)", "urllib.parse"),
    ),
)  # fmt: skip

_WORDS = (
    *(
        _words(
            code=f"stop-words-{name.lower()}", words=words, edit=_by(edits.stop_words_removed, edits.STOP_WORDS[name]),
        )
        for name, words in (
            ("Lucene", mark("stop words removed (Lucene's list)")),
            ("NLTK", mark("stop words removed (NLTK's list)")),
        )
    ),
    _words(
        code="words-left-out", words="words left out by a list ({shown})", general="words left out by a list",
        sift=edits.listed_removed, snippet=_line("' '.join(word for word in text.split() if word not in {listed})"),
    ),
    _words(
        code="words-left-out-anywhere", words="words left out by a list, signs beside them kept ({shown})",
        general="words left out by a list, signs beside them kept", sift=edits.listed_removed_anywhere,
        snippet=_line("' '.join(re.sub(r'\\w+', lambda w: '' if w[0] in {listed} else w[0], text).split())", "re"),
    ),
    _words(code="urls-removed", words="addresses of the web removed", edit=edits.urls_removed),
    _words(
        code="urls-masked", words="[URL] in the place of addresses of the web", edit=_by(edits.urls_removed, "[URL]"),
    ),
    _words(
        code="urls-tagged", words="<url> in the place of addresses of the web", edit=_by(edits.urls_removed, "<url>"),
    ),
    _words(code="emails-removed", words="addresses of e-mail removed", edit=edits.emails_removed),
    _words(
        code="emails-masked", words="[EMAIL] in the place of addresses of e-mail",
        edit=_by(edits.emails_removed, "[EMAIL]"),
    ),
    _words(
        code="emails-tagged", words="<email> in the place of addresses of e-mail",
        edit=_by(edits.emails_removed, "<email>"),
    ),
    _words(code="emoji-removed", words="emoji removed", edit=edits.emoji_removed),
    _words(
        code="digits-removed", words="digits removed", edit=edits.digits_hidden,
        snippet=_line("re.sub(r'\\d', '', text)", "re"),
    ),
    _words(
        code="digits-zeroed", words="a zero in the place of each digit", edit=_by(edits.digits_hidden, "0"),
        snippet=_line("re.sub(r'\\d', '0', text)", "re"),
    ),
    _words(
        code="digits-masked", words="a # in the place of each digit", edit=_by(edits.digits_hidden, "#"),
        snippet=_line("re.sub(r'\\d', '#', text)", "re"),
    ),
    _words(
        code="numbers-zeroed", words="a zero in the place of each number", edit=edits.numbers_hidden,
        snippet=_line("re.sub(r'\\d+', '0', text)", "re"),
    ),
    *(
        _words(
            code=f"numbers-{code}", words=words, edit=_by(edits.numbers_hidden, instead),
            snippet=_line(f"re.sub(r'\\d+', '{instead}', text)", "re"),
        )
        for code, instead, words in (
            ("tagged", "<NUM>", mark("<NUM> in the place of each number")),
            ("bracketed", "[NUM]", mark("[NUM] in the place of each number")),
            ("masked", "#", mark("a # in the place of each number")),
        )
    ),
)  # fmt: skip

_AROUND = (
    _around(
        code="quoted", words="quotation marks around each text", edit=lambda text: f'"{text}"',
        snippet=_line("'\"' + text + '\"'"),
    ),
    _around(
        code="quoted-singly", words="single quotation marks around each text", edit=lambda text: f"'{text}'",
        snippet=_line("repr(text)"),
    ),
    _around(
        code="json-quoted", words="texts quoted and escaped as in JSON", edit=edits.json_quoted, remedy=_DECODE,
        snippet=_line("json.dumps(text, ensure_ascii=False)", "json"),
    ),
    _around(
        code="list-shown", words="each text as Python shows a list of it", edit=edits.list_shown,
        snippet=_line("str([text])"),
    ),
    _around(
        code="bytes-shown", words="each text as Python shows its bytes", edit=edits.bytes_shown, remedy=_UTF8,
        snippet=_line("str(text.encode())"),
    ),
    _around(
        code="bom-before", words="a byte order mark before each text", edit=lambda text: "\ufeff" + text,
        snippet=_line("'\\ufeff' + text"),
    ),
    _around(
        code="full-stop-added", words="a full stop added to each text", edit=lambda text: text + ".",
        snippet=_line("text + '.'"),
    ),
    _around(
        code="trailing-space", words="a trailing space", edit=lambda text: text + " ", snippet=_line("text + ' '"),
    ),
    _around(
        code="text-twice", words="each text written twice", edit=lambda text: f"{text} {text}",
        snippet=_line("text + ' ' + text"),
    ),
    _around(
        code="chat-template", words="a chat template around each text", prompted=True,
        edit=lambda text: f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n",
        snippet=_line("f'<|im_start|>user\\n{text}<|im_end|>\\n<|im_start|>assistant\\n'"),
    ),
    _around(
        code="chat-template-user", words="a chat template around each text, without the assistant's turn",
        prompted=True, edit=lambda text: f"<|im_start|>user\n{text}<|im_end|>\n",
        snippet=_line("f'<|im_start|>user\\n{text}<|im_end|>\\n'"),
    ),
    _around(
        code="chat-template-inst", words="[INST] around each text", prompted=True,
        edit=lambda text: f"[INST] {text} [/INST]", snippet=_line("f'[INST] {text} [/INST]'"),
    ),
    _around(
        code="chat-template-of", words="the chat template of {listed} around each text", prompted=True,
        general="a model's chat template around each text", sift=chat.asked,
    ),
    _around(
        code="chat-turn-of", words="the chat template of {listed} around each text, without the assistant's turn",
        general="a model's chat template around each text, without the assistant's turn", prompted=True, sift=chat.turn,
    ),
)  # fmt: skip

_PARTS = (
    _part(code="first-line", words="the first line of each text alone", edit=edits.first_line),
    _part(code="first-sentence", words="the first sentence of each text alone", edit=edits.first_sentence),
    _part(
        code="first-paragraph", words="the first paragraph of each text alone",
        edit=lambda text: text.strip().split("\n\n")[0], snippet=_line("text.strip().split('\\n\\n')[0]"),
    ),
    _part(
        code="first-character-lost", words="the first character of each text lost", edit=lambda text: text[1:],
        snippet=_line("text[1:]"), effect=_EVERY,
    ),
    _part(
        code="last-character-lost", words="the last character of each text lost", edit=lambda text: text[:-1],
        snippet=_line("text[:-1]"), effect=_EVERY,
    ),
    *(
        Cause(
            code + ("-with-prompt" if prompted else ""), words, Slot.TEXT, "length", _EVERYWHERE, _CUT, cut=cut,
            prompted=prompted, by_look=True, snippet=snippet if not prompted else "", general=general,
        )
        for code, cut, snippet, both, general in (
            (
                "characters-cut", edits.characters_cut, _line("text[:{length}]"),
                (mark("texts cut at {length} characters"), mark("texts cut at {length} characters, prompt included")),
                mark("texts cut at a number of characters"),
            ),
            (
                "bytes-cut", edits.bytes_cut, _line("text.encode()[:{length}].decode(errors='ignore')"),
                (mark("texts cut at {length} bytes"), mark("texts cut at {length} bytes, prompt included")),
                mark("texts cut at a number of bytes"),
            ),
            (
                "words-cut", edits.words_cut, _line("' '.join(text.split()[:{length}])"),
                (mark("texts cut at {length} words"), mark("texts cut at {length} words, prompt included")),
                mark("texts cut at a number of words"),
            ),
        )
        for prompted, words in zip((False, True), both, strict=True)
    ),
)  # fmt: skip

EDIT_CAUSES = (*_WHITE_SPACE, *_CASES, *_CHARACTERS, *_SIGNS, *_MARKUP, *_WORDS, *_AROUND, *_PARTS)
