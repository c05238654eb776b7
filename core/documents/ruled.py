"""Tables by their drawn lines: which lines make a grid, what its cells are, and which text stands in them. Pure.

Unlike alignment this finds tables whose cells wrap, are empty or merged. The grid of a chart, a frame around text and
cards side by side are no tables: few cells with text, or too much text in one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.documents.segments import Segment

NEAR = 3.0  # points between lines that are one, and between ends that touch
SHORTEST = 6.0  # a shorter line is part of a letter or an icon
MOST_LINES = 3000  # on one page: a map or a drawing, not a table
_FILLED = 0.4  # least share of cells with text
_LONGEST_CELL = 30  # lines


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn line, horizontal (``along`` is x) or vertical (``along`` is y)."""

    horizontal: bool
    at: float
    start: float
    end: float

    def covers(self, place: float) -> bool:
        return self.start - NEAR <= place <= self.end + NEAR


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell over ``[row, row_end)`` and ``[column, column_end)``; ``lines`` are indices of segments."""

    row: int
    column: int
    row_end: int
    column_end: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuledTable:
    """Cells in rows; a cell that is merged downwards stands in each of its rows."""

    columns: int
    rows: tuple[tuple[GridCell, ...], ...]

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(index for row in self.rows for cell in row for index in cell.lines)


def ruled_tables(lines: Iterable[Line], segments: Sequence[Segment]) -> list[RuledTable]:
    """The tables that ``lines`` draw around ``segments``."""
    kept = _joined(line for line in lines if line.end - line.start >= SHORTEST)
    if len(kept) > MOST_LINES:
        return []
    found = [table for group in _groups(kept) if (table := _table(group, segments)) is not None]
    # A frame around a table must not swallow it: the smallest grid that holds a segment has it.
    found.sort(key=lambda table: len(table.lines))
    taken: set[int] = set()
    tables: list[RuledTable] = []
    for table in found:
        if not taken & table.lines:
            taken |= table.lines
            tables.append(table)
    return tables


def walls(lines: Iterable[Line]) -> list[Line]:
    """The vertical lines, by which text that stands close together is told apart."""
    return [line for line in lines if not line.horizontal and line.end - line.start >= SHORTEST]


def _joined(lines: Iterable[Line]) -> list[Line]:
    """Lines on one place that touch or overlap, as one."""
    out: list[Line] = []
    for line in sorted(lines, key=lambda line: (line.horizontal, round(line.at), line.start)):
        last = out[-1] if out else None
        same = last is not None and last.horizontal == line.horizontal and abs(last.at - line.at) <= 1.5
        if last is not None and same and line.start <= last.end + NEAR:
            out[-1] = Line(last.horizontal, last.at, min(last.start, line.start), max(last.end, line.end))
        else:
            out.append(line)
    return out


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that hang together by crossing."""
    parents = list(range(len(lines)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    flat = [i for i, line in enumerate(lines) if line.horizontal]
    for upright in (i for i, line in enumerate(lines) if not line.horizontal):
        for index in flat:
            if lines[index].covers(lines[upright].at) and lines[upright].covers(lines[index].at):
                parents[root(index)] = root(upright)
    groups: dict[int, list[Line]] = {}
    for index, line in enumerate(lines):
        groups.setdefault(root(index), []).append(line)
    return [group for group in groups.values() if len(group) >= 4]


def _edges(places: Iterable[float], ends: Iterable[float]) -> list[float]:
    """Where lines stand, near ones as one; a table without outer lines ends where the crossing lines end."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > NEAR:
            found.append(place)
    ends = list(ends)
    if found and ends:
        low, high = min(ends), max(ends)
        found = [low, *found] if found[0] - low > 2 * NEAR else found
        found = [*found, high] if high - found[-1] > 2 * NEAR else found
    return found


def _table(group: Sequence[Line], segments: Sequence[Segment]) -> RuledTable | None:
    flat = [line for line in group if line.horizontal]
    upright = [line for line in group if not line.horizontal]
    xs = _edges((line.at for line in upright), (end for line in flat for end in (line.start, line.end)))
    ys = _edges((line.at for line in flat), (end for line in upright for end in (line.start, line.end)))
    if len(xs) < 3 or len(ys) < 3:
        return None
    areas = _areas(xs, ys, flat, upright)
    if areas is None:
        return None
    held = _held(xs, ys, areas, segments)
    cells = {area: GridCell(*area, lines=tuple(held.get(area, ()))) for area in set(areas.values())}
    rows = [
        tuple(dict.fromkeys(cells[areas[row, column]] for column in range(len(xs) - 1))) for row in range(len(ys) - 1)
    ]
    rows = [row for row in rows if any(cell.lines for cell in row)]
    table = RuledTable(len(xs) - 1, tuple(rows))
    return table if _is_table(table) else None


Area = tuple[int, int, int, int]  # row, column, row_end, column_end


def _areas(
    xs: Sequence[float], ys: Sequence[float], flat: Sequence[Line], upright: Sequence[Line]
) -> dict[tuple[int, int], Area] | None:
    """The cell that each square of the grid belongs to; None where squares without a line between make no rectangle."""
    squares = [(row, column) for row in range(len(ys) - 1) for column in range(len(xs) - 1)]
    owner = {square: square for square in squares}

    def root(square: tuple[int, int]) -> tuple[int, int]:
        while owner[square] != square:
            square = owner[square]
        return square

    for row, column in squares:
        middle = (ys[row] + ys[row + 1]) / 2
        if column + 2 < len(xs) and not _drawn(upright, xs[column + 1], middle):
            owner[root((row, column + 1))] = root((row, column))
        middle = (xs[column] + xs[column + 1]) / 2
        if row + 2 < len(ys) and not _drawn(flat, ys[row + 1], middle):
            owner[root((row + 1, column))] = root((row, column))
    members: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for square in squares:
        members.setdefault(root(square), []).append(square)
    areas: dict[tuple[int, int], Area] = {}
    for group in members.values():
        top, bottom = min(r for r, _ in group), max(r for r, _ in group) + 1
        left, right = min(c for _, c in group), max(c for _, c in group) + 1
        if (bottom - top) * (right - left) != len(group):
            return None
        areas.update(dict.fromkeys(group, (top, left, bottom, right)))
    return areas


def _drawn(lines: Sequence[Line], at: float, place: float) -> bool:
    return any(abs(line.at - at) <= NEAR and line.start <= place <= line.end for line in lines)


def _held(
    xs: Sequence[float], ys: Sequence[float], areas: dict[tuple[int, int], Area], segments: Sequence[Segment]
) -> dict[Area, list[int]]:
    held: dict[Area, list[int]] = {}
    for index, segment in enumerate(segments):
        x, y = (segment.left + segment.right) / 2, (segment.top + segment.bottom) / 2
        column, row = bisect_right(xs, x) - 1, bisect_right(ys, y) - 1
        if 0 <= column < len(xs) - 1 and 0 <= row < len(ys) - 1:
            held.setdefault(areas[row, column], []).append(index)
    return held


def _is_table(table: RuledTable) -> bool:
    cells = {cell for row in table.rows for cell in row}
    filled = [cell for cell in cells if cell.lines]
    several = sum(1 for row in table.rows if sum(1 for cell in row if cell.lines) > 1)
    return (
        len(filled) >= 3
        and several >= 2
        and len(filled) >= _FILLED * len(cells)
        and all(len(cell.lines) <= _LONGEST_CELL for cell in filled)
    )
