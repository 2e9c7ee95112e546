"""Files as people have them, made by other means than the readers', through the processes that read them."""

from __future__ import annotations

import os
import socket
import zipfile
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import pytest

from evaluators.own.document import Document, Skipped
from evaluators.own.reading import child, readers
from evaluators.own.reading.encodings import decoded
from evaluators.own.reading.pdf import pages_to_blocks
from evaluators.own.reading.readers import read_files
from evaluators.own.reading.refused import Bounds, RefusedError
from evaluators.own.reading.tables import table_rows
from evaluators.own.walk import files_below
from tests.own.files import MANUALS, NAMESPACE, docx_bytes, html_page, pdf_bytes

_LINES = [
    "The gauge of the boiler has to show twelve bar before Anna Keller opens the out-",
    "let of hall nine, and nobody stands below it while steam goes out of the valve.",
    "This is written down.",
    "A second paragraph begins here, on a line of its own, and goes on for a while so",
    "that it fills the page from one edge to the other as running text will always do.",
]


def read(folder: Path) -> dict[str, Document | str]:
    """What came of each file: a document, or why there is none."""
    files, skipped = files_below(folder)
    every = [*skipped, *read_files(files, lambda _: None)]
    return {entry.name: entry.why if isinstance(entry, Skipped) else entry for entry in every}


def write(folder: Path, **files: bytes | str) -> None:
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(data)


def texts(entry: Document | str) -> list[str]:
    assert isinstance(entry, Document), entry
    return [block.text for block in entry.blocks]


def test_every_kind_gives_its_paragraphs_and_a_bad_file_costs_itself(tmp_path: Path) -> None:
    """One run over all kinds, good and bad: a process that a file ends is replaced."""
    cells = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in ("Part", "42"))
    table = f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    deleted = "<w:del><w:r><w:delText>taken out</w:delText></w:r></w:del>"
    tracked = f"<w:p><w:ins><w:r><w:t>put in</w:t></w:r></w:ins>{deleted}</w:p>"
    control = "<w:sdt><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    bodies = [_LINES, *([line for text in MANUALS[n] for line in wrap(text, 80)] for n in range(3, 6))]
    pages = [[f"Boilers Ltd - page {n} of 4", *body, f"Confidential {n}"] for n, body in enumerate(bodies, 1)]
    write(
        tmp_path,
        a__pdf=pdf_bytes(pages), b__docx=docx_bytes(MANUALS[0], table + tracked + control),
        c__html=html_page(MANUALS[1]),
        d__md="---\ntitle: x\n---\n# Head\n\nSome *text* and `code`.\n\n```\ndropped\n```\n",
        e__txt="One line\nof a paragraph.\n\nAnother\none.\n", f__csv='name;text\n1;"a; ""b"""\n2;c\n',
        scan__pdf=pdf_bytes([[], []]), broken__pdf=b"%PDF-1.4\n" + os.urandom(4000), empty__txt=b"",
        binary__txt=bytes(range(256)) * 20, old__docx=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        locked__docx=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + b"\0" * 99,
        cut__docx=docx_bytes(MANUALS[0])[:900], page__pdf=html_page(MANUALS[2]), sheet__xlsx=b"PK", noname=b"x",
    )  # fmt: skip
    found = read(tmp_path)
    first, second, *_ = texts(found["a.pdf"])
    assert first == (
        "The gauge of the boiler has to show twelve bar before Anna Keller opens the outlet of hall nine, and nobody"
        " stands below it while steam goes out of the valve. This is written down."
    )
    assert second.startswith(" ".join(_LINES[3:]))
    assert not any("Confidential" in text or "Ltd" in text for text in texts(found["a.pdf"]))
    assert texts(found["b.docx"]) == [*MANUALS[0], "Part | 42", "put in", "in a control"]
    assert texts(found["c.html"]) == ["Manual", *MANUALS[1]]
    assert texts(found["d.md"]) == ["Head", "Some text and code."]
    assert texts(found["e.txt"]) == ["One line of a paragraph.", "Another one."]
    table_read = found["f.csv"]
    assert isinstance(table_read, Document) and table_read.columns == ["name", "text"]
    assert table_read.rows == [["1", 'a; "b"'], ["2", "c"]]
    assert texts(found["page.pdf"]) == ["Manual", *MANUALS[2]]
    why = {name: entry for name, entry in found.items() if isinstance(entry, str)}
    assert "scan" in why["scan.pdf"] and "OCR" in why["scan.pdf"]
    assert "damaged" in why["broken.pdf"] and why["empty.txt"] == "it is empty"
    assert "no text" in why["binary.txt"] and "2007" in why["old.docx"] and "password" in why["locked.docx"]
    assert "damaged" in why["cut.docx"] and why["sheet.xlsx"] == ".xlsx is not read" and "ending" in why["noname"]


