"""Which segments stand side by side, and where rows of them make a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.documents.segments import Segment, is_marker


@dataclass(slots=True)
class Cell:
    """What stands in one column of a row: indices of segments, and the box around them."""

    lines: list[int]
    left: float
    right: float
    top: float
    bottom: float

    def add(self, index: int, segment: Segment) -> None:
        self.lines.append(index)
        self.left, self.right = min(self.left, segment.left), max(self.right, segment.right)
        self.top, self.bottom = min(self.top, segment.top), max(self.bottom, segment.bottom)


def rows_of(segments: Sequence[Segment], order: Sequence[int]) -> list[list[Cell]]:
    """Groups the segments named by ``order`` that stand side by side. Running text gives rows of one cell."""
    rows: list[list[Cell]] = []
    for index in order:
        segment = segments[index]
        row = rows[-1] if rows else None
        cell = row[-1] if row else None
        if row is None or cell is None:
            rows.append([_new_cell(index, segment)])
            continue
        # A lone cell may have grown out of the text above a table: its last line counts, not all of it.
        edge = cell.right if len(row) > 1 else segments[cell.lines[-1]].right
        beside = segment.left >= edge + 0.3 * segment.size
        if is_marker(segments[cell.lines[-1]].text) and _level(row, segment) and segment.left >= cell.left:
            cell.add(index, segment)
        elif beside and _level(row, segment):
            if len(row) == 1:
                _split_above(rows, segments, segment)
            rows[-1].append(_new_cell(index, segment))
        elif len(row) == 1 and _below(cell, segment):
            cell.add(index, segment)
        elif (wrapped := _wrapped(row, segment)) is not None:
            wrapped.add(index, segment)
        else:
            rows.append([_new_cell(index, segment)])
    return rows


def _new_cell(index: int, segment: Segment) -> Cell:
    return Cell([index], segment.left, segment.right, segment.top, segment.bottom)


def _level(row: Sequence[Cell], segment: Segment) -> bool:
    reach = 1.2 * segment.size
    top, bottom = min(cell.top for cell in row), max(cell.bottom for cell in row)
    return segment.bottom > top - reach and segment.top < bottom + 0.2 * segment.size


def _below(cell: Cell, segment: Segment) -> bool:
    return -0.4 * segment.size < segment.top - cell.bottom < 0.75 * segment.size


def _wrapped(row: Sequence[Cell], segment: Segment) -> Cell | None:
    """The cell of ``row`` that goes on in ``segment``: not the first, where a new row would begin."""
    for cell in row[1:]:
        under = abs(cell.left - segment.left) < 0.5 * segment.size or (
            segment.left > cell.left and segment.right < cell.right
        )
        if under and _below(cell, segment):
            return cell
    return None


def _split_above(rows: list[list[Cell]], segments: Sequence[Segment], beside: Segment) -> None:
    """Running text above a table has grown into its first cell: lines that end above the cell beside it go back."""
    lines = rows[-1][0].lines
    above = [i for i in lines if segments[i].bottom <= beside.top + 0.2 * beside.size]
    if not above or len(above) == len(lines):
        return
    rows.pop()
    for part in (above, [i for i in lines if i not in above]):
        cell = _new_cell(part[0], segments[part[0]])
        for index in part[1:]:
            cell.add(index, segments[index])
        rows.append([cell])


def table_end(rows: Sequence[list[Cell]], segments: Sequence[Segment], start: int) -> int:
    """The end of the table that starts at row ``start``, or ``start`` when there is none."""
    end = start
    while end < len(rows) and len(rows[end]) > 1 and all(len(cell.lines) <= 12 for cell in rows[end]):
        if end > start and not _aligned(rows[start], rows[end]):
            break
        end += 1
    count = end - start
    columns = len(rows[start]) if count else 0
    if (count >= 3 or (count == 2 and columns >= 3)) and _straight(rows[start:end], segments) >= 0.6:
        return end
    return start


def _straight(rows: Sequence[list[Cell]], segments: Sequence[Segment]) -> float:
    """The share of cells that stand under the edge or the middle of their column's first cell."""
    cells = [(cell, rows[0][column_of(rows[0], cell)]) for row in rows[1:] for cell in row]
    good = 0
    for cell, column in cells:
        off = min(
            abs(column.left - cell.left),
            abs(column.right - cell.right),
            abs(column.left + column.right - cell.left - cell.right) / 2,
        )
        good += off <= 0.7 * segments[cell.lines[0]].size
    return good / len(cells)


def _aligned(header: Sequence[Cell], row: Sequence[Cell]) -> bool:
    places = [column_of(header, cell) for cell in row]
    return len(row) <= len(header) and len(set(places)) == len(places)


def column_of(header: Sequence[Cell], cell: Cell) -> int:
    """The column whose header stands nearest: by overlap first, then by distance of edges or middles."""

    def distance(column: Cell) -> float:
        overlap = min(column.right, cell.right) - max(column.left, cell.left)
        edges = min(
            abs(column.left - cell.left),
            abs(column.right - cell.right),
            abs(column.left + column.right - cell.left - cell.right) / 2,
        )
        return edges - (1000 if overlap > 0 else 0) - max(0.0, overlap)

    return min(range(len(header)), key=lambda i: distance(header[i]))
