"""Documents as people have them, made byte by byte: by none of the libraries that read them."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["MANUALS", "NAMESPACE", "docx_bytes", "html_page", "pdf_bytes", "prose"]

_NOUNS_TEXT = """
boiler harbour orchard violin glacier parliament bakery satellite vineyard monastery lighthouse theatre canal quarry
stadium archive greenhouse railway museum volcano aquarium cathedral laboratory windmill carpenter astronomer beekeeper
surgeon librarian sculptor blacksmith gardener pilot judge fisherman tailor telescope compass lantern hammer anchor
barrel carpet mirror saddle kettle ladder basket engine bridge tunnel tower meadow forest desert island valley river
mountain village castle market garden kitchen cellar attic window chimney staircase fountain statue painting manuscript
melody recipe bargain contract treaty budget pension lawsuit verdict ballot festival harvest eclipse avalanche drought
"""
_ADJECTIVES_TEXT = """
rusty ancient fragile crooked golden silent narrow frozen hollow painted wooden steep muddy famous hidden abandoned
polished gentle enormous bitter copper velvet stubborn cheerful shallow dusty marble distant generous peculiar
"""
_VERBS_TEXT = """
repairs inspects borrows paints measures forgets sells guards polishes lifts sketches counts weighs photographs cleans
restores inherits admires auctions insulates
"""
_PEOPLE = ("Anna Keller", "Boris Lind", "Carla Mendes", "Dmitri Orlov", "Emma Novak", "Farid Haddad", "Greta Holm")
_FORMS = (
    "The {a} {n} is in the {m} of {p} and must be kept there.",
    "In {y} {p} {v} the {a} {n} of the {m} with {k} others.",
    "Whoever {v} the {n} for the {a} {m} is to wait {k} days.",
    "{k} times a week the {m} is open to the {a} {n}, as {p} wants it.",
    "That {n} was {a}, and {p} can tell by the {m} of {y}.",
    "By the {m}, {p} always {v} the {a} {n} with great care.",
    "It is not for the {n} that {p} {v} a {a} {m}.",
)


_NOUNS, _ADJECTIVES, _VERBS = (words.split() for words in (_NOUNS_TEXT, _ADJECTIVES_TEXT, _VERBS_TEXT))


def prose(number: int) -> list[str]:
    """The paragraphs of a manual: eight of them, each of five sentences on the few things that the manual is about."""
    draw = random.Random(number)
    about = draw.sample(_NOUNS, 8)
    return [
        " ".join(
            capital(
                form.format(
                    a=draw.choice(_ADJECTIVES), n=one, m=other, p=draw.choice(_PEOPLE), v=draw.choice(_VERBS),
                    k=draw.randint(12, 98), y=draw.randint(1901, 1999),
                )
            )
            for form in draw.sample(_FORMS, 5)
            for one, other in [draw.sample([*about, *draw.sample(_NOUNS, 4)], 2)]
        )
        for _ in range(8)
    ]  # fmt: skip


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


MANUALS = tuple(prose(number) for number in range(20))


def pdf_bytes(pages: Sequence[Sequence[str]], *, tail: Mapping[int, bytes] | None = None) -> bytes:
    """A PDF with these lines on its pages, in Helvetica; ``tail`` puts other bytes in the place of an object."""
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }
    kids = []
    for number, lines in enumerate(pages):
        page, content = 4 + 2 * number, 5 + 2 * number
        shown = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in lines)
        stream = zlib.compress(b"BT /F1 11 Tf 14 TL 50 780 Td\n" + shown + b"ET")
        objects[content] = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream)
        objects[page] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % content
        )
        kids.append(b"%d 0 R" % page)
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    objects |= tail or {}
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    places = {}
    for number in sorted(objects):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, objects[number]))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (max(objects) + 1))
    for number in range(1, max(objects) + 1):
        out.write(b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n")
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (max(objects) + 1, start))
    return out.getvalue()


def _escaped(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def docx_bytes(paragraphs: Sequence[str] = (), body: str = "", **parts: bytes) -> bytes:
    """A DOCX of these paragraphs, then of ``body`` as it is; ``parts`` go into the archive under their names."""
    runs = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>' for text in paragraphs)
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><w:document {NAMESPACE}><w:body>{runs}{body}</w:body></w:document>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            ("[Content_Types].xml", _TYPES), ("_rels/.rels", _RELATIONS), ("word/document.xml", document),
        ):  # fmt: skip
            archive.writestr(name, content)
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def html_page(paragraphs: Sequence[str], title: str = "Manual") -> str:
    """A page with its paragraphs between what pages have around them."""
    text = "".join(f"<p>{escape(text)}</p>\n" for text in paragraphs)
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title><style>p {{ color: red }}</style></head><body>"
        f"<nav>Home Products Contact</nav><main><h1>{title}</h1>{text}</main>"
        "<script>fetch('http://127.0.0.1:9/stolen')</script><footer>All rights reserved</footer></body></html>"
    )
