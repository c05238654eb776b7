"""Checks of tabular rows: columns that say nothing, say too much, or are mostly missing; copies of rows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from core.training.datasets.lint import LISTED, Finding, LintOptions, Rows
from core.training.datasets.splitting import TRAIN
from core.training.watch import Watch

_MISSING = 0.3  # share of empty cells from which on a column is worth a look
_SURE = 0.99  # share of rows whose label one column's value alone tells
_UNIQUE = 0.95  # share of distinct values from which on a column of words is an id


def copies(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Equal rows across splits, and equal rows with different labels."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, values in enumerate(rows.values):
        groups[json.dumps(values, ensure_ascii=False, sort_keys=True)].append(row)
    leaks = {row: same[0] for same in groups.values() for row in same[1:] if rows.split[row] != rows.split[same[0]]}
    clashes = {row: same[0] for same in groups.values() for row in same[1:] if rows.labels[row] != rows.labels[same[0]]}
    for code, found in (("leak", leaks), ("conflict", clashes)):
        if found:
            chosen = tuple(rows.place(row, other=other) for row, other in list(found.items())[:LISTED])
            values = {"held_out": int((rows.split != TRAIN).sum())} if code == "leak" else {}
            yield Finding(code, "error", len(found), chosen, values)


def columns(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Columns that are constant, mostly missing, ids, or give the label away."""
    if not len(rows):
        return
    labels = [labels[0] if labels else "" for labels in rows.labels]
    common = Counter(labels).most_common(1)[0][1] / len(rows)
    for name in rows.values[0]:
        cells = [values.get(name) for values in rows.values]
        filled = [(cell, label) for cell, label in zip(cells, labels, strict=True) if cell is not None]
        distinct = {cell for cell, _ in filled}
        missing = len(cells) - len(filled)
        if missing > _MISSING * len(cells):
            chosen = rows.listed(row for row, cell in enumerate(cells) if cell is None)
            percent = round(100 * missing / len(cells), 1)
            yield Finding("missing_values", "warning", missing, chosen, {"column": name, "percent": percent})
        if len(distinct) <= 1:
            yield Finding("constant_column", "hint", len(filled), (), {"column": name})
        elif len(distinct) > _UNIQUE * len(filled) and all(isinstance(cell, str) for cell in distinct):
            yield Finding("id_column", "warning", len(distinct), (), {"column": name})
        elif len(distinct) < len(filled) / 5 and _tells(filled) >= _SURE > common:
            percent = round(100 * _tells(filled), 1)
            yield Finding("giveaway", "error", len(filled), (), {"column": name, "percent": percent})


def _tells(filled: list[tuple[object, str]]) -> float:
    """Share of rows whose label is the commonest one of the rows with the same value."""
    votes: dict[object, Counter[str]] = defaultdict(Counter)
    for cell, label in filled:
        votes[cell][label] += 1
    return sum(counter.most_common(1)[0][1] for counter in votes.values()) / len(filled)


CHECKS = (copies, columns)
