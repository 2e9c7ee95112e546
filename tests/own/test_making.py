"""What tasks are made of: sentences, passages, duplicates, translations and contradictions, in many scripts."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from evaluators.own.contradiction import ProperNames, contradictions
from evaluators.own.document import Document, TextBlock, weight
from evaluators.own.duplicates import bare, holders_of
from evaluators.own.languages import Language, language_named, language_of
from evaluators.own.library import Asking, Library, OwnTask
from evaluators.own.long_documents import long_tasks
from evaluators.own.make import make_tasks
from evaluators.own.planted import planted_task
from evaluators.own.sentences import cut_to, sentences_of
from evaluators.own.translations import aligned, translations_of
from evaluators.own.two_languages import language_tasks
from tests.own.files import MANUALS

ENGLISH = Language("eng", "Latn")


def manuals(count: int = 20, *more: str) -> list[Document]:
    return [Document(f"m{n}.txt", [TextBlock(text) for text in (*MANUALS[n], *more)]) for n in range(count)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "Dr. Smith met J. R. Jones at 3 p.m. on May 1. He said e.g. that. The U.S. grew by 3.2 in 1995. 'So?' Yes!",
            ["Dr. Smith met J. R. Jones at 3 p.m. on May 1.", "He said e.g. that.", "The U.S. grew by 3.2 in 1995.",
             "'So?'", "Yes!"],
        ),
        (
            "Am 3. Mai wird z. B. Nr. 5 geprüft. Danach gilt Art. 7 Abs. 2 nicht.",
            ["Am 3. Mai wird z. B. Nr. 5 geprüft.", "Danach gilt Art. 7 Abs. 2 nicht."],
        ),
        ("It is in hall 3. Nobody goes there.", ["It is in hall 3.", "Nobody goes there."]),
        ("He said no. She left.", ["He said no.", "She left."]),
        ("合同生效。甲方付款！乙方呢？“好的。”", ["合同生效。", "甲方付款！", "乙方呢？", "“好的。”"]),
        ("यह लागू होगा। खरीदार देगा।", ["यह लागू होगा।", "खरीदार देगा।"]),
        ("يدخل العقد. هل يدفع؟ نعم.", ["يدخل العقد.", "هل يدفع؟", "نعم."]),
    ],
)  # fmt: skip
def test_sentences_end_where_their_script_ends_them(text: str, sentences: Sequence[str]) -> None:
    assert sentences_of(text) == sentences


def test_thai_without_end_marks_is_cut_at_spaces_and_loses_nothing() -> None:
    clause = "การประชุมครั้งนี้จัดขึ้นที่กรุงเทพมหานคร"
    text = " ".join([clause] * 8)
    parts = sentences_of(text)
    assert len(parts) == 4 and " ".join(parts) == text


def test_what_has_no_space_is_cut_between_letters_and_their_marks() -> None:
    text = "กำ" + "ที่" * 300
    parts = list(cut_to(text, 100))
    assert "".join(parts) == text and all(weight(part) <= 100 for part in parts)
    assert all(part[0] in "กที" and not part.startswith("\u0e48") for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "字" * 5000,
        "word " * 3000,
        "ab" * 4000,
        "One sentence is here. " * 500,
        "यह लागू होगा। " * 300,
        "שלום עולם. " * 500,
    ],
)
def test_passages_hold_all_of_a_document_and_keep_their_size(text: str) -> None:
    library = Library([Document("x", [TextBlock("A head", heading=True), TextBlock(text.strip())])], 800)
    assert all(passage.weight <= 800 for passage in library.passages)
    assert bare("".join(library.texts)) == bare("A head" + text)


def test_a_sentence_is_held_by_every_passage_that_has_it_and_nearly_by_those_that_changed_it() -> None:
    sentence = "The gauge of the boiler has to show 31 bar before Anna Keller opens the outlet of hall 5."
    passages = [
        f"Before. {sentence} After.", sentence.upper().replace(" ", "\n"), sentence.replace("31", "47"),
        "The gauge of the pump is read by nobody, and the outlet of hall 5 stays shut.", "字" * 50,
    ]  # fmt: skip
    [holders] = holders_of([sentence], passages)
    assert holders.exact == (0, 1) and holders.near == 1


def _by_hand(text: str, sentence: str) -> bool:
    return " ".join(sentence.split()).lower() in " ".join(text.split()).lower()


def test_boilerplate_is_not_asked_and_a_second_version_answers_too() -> None:
    """The same notice in every file, and two files twice: measured by looking every sentence up by hand."""
    notice = "This notice stands in every manual, and whoever reads it has read it already many times before today."
    documents = manuals(18, notice)
    documents += [Document(f"again{n}.txt", documents[n].blocks) for n in range(2)]
    library = Library(documents, 500)
    cut, whole = long_tasks(library, Asking(questions=60))
    planted = planted_task(library, Asking(questions=60))
    assert cut.left_out["in more than 3 passages (boilerplate)"] == 1
    for task in (cut, whole, planted):
        assert all(notice not in query for query in task.queries.values())
        for split, judged in task.judged.items():
            for query, answers in judged.items():
                holding = {name for name, text in task.corpus.items() if _by_hand(text, task.queries[query])}
                assert holding == (set() if split == "removed" else set(answers))
    assert any(len(answers) == 2 for judged in cut.judged.values() for answers in judged.values())


def test_a_sentence_that_was_taken_out_leaves_the_rest() -> None:
    library = Library(manuals(), 500)
    cut, whole = long_tasks(library, Asking(questions=40))
    before = dict(zip((passage.id for passage in library.passages), library.texts, strict=True))
    for query, [answer] in cut.judged["removed"].items():
        left = before[answer].replace(cut.queries[query], "")
        assert cut.corpus[answer].split() == left.split() != before[answer].split()
    asked = [query for judged in cut.judged.values() for query in judged]
    assert set(cut.judged) == {"begin", "middle", "end", "removed"} and len(asked) == len(set(asked))
    assert {split: list(judged) for split, judged in whole.judged.items()} == {
        split: list(judged) for split, judged in cut.judged.items()
    }


def test_begin_middle_and_end_are_where_the_sentence_stands() -> None:
    documents = manuals()
    cut, whole = long_tasks(Library(documents, 500), Asking(questions=50))
    full = {f"d{n}": " ".join(block.text for block in document.blocks) for n, document in enumerate(documents)}
    bounds = {"begin": (0, 0.3), "middle": (0.2, 0.8), "end": (0.7, 1)}
    for split, (low, high) in bounds.items():
        for query, [answer] in whole.judged[split].items():
            at = full[answer].index(whole.queries[query]) / len(full[answer])
            assert low <= at <= high


def test_planted_copies_differ_from_their_passage_in_the_asked_sentence_alone() -> None:
    library = Library(manuals(), 500)
    task = planted_task(library, Asking(questions=40))
    before = dict(zip((passage.id for passage in library.passages), library.texts, strict=True))
    planted = {name: text for name, text in task.corpus.items() if name not in before}
    judged = {answer for split in task.judged.values() for answers in split.values() for answer in answers}
    assert len(planted) == sum(len(members) for split, members in task.judged.items() if split != "left-alone")
    assert not judged & set(planted) and not set(planted.values()) & set(before.values())
    asked = list(task.queries.values())
    for name, text in planted.items():
        if "-claim-" in name:
            assert len(sentences_of(text)) == 1
            continue
        original = before["-".join(name.split("-")[:2])]
        changed = [one for one, other in zip(sentences_of(original), sentences_of(text), strict=True) if one != other]
        assert len(changed) == 1 and changed[0] in asked


@pytest.mark.parametrize(
    ("code", "sentence", "kind", "changed"),
    [
        ("eng", "The valve must be shut at once.", "negation", "The valve must not be shut at once."),
        ("eng", "The valve cannot be shut by hand.", "negation", "The valve can be shut by hand."),
        ("deu", "Das Ventil darf nicht offen sein.", "negation", "Das Ventil darf offen sein."),
        ("fra", "La vanne doit être fermée.", "negation", "La vanne ne doit pas être fermée."),
        ("spa", "La válvula debe estar cerrada.", "negation", "La válvula no debe estar cerrada."),
        ("cmn", "甲方应当付款。", "negation", "甲方不应当付款。"),
        ("jpn", "支払いは必要です。", "negation", "支払いは必要ではありません。"),
    ],
)  # fmt: skip
def test_yes_and_no_are_exchanged_in_many_languages(code: str, sentence: str, kind: str, changed: str) -> None:
    made = contradictions(sentence, sentence, Language(code, "x"), ProperNames([]))
    assert made == {kind: changed}


@pytest.mark.parametrize(
    "sentence",
    [
        "Within 30 days he pays 1,250.75 euros.",
        "自签订之日起三十天内生效。",
        "في خلال ٣٠ يوما",
        "In 1995 it opened.",
        "It has three legs.",
        "१२ दिन",
    ],
)
def test_a_number_is_exchanged_for_another_of_its_form(sentence: str) -> None:
    code = "cmn" if "天" in sentence else "eng"
    changed = contradictions(sentence, sentence, Language(code, "x"), ProperNames([]))["numbers"]
    assert changed != sentence
    if any(map(str.isdigit, sentence)):
        shape = [("9" if letter.isdigit() else letter) for letter in sentence]
        assert [("9" if letter.isdigit() else letter) for letter in changed] == shape


def test_a_name_is_exchanged_for_one_that_the_passage_has_not() -> None:
    names = ProperNames(
        ["He told Anna Keller so.", "We saw Boris Lind there.", "The pump is in Berlin.", "Ask the Pump maker."]
    )
    made = contradictions("Then Anna Keller left.", "Then Anna Keller left.", ENGLISH, names)
    assert made == {"names": "Then Boris Lind left."}
    assert contradictions("Ask the Pump maker.", "", ENGLISH, names) == {}


def test_translations_are_aligned_by_length_across_what_one_side_lacks() -> None:
    """Paragraphs of known pairs; one side has more, and one paragraph in two: measured against the truth."""
    draw = random.Random(3)
    lengths = [draw.randint(40, 700) for _ in range(120)]
    left = [f"a{n} " + "x" * length for n, length in enumerate(lengths)]
    right = [f"b{n} " + "y" * int(length * draw.uniform(1.0, 1.25)) for n, length in enumerate(lengths)]
    right[60:61] = [right[60][: len(right[60]) // 2], right[60][len(right[60]) // 2 :]]
    del right[30]
    right.insert(90, "b-more " + "y" * 300)
    pairs = [(int(one.split()[0][1:]), other.split()[0]) for one, other in aligned(left, right)]
    right_ones = sum(other == f"b{one}" for one, other in pairs)
    assert len(pairs) >= 112 and right_ones >= 0.95 * len(pairs)


def german(text: str) -> str:
    words = {"The ": "Die der ", " of ": " von und ", " the ": " das ist nicht ", " and ": " und ein "}
    for english, foreign in words.items():
        text = text.replace(english, foreign)
    return text


def test_files_and_columns_called_by_languages_are_translations() -> None:
    english = [TextBlock(text) for text in MANUALS[0] + MANUALS[1] + MANUALS[2]]
    foreign = [TextBlock(german(block.text)) for block in english]
    documents = [
        Document("a/manual.en.pdf", english), Document("a/manual.de.docx", foreign),
        Document("fr/other.md", english), Document("it/other.md", english),
        Document("notes.txt", english),
        Document("t.csv", [], ["id", "text_en", "Deutsch"], [
            ["1", "A longer text here.", "Ein längerer Text hier."],
            ["2", "Same on both sides.", "Same on both sides."],
            ["3", "short", "kurz"],
        ]),
    ]  # fmt: skip
    made, refused = translations_of(documents)
    assert [(entry.source, [language.code for language in entry.languages]) for entry in made] == [
        ("t.csv, text_en and Deutsch", ["eng", "deu"]), ("a/manual.en.pdf and a/manual.de.docx", ["eng", "deu"]),
    ]  # fmt: skip
    assert made[0].pairs == [("A longer text here.", "Ein längerer Text hier.")]
    assert len(made[1].pairs) == len(english)
    assert len(refused) == 1 and "in one language" in refused[0]


def test_questions_in_one_language_are_answered_by_the_text_that_has_them_in_the_other() -> None:
    rows = [[text, german(text)] for manual in MANUALS for text in manual]
    table = Document("t.csv", [TextBlock(row[0]) for row in rows], ["en", "de"], rows)
    [task] = language_tasks(translations_of([table])[0], Asking(questions=30))
    assert {split: len(judged) for split, judged in task.judged.items()} == dict.fromkeys(
        ("eng-asks-eng", "deu-asks-eng", "deu-asks-deu", "eng-asks-deu"), 30
    )
    by_text = {text: row for row in rows for text in row}
    for split, judged in task.judged.items():
        asked, _, answered = split.partition("-asks-")
        for query, [answer] in judged.items():
            row = by_text[task.corpus[answer]]
            side = 0 if answered == "eng" else 1
            assert task.corpus[answer] == row[side]
            assert task.queries[query] in row[0 if asked == "eng" else 1]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The pump is not for the house and it is in the way of this door with that key. " * 3, "eng-Latn"),
        ("Das Ventil ist nicht in der Halle und die Pumpe wird auf den Boden mit dem Kran gebracht. " * 3, "deu-Latn"),
        ("合同自签订之日起生效。" * 3, "cmn-Hans"), ("契約は発効します。" * 3, "jpn-Jpan"),
        ("สัญญานี้มีผล" * 3, "tha-Thai"),
        ("Договор вступает в силу и не по то что на как это для с или в." * 4, "rus-Cyrl"),
        ("x1 y2 z3 " * 40, "und-Latn"),
    ],
)  # fmt: skip
def test_languages_are_told_by_script_and_commonest_words(text: str, language: str) -> None:
    assert str(language_of([text])) == language


def test_names_of_languages() -> None:
    assert [str(language_named(name)) for name in ("DE", "German", "zh_CN", "français", "note")] == [
        "deu-Latn", "deu-Latn", "cmn-Hans", "fra-Latn", "None",
    ]  # fmt: skip


def test_the_same_files_give_the_same_tasks_and_another_seed_others() -> None:
    def everything(seed: int) -> list[OwnTask]:
        return make_tasks(manuals(), [], Asking(questions=20, seed=seed, size=500)).tasks

    assert everything(1) == everything(1)
    assert [task.queries for task in everything(1)] != [task.queries for task in everything(2)]


def test_too_little_text_makes_no_task_and_says_why() -> None:
    made = make_tasks([Document("a.txt", [TextBlock("Only this.")])], [], Asking())
    assert not made.tasks and any("long enough" in sentence for sentence in made.missing)