def _bombs() -> dict[str, bytes]:
    loop = pdf_bytes([_LINES], tail={2: b"<< /Type /Pages /Kids [2 0 R 2 0 R 4 0 R] /Count 999999999 >>"})
    self_referring = pdf_bytes([_LINES], tail={1: b"1 0 R", 2: b"2 0 R"})
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 5000 + '"><!ENTITY c "' + "&b;" * 5000 + '">]>'
    document = laughs + f"<w:document {NAMESPACE}><w:body><w:p><w:r><w:t>&c;</w:t></w:r></w:p></w:body></w:document>"
    inner = "<w:tbl><w:tr><w:tc>" * 5000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 5000
    return {
        "loop.pdf": loop, "itself.pdf": self_referring, "deep.docx": docx_bytes([], inner),
        "zip.docx": docx_bytes(MANUALS[0], **{"word/media.xml": b" " * 120_000_000}),
        "laughs.docx": _with_document(docx_bytes(), document.encode()),
        "deep.html": b"<div>" * 200_000 + b"<p>" + MANUALS[0][0].encode(), "table.html": b"<table>" * 20_000 + b"x",
        "cell.csv": b'a,b\n1,"' + b"x" * 3_000_000 + b'"\n', "wide.csv": b"a," * 2000 + b"\n" + b"1," * 2000 + b"\n",
        "quote.csv": b'a,b\n1,"never closed\n' + b"2,3\n" * 50_000,
        "deep.md": b">" * 20_000 + b" x\n" + b"[" * 20_000, "endless.md": b"* " * 5000 + b"a",
    }  # fmt: skip


def _with_document(archive: bytes, document: bytes) -> bytes:
    import io

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, document if name == "word/document.xml" else old.read(name))
    return out.getvalue()


@pytest.mark.slow
def test_hostile_files_are_bounded_and_cost_themselves(tmp_path: Path) -> None:
    for name, data in _bombs().items():
        (tmp_path / name).write_bytes(data)
    write(tmp_path, good__txt="\n\n".join(MANUALS[0]))
    found = read(tmp_path)
    assert texts(found["good.txt"]) == MANUALS[0]
    size = {name: sum(map(len, texts(entry))) for name, entry in found.items() if isinstance(entry, Document)}
    assert all(length < 500_000 for length in size.values())
    why = {name: entry for name, entry in found.items() if isinstance(entry, str)}
    assert {"zip.docx", "laughs.docx", "deep.docx", "cell.csv", "wide.csv", "itself.pdf"} <= set(why)
    assert "unpacks" in why["zip.docx"] and "cell has more than" in why["cell.csv"] and "columns" in why["wide.csv"]
    assert not any("crashed" in entry for entry in why.values())


def test_links_out_of_the_folder_and_what_is_no_file_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    (folder / ".hidden").mkdir(parents=True)
    outside.mkdir()
    write(outside, secret__txt="secret")
    write(folder, real__txt="text", **{"~$real__docx": b"x"})
    (folder / "leads.txt").symlink_to(outside / "secret.txt")
    (folder / "within.txt").symlink_to(folder / "real.txt")
    (folder / "folder").symlink_to(outside)
    os.mkfifo(folder / "pipe.txt")
    (folder / "red\x1b[31m.txt").write_bytes(b"")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(folder / "s.txt"))
        files, skipped = files_below(folder)
    assert [name for name, _ in files] == ["real.txt"]
    why = {entry.name: entry.why for entry in skipped}
    assert why == {
        "folder": "a link that leads out of the folder", "leads.txt": "a link that leads out of the folder",
        "pipe.txt": "no regular file", "s.txt": "no regular file",
        "within.txt": "a link to what is read in its own place",
        "red\\x1b[31m.txt": "it is empty",
    }  # fmt: skip


