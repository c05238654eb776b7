"""Every kind of bad file is refused with its own code and a sentence in both languages."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import makers
import pytest

from core.documents.load import LoadOptions, load
from core.errors import DocumentError
from core.text.catalogue import catalogue

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600


def refused(path: Path, name: str, options: LoadOptions | None = None) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        load(path, name, options)
    for language in ("en", "zh"):
        sentence = caught.value.sentence(language)
        assert name in sentence
        assert "{" not in sentence
    return caught.value


def ole(stream: str) -> bytes:
    return OLE + stream.encode("utf-16-le") + b"\x00" * 400


def _encrypted_pdf(path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), encrypt="secret")
    canvas.drawString(72, 700, "Nobody reads this.")
    canvas.save()


def _cut(make: Callable[[Path], Path]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write


def _broken_xml(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types>")
        archive.writestr("word/document.xml", "<w:document")


def _office_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)


def _blank_pdf(path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path))
    canvas.showPage()
    canvas.save()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"", "empty"),
        ("a.txt", b"   \n\n \t ", "no_text"),
        ("a.csv", b",,,\n,,,\n", "no_text"),
        ("a.pdf", _blank_pdf, "no_text"),
        ("a.pdf", b"%PDF-1.7\n" + b"junk " * 50, "corrupt"),
        ("a.pdf", random.Random(1).randbytes(4000), "corrupt"),
        ("a.docx", _cut(makers.docx), "corrupt"),
        ("a.docx", _broken_xml, "corrupt"),
        ("a.pptx", _cut(makers.pptx), "corrupt"),
        ("a.xlsx", _cut(makers.xlsx), "corrupt"),
        ("a.zip", b"PK\x03\x04" + b"x" * 100, "corrupt"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 100, "corrupt"),
        ("a.pdf", _encrypted_pdf, "encrypted"),
        ("a.docx", ole("EncryptedPackage"), "encrypted"),
        ("a.doc", ole("WordDocument"), "legacy"),
        ("a.xls", ole("Workbook"), "legacy"),
        ("a.ppt", ole("PowerPoint Document"), "legacy"),
        ("a.msg", ole("__properties_version1.0"), "unsupported"),
        ("a.rtf", b"{\\rtf1 hello}", "unsupported"),
        ("a.mp4", b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 50, "unsupported"),
        ("a.exe", b"MZ" + bytes(200), "unsupported"),
        ("a.py", b"print('hello')\n", "unsupported"),
        ("a.txt", random.Random(2).randbytes(4000), "not_text"),
        ("data.bin", random.Random(3).randbytes(4000), "not_text"),
        ("a.pdf", makers.docx, "wrong_type"),
        ("a.docx", makers.handbook, "wrong_type"),
        ("a.xlsx", b"Plan,Price\nTeam,49\n", "wrong_type"),
        ("a.txt", b"<!DOCTYPE html><html><body>Hello there</body></html>", "wrong_type"),
        ("a.docx", makers.xlsx, "wrong_type"),
        ("a.zip", makers.docx, "wrong_type"),
        ("a.xlsx", _office_bomb, "office_bomb"),
    ],
)
def test_refused_with_its_own_sentence(
    tmp_path: Path, name: str, content: bytes | Callable[[Path], object], code: str
) -> None:
    path = tmp_path / "upload"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    assert refused(path, name).code == f"documents.{code}"


def test_wrong_type_names_both(tmp_path: Path) -> None:
    error = refused(makers.docx(tmp_path / "x"), "plan.pdf")
    assert (error.values["claimed"], error.values["found"]) == ("PDF", "DOCX")


def test_size_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1000)
    error = refused(tmp_path / "a.txt", "a.txt", LoadOptions(max_bytes=1000))
    assert error.code == "documents.too_large"


def test_an_archive_is_not_a_document(tmp_path: Path) -> None:
    makers.zip_of(tmp_path / "a.zip", {"a.txt": b"hello"})
    assert refused(tmp_path / "a.zip", "a.zip").code == "documents.archive"


def test_a_text_file_without_an_ending_is_read(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("Plain words in a file.")
    assert load(tmp_path / "README", "README").media_type == "text/plain"


@pytest.mark.parametrize("make", [makers.handbook, makers.docx, makers.pptx, makers.xlsx, makers.eml])
def test_any_damage_gives_a_document_error_or_a_document(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    name = f"a.{ {'handbook': 'pdf'}.get(make.__name__, make.__name__) }"
    whole = make(tmp_path / name).read_bytes()
    random_source = random.Random(7)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(random_source.randint(1, 30)):
            data[random_source.randrange(len(data))] = random_source.randrange(256)
        cut = random_source.choice([len(data), random_source.randrange(1, len(data))])
        (tmp_path / name).write_bytes(bytes(data[:cut]))
        try:
            load(tmp_path / name, name, LoadOptions(ocr=False))
        except DocumentError as error:
            error.sentence("zh")  # raises when the catalogue lacks it


def test_both_catalogues_hold_the_same_sentences() -> None:
    import string

    def fields(text: str) -> set[str]:
        return {field for _, field, _, _ in string.Formatter().parse(text) if field}

    english, chinese = catalogue("en"), catalogue("zh")
    keys = {key for key in english if key.startswith("errors.documents.")}
    assert keys == {key for key in chinese if key.startswith("errors.documents.")}
    assert len(keys) >= 20
    for key in keys:
        assert fields(english[key]) == fields(chinese[key]), key
