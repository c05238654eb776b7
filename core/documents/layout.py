"""From pieces of text with places on a page to paragraphs and tables. Shared by text PDFs and OCR.

Segments come in reading order. Lines that wrap inside a paragraph are joined (with a space, or nothing between Chinese
characters); rows of cells that line up become tables. The result remembers for every character which segment it came
from, so that a quote can be found again on the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.documents.paragraphs import Writer
from core.documents.rows import rows_of, table_end
from core.documents.ruled import RuledTable
from core.documents.segments import PageLayout, Segment


def arrange(segments: Sequence[Segment], ruled: Sequence[RuledTable] = ()) -> PageLayout:
    """Lays ``segments`` (in reading order) out as text; ``ruled`` are the tables that drawn lines show."""
    writer = Writer(segments)
    owner = {index: table for table in ruled for index in table.lines}
    loose: list[int] = []
    written: set[int] = set()
    for index in range(len(segments)):
        table = owner.get(index)
        if table is None:
            loose.append(index)
        elif id(table) not in written:
            written.add(id(table))
            _aligned(writer, segments, loose)
            loose = []
            writer.ruled(table)
    _aligned(writer, segments, loose)
    return writer.done()


def _aligned(writer: Writer, segments: Sequence[Segment], order: Sequence[int]) -> None:
    """Writes segments that stand in no drawn table: rows that line up as tables, the others as paragraphs."""
    rows = rows_of(segments, order)
    index = 0
    while index < len(rows):
        end = table_end(rows, segments, index)
        if end > index:
            writer.table(rows[index:end])
            index = end
            continue
        loose: list[int] = []
        while index < len(rows) and table_end(rows, segments, index) == index:
            loose.extend(line for cell in rows[index] for line in cell.lines)
            index += 1
        writer.prose(loose)
