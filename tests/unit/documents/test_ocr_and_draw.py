"""Scanned pages are read with boxes, and quotes are marked where they stand: on text PDFs, scans and pictures."""

from __future__ import annotations

import io
from pathlib import Path

import makers
import numpy as np
import pytest
from PIL import Image

from core.documents.draw import MARK, Stored, page_image
from core.documents.load import LoadOptions, load
from core.errors import DocumentError, NotFound
from core.types import LoadedDocument

needs_font = pytest.mark.skipif(not makers.CJK_FONT.exists(), reason="no Noto CJK font: apt-get install fonts-noto-cjk")
LINES = [
    "The warranty covers broken handles for two years after the",
    "purchase. Keep the receipt in a safe place at home.",
    "",
    "自购买之日起两年内，手柄断裂均在保修范围之内。请妥善保管",
    "购物凭证，否则我们无法为您办理保修。",
]


def stored(document: LoadedDocument) -> Stored:
    return Stored(document.text, document.pages, document.boxes)


def span(document: LoadedDocument, quote: str) -> tuple[int, int]:
    start = document.text.index(quote)
    return start, start + len(quote)


def marked(png: bytes, plain: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where marking changed the picture, and both pictures."""
    after = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    before = np.asarray(Image.open(io.BytesIO(plain)).convert("RGB")).astype(int)
    return np.abs(after - before).sum(axis=2) > 0, after, before


def boxes_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.where(mask.any(axis=1))[0], np.where(mask.any(axis=0))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


@pytest.mark.parametrize(
    "quote", ["Express delivery costs 12 euros", "Team | Price: $49", "nobody at the internationalization"]
)
def test_text_pdf_is_marked_at_the_sentence_only(tmp_path: Path, quote: str) -> None:
    path = makers.handbook(tmp_path / "a.pdf")
    document = load(path, "a.pdf")
    plain = page_image(path, document.media_type, 1, [], stored(document))
    mask, after, before = marked(
        page_image(path, document.media_type, 1, [span(document, quote)], stored(document)), plain
    )
    assert mask.any()
    assert (after[mask & (before.sum(axis=2) == 765)] == MARK).all()
    assert 0.0005 < mask.mean() < 0.02
    # The words under the mark are those of the quote: pdfium itself reads them back from the marked area.
    import pypdfium2

    left, top, right, bottom = boxes_of(mask)
    pdf = pypdfium2.PdfDocument(path)
    page = pdf[0]
    height = page.get_height()
    read = page.get_textpage().get_text_bounded(left / 2, height - bottom / 2, right / 2, height - top / 2)
    for word in quote.replace("Price: ", "").replace("|", "").split():
        assert word in read


def test_every_stored_character_of_a_text_pdf_has_its_glyph(tmp_path: Path) -> None:
    """The stored text, read back glyph by glyph, is the text again, but for what the loader put in."""
    import pypdfium2

    from core.documents.pdf_text import PageReader

    path = makers.handbook(tmp_path / "a.pdf")
    document = load(path, "a.pdf")
    pdf = pypdfium2.PdfDocument(path)
    reader = PageReader(pdf)
    for page in document.pages:
        found = reader.page_text(page.number - 1)
        assert found.text == document.text[page.start : page.end]
        chars = pdf[page.number - 1].get_textpage().get_text_range()
        for quote in (makers.EN_2, makers.ZH_1, "Contact"):
            if quote in found.text:
                at = found.text.index(quote)
                read = "".join(chars[i] for i in found.raw_indices(at, at + len(quote)))
                assert "".join(read.split()) == "".join(quote.split())


def test_a_quote_over_a_page_break_is_marked_on_both_pages(tmp_path: Path) -> None:
    path = makers.pdf(tmp_path / "a.pdf", [("BodyText", makers.EN_1 + " " + makers.EN_2)] * 14)
    document = load(path, "a.pdf")
    end = document.pages[0].end
    quote = (end - 40, end + 40)
    for number in (1, 2):
        plain = page_image(path, document.media_type, number, [], stored(document), scale=1)
        mask, _, _ = marked(page_image(path, document.media_type, number, [quote], stored(document), scale=1), plain)
        assert mask.any()


def test_rotated_page(tmp_path: Path) -> None:
    import pypdfium2

    makers.handbook(tmp_path / "a.pdf")
    pdf = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    pdf[0].set_rotation(90)
    pdf.save(tmp_path / "r.pdf")
    document = load(tmp_path / "r.pdf", "r.pdf")
    assert "Express delivery costs 12 euros" in document.text
    plain = page_image(tmp_path / "r.pdf", document.media_type, 1, [], stored(document))
    quote = span(document, "Express delivery")
    mask, _, before = marked(page_image(tmp_path / "r.pdf", document.media_type, 1, [quote], stored(document)), plain)
    left, top, right, bottom = boxes_of(mask)
    assert bottom - top > right - left  # the line stands upright in the picture
    assert (before[mask].sum(axis=1) < 300).any()  # there is ink under the mark


@needs_font
def test_scanned_pdf_in_both_languages(tmp_path: Path, options: LoadOptions) -> None:
    path = makers.scanned_pdf(tmp_path / "a.pdf", [makers.draw_lines(LINES)])
    document = load(path, "a.pdf", options)
    assert document.pages[0].scanned
    squeezed = document.text.replace(" ", "")
    assert "Thewarrantycoversbrokenhandlesfortwoyearsafterthepurchase." in squeezed
    assert "自购买之日起两年内，手柄断裂均在保修范围之内。请妥善保管购物凭证，否则我们无法为您办理保修。" in squeezed
    assert all(document.text[box.start : box.end].strip() for box in document.boxes)
    plain = page_image(path, document.media_type, 1, [], stored(document))
    quote = span(document, "购物凭证")
    mask, _, before = marked(page_image(path, document.media_type, 1, [quote], stored(document)), plain)
    left, top, right, bottom = boxes_of(mask)
    height, width = mask.shape
    # The fifth line: drawn at 120 + 4 * 54 of 1754 pixels, from 110 of 1240; four of its eighteen characters.
    assert 330 / 1754 < (top + bottom) / 2 / height < 400 / 1754
    assert abs(left / width - 110 / 1240) < 0.02
    assert (right - left) / width < 200 / 1240
    assert (before[mask].sum(axis=1) < 300).any()


@needs_font
def test_picture(tmp_path: Path, options: LoadOptions) -> None:
    path = tmp_path / "a.png"
    makers.draw_lines(["Opening hours", "Monday to Friday"], size=(700, 300)).save(path)
    document = load(path, "a.png", options)
    assert "Monday to Friday" in document.text
    plain = page_image(path, document.media_type, 1, [], stored(document), scale=1)
    mask, _, _ = marked(
        page_image(path, document.media_type, 1, [span(document, "Monday to Friday")], stored(document), scale=1), plain
    )
    assert boxes_of(mask)[1] > 150


def test_ocr_switched_off(tmp_path: Path) -> None:
    off = LoadOptions(ocr=False)
    image = Image.new("RGB", (600, 800), "white")
    image.paste((0, 0, 0), (100, 100, 300, 140))
    makers.scanned_pdf(tmp_path / "a.pdf", [image])
    image.save(tmp_path / "a.png")
    for name, code in (("a.pdf", "documents.scanned_ocr_off"), ("a.png", "documents.image_ocr_off")):
        with pytest.raises(DocumentError) as caught:
            load(tmp_path / name, name, off)
        assert caught.value.code == code


def test_a_picture_page_in_a_text_pdf_is_left_out_with_a_warning(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    image = Image.new("RGB", (600, 800), "white")
    image.paste((0, 0, 0), (100, 100, 300, 140))
    image.save(tmp_path / "i.png")
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.drawString(72, 700, "A page with words in it.")
    canvas.showPage()
    canvas.drawImage(str(tmp_path / "i.png"), 0, 0, 595, 842)
    canvas.save()
    document = load(tmp_path / "a.pdf", "a.pdf", LoadOptions(ocr=False))
    assert document.warnings == ("documents.page_needs_ocr",)
    assert len(document.pages) == 2


def test_missing_page_and_pageless_formats(tmp_path: Path) -> None:
    path = makers.handbook(tmp_path / "a.pdf")
    document = load(path, "a.pdf")
    with pytest.raises(NotFound):
        page_image(path, document.media_type, 99, [], stored(document))
    with pytest.raises(DocumentError):
        page_image(path, "text/plain", 1, [], stored(document))


def test_a_text_stored_by_another_release_is_searched_and_never_marked_wrongly(tmp_path: Path) -> None:
    path = makers.handbook(tmp_path / "a.pdf")
    document = load(path, "a.pdf")
    old = "Heading of old.\n" + document.text[: document.pages[0].end]
    page = type(document.pages[0])(1, 0, len(old))
    plain = page_image(path, document.media_type, 1, [], stored(document))
    at = old.index("Express delivery costs")
    mask, _, _ = marked(page_image(path, document.media_type, 1, [(at, at + 22)], Stored(old, [page])), plain)
    expected, _, _ = marked(
        page_image(path, document.media_type, 1, [span(document, "Express delivery costs")], stored(document)), plain
    )
    assert (mask == expected).all()
    mask, _, _ = marked(page_image(path, document.media_type, 1, [(0, 15)], Stored(old, [page])), plain)
    assert not mask.any()


def test_pdfium_from_many_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = makers.handbook(tmp_path / "a.pdf")
    document = load(path, "a.pdf")
    quote = span(document, "Express delivery")
    expected = page_image(path, document.media_type, 1, [quote], stored(document), scale=0.5)

    def work(number: int) -> bool:
        if number % 2:
            return load(path, "a.pdf").text == document.text
        return page_image(path, document.media_type, 1, [quote], stored(document), scale=0.5) == expected

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(48)))
