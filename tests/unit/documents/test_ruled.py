"""Tables by their drawn lines: merged, empty and wrapped cells, and grids that are no tables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents.draw import Stored, page_image
from core.documents.load import load
from core.documents.options import LoadOptions
from core.documents.ruled import Line, ruled_tables
from core.documents.segments import Segment
from core.types import LoadedDocument

Draw = Callable[[Any], None]


def page(path: Path, draw: Draw, *, rotate: int = 0) -> LoadedDocument:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4)
    canvas.setPageRotation(rotate)
    canvas.setFont("Helvetica", 11)
    draw(canvas)
    canvas.save()
    return load(path, path.name, LoadOptions(ocr=False))


def grid(canvas: Any, xs: list[float], ys: list[float], *, skip: tuple[tuple[str, int, int], ...] = ()) -> None:
    """All lines of a grid but those in ``skip``: ("v", line, row) or ("h", line, column)."""
    for line, x in enumerate(xs):
        for row, (high, low) in enumerate(pairwise(ys)):
            if ("v", line, row) not in skip:
                canvas.line(x, high, x, low)
    for line, y in enumerate(ys):
        for column, (left, right) in enumerate(pairwise(xs)):
            if ("h", line, column) not in skip:
                canvas.line(left, y, right, y)


def put(canvas: Any, x: float, y: float, *lines: str) -> None:
    for number, line in enumerate(lines):
        canvas.drawString(x + 4, y - 13 - 13 * number, line)


def rows(document: LoadedDocument) -> list[str]:
    [table] = document.tables
    return document.text[table.start : table.end].split("\n")


def test_wrapped_and_empty_cells_under_an_empty_corner(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        canvas.drawString(72, 780, "What the plans hold")
        grid(canvas, [72, 180, 330, 480], [760, 740, 695, 675])
        put(canvas, 180, 760, "Free")
        put(canvas, 330, 760, "Team")
        put(canvas, 72, 740, "Support")
        put(canvas, 180, 740, "Answers from the", "help pages, within", "two days")
        put(canvas, 330, 740, "A person, within", "four hours")
        put(canvas, 72, 695, "Seats")
        put(canvas, 330, 695, "ten")
        canvas.drawString(72, 640, "Prices without tax.")

    document = page(tmp_path / "a.pdf", draw)
    assert rows(document) == [
        "Support | Free: Answers from the help pages, within two days | Team: A person, within four hours",
        "Seats | Team: ten",
    ]
    assert [table.header for table in document.tables] == ["Free | Team"]
    assert document.text.startswith("What the plans hold\n\n")
    assert document.text.endswith("\n\nPrices without tax.")


def test_merged_cells_belong_to_every_row_and_column_they_span(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        # The name spans two header rows, "Price" two columns, "Europe" two rows below.
        skip = (("h", 1, 0), ("v", 2, 0), ("h", 3, 0))
        grid(canvas, [72, 172, 272, 372], [760, 740, 720, 700, 680], skip=skip)
        put(canvas, 72, 752, "Region")
        put(canvas, 172, 760, "Price")
        put(canvas, 172, 740, "standard")
        put(canvas, 272, 740, "express")
        put(canvas, 72, 710, "Europe")
        put(canvas, 172, 720, "4 EUR")
        put(canvas, 272, 720, "9 EUR")
        put(canvas, 172, 700, "5 EUR")
        put(canvas, 272, 700, "12 EUR")

    assert rows(page(tmp_path / "a.pdf", draw)) == [
        "Region: Europe | Price standard: 4 EUR | Price express: 9 EUR",
        "Region: Europe | Price standard: 5 EUR | Price express: 12 EUR",
    ]


def test_two_rows_of_two_and_text_that_touches_the_line(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        grid(canvas, [72, 130, 230], [760, 740, 720, 700])
        for row, (name, value) in enumerate([("Weight", "2 kg"), ("Height", "30 cm"), ("Widthiest", "20 cm wide")]):
            put(canvas, 72, 760 - 20 * row, name)
            canvas.drawString(131, 747 - 20 * row, value)

    assert rows(page(tmp_path / "a.pdf", draw)) == ["Weight | 2 kg", "Height | 30 cm", "Widthiest | 20 cm wide"]


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_page_has_the_same_lines(tmp_path: Path, rotate: int) -> None:
    from core.documents.pdf import open_pdf
    from core.documents.pdf_text import PDFIUM_LOCK, PageReader

    def draw(canvas: Any) -> None:
        grid(canvas, [72, 172, 272], [560, 540, 520])  # on the page whichever way it lies
        put(canvas, 72, 560, "Weight")

    def lines(path: Path) -> list[Line]:
        pdf = open_pdf(path, path.name)
        try:
            return PageReader(pdf)._sheet(0).lines
        finally:
            with PDFIUM_LOCK:
                pdf.close()

    page(tmp_path / "a.pdf", draw)
    page(tmp_path / "b.pdf", draw, rotate=rotate)
    straight, turned = lines(tmp_path / "a.pdf"), lines(tmp_path / "b.pdf")
    swapped = rotate != 180
    assert len(straight) == len(turned) > 0
    assert sum(line.horizontal for line in turned) == sum(line.horizontal != swapped for line in straight)
    assert all(line.start >= -0.1 for line in turned)


def test_shaded_cells_without_lines_and_a_form_around_them(tmp_path: Path) -> None:
    def draw(canvas: Any) -> None:
        canvas.beginForm("table")
        canvas.setFont("Helvetica", 11)
        canvas.setFillGray(0.9)
        for row in range(3):
            for column in range(2):
                canvas.rect(100 * column, 40 - 20 * row, 99, 19, stroke=0, fill=1)
        canvas.setFillGray(0)
        for row, (name, value) in enumerate([("Plan", "Price"), ("Team", "$49"), ("Company", "")]):
            put(canvas, 0, 60 - 20 * row, name)
            put(canvas, 100, 60 - 20 * row, value)
        canvas.endForm()
        canvas.translate(72, 600)
        canvas.doForm("table")

    assert rows(page(tmp_path / "a.pdf", draw)) == ["Plan: Team | Price: $49", "Plan: Company"]


def test_a_frame_a_chart_and_cards_are_no_tables(tmp_path: Path) -> None:
    def frame(canvas: Any) -> None:
        canvas.rect(72, 700, 400, 60)
        put(canvas, 72, 760, "Note: keep the box.", "It is needed for a return.")

    def chart(canvas: Any) -> None:
        grid(canvas, [100, 150, 200, 250, 300], [760, 730, 700, 670, 640])
        for number in range(4):
            canvas.drawString(70, 755 - 30 * number, str(40 - 10 * number))
            canvas.drawString(110 + 50 * number, 625, f"Q{number + 1}")

    def cards(canvas: Any) -> None:
        grid(canvas, [72, 300, 528], [760, 420, 80])
        for x, top in ((72, 760), (300, 760), (72, 420), (300, 420)):
            put(canvas, x, top, *(f"Line {n} of a card with running text" for n in range(24)), *"abcdefgh")

    for name, draw in (("frame", frame), ("chart", chart), ("cards", cards)):
        document = page(tmp_path / f"{name}.pdf", draw)
        assert not any("Line 1 of" in document.text[t.start : t.end] for t in document.tables), name
        if name != "cards":
            assert not document.tables, name


def test_a_quote_from_a_ruled_table_is_marked_where_it_stands(tmp_path: Path) -> None:
    import io

    import PIL.Image

    def draw(canvas: Any) -> None:
        grid(canvas, [72, 180, 330], [760, 740, 700])
        put(canvas, 72, 760, "Plan")
        put(canvas, 180, 760, "Support")
        put(canvas, 72, 740, "Team")
        put(canvas, 180, 740, "A person, within", "four hours")

    document = page(tmp_path / "a.pdf", draw)
    at = document.text.index("four hours")
    stored = Stored(document.text, document.pages)
    image = PIL.Image.open(
        io.BytesIO(page_image(tmp_path / "a.pdf", "application/pdf", 1, [(at, at + 10)], stored, scale=1.0))
    ).convert("RGB")
    yellow = [
        (x, y)
        for x in range(image.width)
        for y in range(image.height)
        if image.getpixel((x, y))[2] < 140 and image.getpixel((x, y))[0] > 200
    ]
    assert yellow, "nothing is marked"
    # The second line of the cell: 26 points under its top at 842 - 740.
    assert 180 <= min(x for x, _ in yellow) < max(x for x, _ in yellow) <= 250
    assert 115 <= min(y for _, y in yellow) < max(y for _, y in yellow) <= 135


@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6),
    st.floats(-2.0, 2.0),
)
def test_every_text_of_a_grid_lands_in_its_cell(
    height: int, width: int, empty: set[tuple[int, int]], off: float
) -> None:
    lines = [Line(True, 20.0 * row, off, 100.0 * width) for row in range(height + 1)]
    lines += [Line(False, 100.0 * column, 0, 20.0 * height + off) for column in range(width + 1)]
    places = [(row, column) for row in range(height) for column in range(width) if (row, column) not in empty]
    segments = [
        Segment(f"{row},{column}", 100 * column + 5, 20 * row + 4, 100 * column + 60, 20 * row + 16, 12)
        for row, column in places
    ]
    found = ruled_tables(lines, segments)
    several = sum(1 for row in range(height) if sum(1 for r, _ in places if r == row) > 1)
    if len(places) < 3 or several < 2 or len(places) < 0.4 * height * width:
        return
    [table] = found
    assert table.columns == width
    for row in table.rows:
        for cell in row:
            for index in cell.lines:
                assert places[index][1] == cell.column
                assert places[index][0] == cell.row
    assert table.lines == frozenset(range(len(segments)))


@given(st.lists(st.builds(Line, st.booleans(), st.floats(0, 600), st.floats(0, 600), st.floats(0, 600)), max_size=40))
def test_any_lines_are_looked_at_without_error(lines: list[Line]) -> None:
    segments = [Segment("x", 10.0 * n, 15.0 * n, 10.0 * n + 8, 15.0 * n + 10, 10) for n in range(30)]
    taken: set[int] = set()
    for table in ruled_tables(lines, segments):
        assert not taken & table.lines
        taken |= table.lines
