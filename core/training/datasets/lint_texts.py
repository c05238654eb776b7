"""Checks of texts: copies within and between splits, empty and overlong ones, personal data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from core.access.privacy import find_personal
from core.text.words import HAN_RUN
from core.training.datasets.cleaning import text_key
from core.training.datasets.lint import LISTED, Finding, LintOptions, Rows
from core.training.datasets.near_duplicates import NearTexts
from core.training.datasets.splitting import TEST, TRAIN, VALIDATION
from core.training.watch import Watch

_PIECES_A_WORD = 1.3  # pieces that a word-piece vocabulary makes of an English word, on average
_SEARCHED = 20_000  # rows looked through for personal data


def copies(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Rows that say the same: across splits (leak), within one (duplicate), with different labels (conflict)."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(rows.texts):
        groups[text_key(text)].append(row)
    leaks: dict[int, int] = {}
    repeated: dict[int, int] = {}
    conflicts: dict[int, int] = {}
    for same in groups.values():
        for row in same[1:]:
            first = same[0]
            if rows.split[row] != rows.split[first]:
                leaks[row] = first
            else:
                repeated[row] = first
            clash = next((other for other in same if rows.labels[other] != rows.labels[row]), None)
            if clash is not None:
                conflicts[row] = clash
    held_out = int((rows.split != TRAIN).sum())
    if leaks:
        yield Finding("leak", "error", len(leaks), _pairs(rows, leaks), {"held_out": held_out})
    if repeated:
        yield Finding("duplicate", "warning", len(repeated), _pairs(rows, repeated), {"rows": len(rows)})
    if conflicts:
        yield Finding("conflict", "error", len(conflicts), _pairs(rows, conflicts))


def near_copies(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Held-out rows that say nearly what a training row says, and training rows that nearly repeat one another."""
    if not options.near:
        return
    first: dict[str, int] = {}
    for row, text in enumerate(rows.texts):
        first.setdefault(f"{rows.split[row]}{text_key(text)}", row)
    members = np.array(sorted(first.values()), np.int64)
    if len(members) < 2:
        return
    near = NearTexts((rows.texts[row] for row in members), watch)
    split = rows.split[members]
    keys = [text_key(rows.texts[row]) for row in members]
    for place in (VALIDATION, TEST):
        found = near.matches(split == place, split < place, lambda row: rows.texts[members[row]], watch)
        unlike = {int(members[row]): int(members[other]) for row, other in found.items() if keys[row] != keys[other]}
        if unlike:
            pairs = _pairs(rows, dict(sorted(unlike.items())))
            yield Finding("near_leak", "warning", len(unlike), pairs, {"held_out": int((split == place).sum())})
    clusters = near.clusters(lambda row: rows.texts[members[row]], watch)
    repeats = np.flatnonzero((clusters != np.arange(len(clusters))) & (split == TRAIN) & (split[clusters] == TRAIN))
    if len(repeats):
        chosen = {int(members[row]): int(members[clusters[row]]) for row in repeats}
        yield Finding(
            "near_duplicate", "hint", len(chosen), _pairs(rows, chosen), {"rows": int((split == TRAIN).sum())}
        )


def lengths(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Texts of which nothing, hardly anything, or not all can be read."""
    empty = [row for row, text in enumerate(rows.texts) if not text.strip()]
    if empty:
        yield Finding("empty", "error", len(empty), rows.listed(empty))
    tiny = [row for row, text in enumerate(rows.texts) if text.strip() and len(text_key(text)) < 2]
    if tiny:
        yield Finding("tiny", "hint", len(tiny), rows.listed(tiny))
    sizes = [token_estimate(text) for text in rows.texts]
    long = [row for row, size in enumerate(sizes) if size > options.max_tokens]
    if long:
        values = {"limit": options.max_tokens, "percent": round(100 * len(long) / len(rows), 1), "longest": max(sizes)}
        yield Finding("overlong", "warning", len(long), rows.listed(sorted(long, key=lambda row: -sizes[row])), values)


def token_estimate(text: str) -> int:
    """Pieces that a word-piece tokenizer makes of ``text``, about: a character of Chinese, 1.3 of an English word."""
    han = sum(map(len, HAN_RUN.findall(text)))
    return han + round(len(HAN_RUN.sub(" ", text).split()) * _PIECES_A_WORD)


def personal(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Rows that hold personal data; of very large sets the first 20,000 are searched."""
    if not options.personal:
        return
    kinds: Counter[str] = Counter()
    found: list[int] = []
    for row, text in enumerate(rows.texts[:_SEARCHED]):
        if row % 1000 == 0:
            watch.check()
        here = find_personal(text)
        if here:
            found.append(row)
            kinds.update(item.kind for item in here)
    if found:
        listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        yield Finding("personal", "warning", len(found), rows.listed(found), {"kinds": listed})


def _pairs(rows: Rows, pairs: dict[int, int]) -> tuple:  # type: ignore[type-arg]
    return tuple(rows.place(row, other=other) for row, other in list(pairs.items())[:LISTED])


CHECKS = (copies, near_copies, lengths, personal)