def test_a_reader_that_dies_or_hangs_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the child: it ends itself, works without end or eats memory, by the name of the file."""
    (tmp_path / "fake.py").write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    path = os.path.basename(json.loads(line)['path'])\n"
        "    if 'dies' in path: os.abort()\n"
        "    while 'works' in path: pass\n"
        "    if 'eats' in path: eaten = bytearray(300_000_000); sys.stdin.read()\n"
        "    print(json.dumps(dict(blocks=[(False, path)], columns=[], rows=[], notes=[])), flush=True)\n"
    )
    monkeypatch.setattr(readers, "CPU_SECONDS", 0.2)
    monkeypatch.setattr(readers, "MEMORY", 150_000_000)
    original = readers.subprocess.Popen
    monkeypatch.setattr(
        readers.subprocess, "Popen", lambda words, **more: original([words[0], str(tmp_path / "fake.py")], **more)
    )
    names = ["a", "dies", "b", "works", "eats", "c"]
    found = list(read_files([(name, tmp_path / name) for name in names], lambda _: None))
    assert [entry.name for entry in found] == names
    why = {entry.name: entry.why for entry in found if isinstance(entry, Skipped)}
    assert set(why) == {"dies", "works", "eats"}
    assert "crashed" in why["dies"] and "0.4 s" in why["works"] and "150 MB" in why["eats"]


@pytest.mark.parametrize(
    ("event", "arguments", "shut"),
    [
        ("socket.connect", (None, ("127.0.0.1", 1)), True), ("socket.getaddrinfo", ("a", 1), True),
        ("subprocess.Popen", ("a",), True), ("os.system", ("a",), True), ("open", ("a", "w", 0), True),
        ("open", ("a", None, os.O_WRONLY), True), ("open", ("a", "rb", os.O_RDONLY), False), ("import", ("a",), False),
    ],
)  # fmt: skip
def test_nothing_is_fetched_started_or_written_while_reading(
    event: str, arguments: tuple[object, ...], shut: bool
) -> None:
    if shut:
        with pytest.raises(RefusedError, match="reading it would"):
            child._shut(event, arguments)
    else:
        assert child._shut(event, arguments) is None


_CHINESE = "合同自签订之日起三十天内生效。甲方应当在收到货物后十个工作日内付款。"
_SAMPLES = (
    (_CHINESE, ["gb18030", "gb2312", "utf-16", "utf-16-le", "utf-32", "utf-8"]),
    ("合約自簽訂之日起三十天內生效。甲方應當在收到貨物後十個工作日內付款。", ["big5"]),
    ("契約は締結の日から三十日以内に発効します。買主は受領後に支払うものとします。", ["cp932", "euc_jp", "utf-16-be"]),
    ("계약은 체결일로부터 삼십일 이내에 효력이 발생합니다. 구매자는 물품 수령 후 지불해야 합니다.", ["cp949"]),
    ("Über Verträge entscheidet der Ausschuß; „gültig“ – ab März für größere Projekte.", ["cp1252", "utf-16-be"]),
    ("Le délai de préavis est fixé à trente jours; les intérêts sont dûs à l’échéance où ça.", ["cp1252"]),
    ("Договор вступает в силу в течение тридцати дней. Покупатель обязан оплатить товар.", ["cp1251", "koi8-r"]),
    (
        "Umowa wchodzi w życie w ciągu trzydziestu dni. Kupujący jest zobowiązany, różne źródła.",
        ["cp1250", "iso8859-2"],
    ),
    ("A szerződés az aláírás napján lép hatályba. A vevő köteles fizetni.", ["cp1250", "iso8859-2"]),
    ("Smlouva nabývá účinnosti dnem podpisu obou smluvních stran, žádné změny neplatí.", ["cp1250", "iso8859-2"]),
    ("Sözleşme imza tarihinden itibaren otuz gün içinde yürürlüğe girer.", ["cp1254"]),
    ("Η σύμβαση τίθεται σε ισχύ εντός τριάντα ημερών από την υπογραφή της.", ["cp1253"]),
    ("使用 Python 3.11 安装 DuckDB，然后运行 make run 即可。", ["gb18030"]),
    ("สัญญานี้มีผลบังคับใช้ภายในสามสิบวันนับแต่วันที่ลงนามโดยคู่สัญญาทั้งสองฝ่าย", ["cp874"]),
    ("Sözleşme imzalandıktan sonra otuz gün içinde yürürlüğe girer; şartlar değişebilir.", ["cp1254"]),
    ("ההסכם ייכנס לתוקף תוך שלושים יום ממועד החתימה עליו.", ["cp1255"]),
)


@pytest.mark.parametrize(("text", "encoding"), [(text, name) for text, names in _SAMPLES for name in names])
def test_texts_in_old_encodings_are_read_as_they_were_written(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding))[0] == text


def test_a_page_is_read_as_it_declares_and_a_lie_is_found_out() -> None:
    page = '<meta charset="shift_jis"><p>契約は発効</p>'
    assert decoded(page.encode("cp932"), declares=True) == (page, "cp932")
    assert decoded(page.encode("utf-8"), declares=True) == (page, "utf-8")
    with pytest.raises(RefusedError, match="utf-16"):
        decoded(b"\xff\xfe\x00\xd8\x00")


def test_no_reader_recovers_a_word_across_pages_without_its_hyphen() -> None:
    blocks = pages_to_blocks(
        ["A long line of running text that is cut here, in the mid-\ndle of a word and goes on for long."]
    )
    assert [block.text for block in blocks] == [
        "A long line of running text that is cut here, in the middle of a word and goes on for long."
    ]


@pytest.mark.parametrize(
    ("text", "heads"),
    [("a,b\n1,2\n", ["a", "b"]), ("a;b\n1,5;2,5\n", ["a", "b"]), ("a\tb\n1\t2\n", ["a", "b"]), ("a\nb, c\nd\n", ["a"])],
)
def test_a_table_is_split_by_what_splits_it_evenly(text: str, heads: Sequence[str]) -> None:
    assert table_rows(text, "x.csv", Bounds())[0] == heads
