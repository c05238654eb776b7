"""From read tables to a version of a data set: mapped, cleaned, de-duplicated, split, written.

A version is one folder: ``train.jsonl``, ``validation.jsonl``, ``test.jsonl`` and ``dataset.json`` (``dataset_store``).
Rows pass through a spool on disk, so memory grows by about 300 bytes a row, however long the texts are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.text.language import detect_language
from core.training.datasets.augment import AugmentOptions, augment_record
from core.training.datasets.cleaning import CleanOptions, text_key
from core.training.datasets.mapping import TEXT_FIELDS, ColumnMapping, feature_columns, make_examples
from core.training.datasets.selection import assign_splits
from core.training.datasets.splitting import SPLITS, SplitOptions
from core.training.datasets.spool import Spool, Tally, fill
from core.training.datasets.store import Version, drafted, seal
from core.training.datasets.tables import Table, table_rows
from core.training.watch import Watch

MOST_CLASSES = 1000
_LINES = ("language_model", "prompt_response")  # tasks whose texts keep their line breaks


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a data set. ``split``: "train", "validation", "test", or "" when it is to be split."""

    table: Table
    split: str = ""


def build_version(
    parts: Sequence[Part],
    mapping: ColumnMapping,
    root: Path,
    watch: Watch,
    *,
    clean: CleanOptions | None = None,
    split: SplitOptions | None = None,
    augment: AugmentOptions | None = None,
) -> Version:
    """Builds a version from read tables and gives it its folder below ``root``. The same input gives the same id.

    Raises BadInput: data.no_rows_left, data.one_class, data.too_many_classes, data.unknown_labels, data.no_validation,
    data.untrained_labels, data.too_few_rows, data.split_twice and what mapping and tables raise; Unavailable
    data.disk_full; Cancelled by ``watch``. Whatever is raised, no folder is left that could be taken for a version.
    """
    clean = clean or CleanOptions(keep_lines=mapping.task in _LINES)
    split = split or SplitOptions()
    _check_parts(parts, mapping)
    tables = [part.table for part in parts]
    columns = feature_columns(mapping, tables) or TEXT_FIELDS[mapping.task]
    plain = all(table.format == "text" for table in tables)
    tally, personal = Tally(), Counter[str]()
    with drafted(root) as draft:
        spool = Spool(draft / "rows.spool")
        try:
            _fill(spool, parts, mapping, clean, tally, personal, watch)
            _check_classes(mapping, spool.label_numbers, len(spool))
            files = [table.name for table in tables]
            chosen = assign_splits(spool, mapping, clean, split, plain, tally, files, watch)
            written = _write(draft, spool, chosen, mapping, augment, watch)
        finally:
            spool.close()
        version = Version(
            **_counted(parts, mapping, written, tally), columns=columns, personal=dict(sorted(personal.items())),
            mapping=asdict(mapping), clean=asdict(clean), split=asdict(split),
            augment=asdict(augment) if augment else None,
        )  # fmt: skip
        return seal(draft, root, version)


def _counted(parts: Sequence[Part], mapping: ColumnMapping, written: _Written, tally: Tally) -> dict[str, Any]:
    """What a version says in figures. Raises as ``_labels`` does."""
    return {
        "task": mapping.task,
        "labels": _labels(mapping, written, given=any(part.split for part in parts) or bool(mapping.split)),
        "splits": {name: written.rows[name] for name in SPLITS},
        "read": sum(part.table.rows for part in parts),
        "kept": written.rows.total(),
        "dropped": dict(sorted(tally.counts.items())),
        "dropped_lines": {reason: [list(line) for line in lines] for reason, lines in sorted(tally.lines.items())},
        "class_counts": {name: dict(sorted(written.classes[name].items())) for name in SPLITS},
        "augmented": written.augmented,
        "languages": dict(sorted(written.languages.items())),
        "longest": written.longest,
        "sources": tuple(_source(part) for part in parts),
    }


def _check_parts(parts: Sequence[Part], mapping: ColumnMapping) -> None:
    if not parts:
        raise BadInput("data.no_files")
    wrong = [part.split for part in parts if part.split not in ("", *SPLITS)]
    if wrong:
        raise BadInput("data.option", name="split", value=wrong[0], expected=" | ".join(SPLITS))
    if mapping.split and any(part.split for part in parts):
        raise BadInput("data.split_twice", column=mapping.split)
    if mapping.task == "image":
        raise BadInput("data.image_parts")


