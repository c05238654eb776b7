"""Checks of labels: too few classes or rows, uneven ones, names that are spelled in several ways, doubted labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from core.training.datasets.lint import LISTED, Finding, LabelErrors, LintOptions, Rows
from core.training.datasets.splitting import SPLITS, TEST, TRAIN, VALIDATION
from core.training.watch import Watch

_NAMED = 8  # labels named in a sentence
_SELDOM = 0.02  # share of rows up to which a label may be a misspelt other


def class_sizes(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """One class only, rare and uneven classes, classes that no held-out row has."""
    if not any(rows.labels):
        return
    train = _counts(rows, TRAIN)
    if len(train) == 1 and not any(len(labels) > 1 for labels in rows.labels):
        yield Finding("one_class", "error", train.total(), (), {"label": next(iter(train))})
        return
    rare = sorted((label for label, count in train.items() if count < options.rare), key=lambda label: train[label])
    if rare:
        listed = _named([f"{label} ({train[label]})" for label in rare])
        chosen = rows.listed(row for row in range(len(rows)) if set(rows.labels[row]) & set(rare))
        yield Finding("rare_class", "warning", len(rare), chosen, {"labels": listed, "least": options.rare})
    for place in (VALIDATION, TEST):
        held_out = _counts(rows, place)
        absent = [label for label in train if label not in held_out]
        if held_out and absent:
            yield Finding(
                "absent_class", "warning", len(absent), (), {"labels": _named(absent), "split": SPLITS[place]}
            )
        strange = {label for label in held_out if label not in train}
        if strange:
            chosen = rows.listed(
                r for r in range(len(rows)) if rows.split[r] == place and strange & set(rows.labels[r])
            )
            named = {"labels": _named(sorted(strange)), "split": SPLITS[place]}
            yield Finding("untrained_class", "error", len(strange), chosen, named)
    largest, smallest = train.most_common()[0], train.most_common()[-1]
    if largest[1] > options.imbalance * smallest[1]:
        values: dict[str, Any] = {
            "largest": largest[0],
            "most": largest[1],
            "smallest": smallest[0],
            "least": smallest[1],
        }
        yield Finding("imbalance", "warning", len(train), (), values)


def split_sizes(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Held-out splits too small to say anything."""
    for place in (VALIDATION, TEST):
        count = int((rows.split == place).sum())
        if 0 < count < options.small:
            # Half of the widest 95 % interval of a share: 1.96 * sqrt(0.25 / n).
            margin = round(98 / count**0.5, 1)
            yield Finding("small_split", "warning", count, (), {"split": SPLITS[place], "margin": margin})


def variants(rows: Rows, options: LintOptions, watch: Watch) -> Iterator[Finding]:
    """Labels that differ only in case, spaces or marks, and seldom ones that are one letter off a frequent one."""
    counts = Counter(label for labels in rows.labels for label in labels)
    alike: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        alike[_plain(label)].append(label)
    pairs = {label: same[0] for same in alike.values() for label in same[1:]}
    frequent = [same[0] for same in alike.values() if counts[same[0]] > 2]
    for same in alike.values():
        label = same[0]
        if len(same) == 1 and counts[label] <= max(2, _SELDOM * len(rows)):
            near = [other for other in frequent if counts[other] >= 5 * counts[label] and one_off(label, other)]
            if near and label not in pairs:
                pairs[label] = near[0]
    if pairs:
        listed = _named([f"{label} → {other}" for label, other in pairs.items()])
        concerned = [row for row in range(len(rows)) if any(label in pairs for label in rows.labels[row])]
        chosen = tuple(
            rows.place(row, note=next(pairs[label] for label in rows.labels[row] if label in pairs))
            for row in concerned[:LISTED]
        )
        yield Finding("label_variants", "warning", len(concerned), chosen, {"pairs": listed})


def doubted(rows: Rows, label_errors: LabelErrors, watch: Watch) -> Iterator[Finding]:
    """Rows whose label a model that was trained without them doubts."""
    names = sorted({labels[0] for labels in rows.labels})
    numbers = {name: number for number, name in enumerate(names)}
    classes = [numbers[labels[0]] for labels in rows.labels]
    if len(names) < 2 or len(classes) < 10 * len(names):
        return
    suspects = label_errors(rows.texts, classes, names, watch)
    if suspects:
        chosen = tuple(rows.place(s.row, note=f"{names[s.given]} → {names[s.suggested]}") for s in suspects[:LISTED])
        percent = round(100 * len(suspects) / len(rows), 1)
        yield Finding("label_error", "warning", len(suspects), chosen, {"percent": percent})


def one_off(label: str, other: str) -> bool:
    """Is one letter too many, missing, other, or swapped with the next? Short labels and other numbers never are."""
    left, right = _plain(label), _plain(other)
    if min(len(left), len(right)) < 5 or abs(len(left) - len(right)) > 1 or re.sub(r"\D", "", left + right):
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    if len(left) == len(right):
        swapped = left[start : start + 2] == right[start : start + 2][::-1] and left[start + 2 :] == right[start + 2 :]
        return left[start + 1 :] == right[start + 1 :] or swapped
    short, long = sorted((left, right), key=len)
    return short[start:] == long[start + 1 :]


def _plain(label: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", label).casefold()) or label


def _counts(rows: Rows, place: int) -> Counter[str]:
    return Counter(
        label for labels, split in zip(rows.labels, rows.split, strict=True) if split == place for label in labels
    )


def _named(labels: list[str]) -> str:
    return ", ".join(labels[:_NAMED]) + (", …" if len(labels) > _NAMED else "")


CHECKS = (class_sizes, split_sizes, variants)