def _fill(
    spool: Spool, parts: Sequence[Part], mapping: ColumnMapping, clean: CleanOptions, tally: Tally,
    personal: Counter[str], watch: Watch,
) -> None:  # fmt: skip
    tables = [part.table for part in parts]
    makers = make_examples(mapping, tables, clean, personal)
    unknown: Counter[str] = Counter()
    for number, (part, make) in enumerate(zip(parts, makers, strict=True)):
        given = SPLITS.index(part.split) if part.split else -1
        file = (number, part.table.name)
        unknown += fill(spool, table_rows(part.table), make, file, given, tally, watch, part.table.rows)
    if unknown:
        found = ", ".join(label for label, _ in unknown.most_common(10))
        lines = ", ".join(f"{file}:{line}" for file, line in tally.lines["unknown_label"][:5])
        known = ", ".join(mapping.labels)
        raise BadInput("data.unknown_labels", found=found, count=unknown.total(), lines=lines, known=known)
    if not len(spool):
        worst = max(tally.counts, key=tally.counts.__getitem__)
        lines = ", ".join(f"{file}:{line}" for file, line in tally.lines[worst][:5])
        raise BadInput(f"data.all_{worst}", count=sum(table.rows for table in tables), lines=lines)


# --- writing ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Written:
    rows: Counter[str] = field(default_factory=Counter)
    classes: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in SPLITS})
    languages: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    augmented: int = 0

    def note(self, split: str, record: dict[str, Any], fields: Iterable[str]) -> None:
        self.rows[split] += 1
        self.classes[split].update(record.get("labels", [record["label"]] if "label" in record else []))
        texts = [record[name] for name in fields]
        if texts:
            self.languages[detect_language(texts[0])] += 1
            self.longest = max(self.longest, sum(map(len, texts)))


def _write(
    draft: Path, spool: Spool, chosen: Sequence[Sequence[int]], mapping: ColumnMapping, augment: AugmentOptions | None,
    watch: Watch,
) -> _Written:  # fmt: skip
    written = _Written()
    fields = TEXT_FIELDS[mapping.task]
    for name, rows in zip(SPLITS, chosen, strict=True):
        with (draft / f"{name}.jsonl").open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            for done, row in enumerate(rows):
                if done % 1000 == 0:
                    watch.check()
                    watch.step("write", done, len(rows))
                record = spool.record(row)
                written.note(name, record, fields)
                place = dict(zip(("file", "line"), spool.place(row), strict=True))
                file.write(json.dumps({**record, **place}, ensure_ascii=False) + "\n")
                if augment is not None and name == "train":
                    for varied in augment_record(record, fields, augment):
                        if not spool.knows("\x1f".join(text_key(varied[part]) for part in fields)):
                            file.write(json.dumps({**varied, **place}, ensure_ascii=False) + "\n")
                            written.augmented += 1
    return written


def _check_classes(mapping: ColumnMapping, found: Mapping[str, int], rows: int) -> None:
    """Raises BadInput before the rows are split: a wrong label column should be named as such."""
    if not mapping.label or mapping.label_kind == "score":
        return
    labels = {label for several in found for label in several.split("\x1f")}
    if len(labels) > MOST_CLASSES or (len(labels) > 50 and len(labels) * 2 > rows):
        raise BadInput("data.too_many_classes", column=mapping.label, found=len(labels), rows=rows, limit=MOST_CLASSES)
    if len(labels) < 2 and not mapping.multi_label:
        raise BadInput("data.one_class", column=mapping.label, found=", ".join(labels))


def _labels(mapping: ColumnMapping, written: _Written, *, given: bool) -> tuple[str, ...]:
    """Classes in a fixed order: as allowed, or numbers by size, or by name. Raises BadInput."""
    if not mapping.label or mapping.label_kind == "score":
        return ()
    training = written.classes["train"]
    found = set(mapping.labels).union(*written.classes.values())
    if len(training) < (1 if mapping.multi_label else 2):
        raise BadInput("data.one_class", column=mapping.label, found=", ".join(training) or "-")
    untrained = sorted(set().union(*(written.classes[name] for name in SPLITS[1:])) - set(training))
    if untrained and given:
        raise BadInput("data.untrained_labels", found=", ".join(untrained[:10]), count=len(untrained))
    return mapping.labels or tuple(sorted(found, key=_natural))


def _natural(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _source(part: Part) -> dict[str, Any]:
    table = part.table
    with table.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": table.name,
        "split": part.split,
        "rows": table.rows,
        "errors": dict(table.error_counts),
        "encoding": table.encoding,
        "sha256": digest,
    }
