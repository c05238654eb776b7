"""Which column plays which part: from the cells of a table to the record a trainer reads."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from core.errors import BadInput
from core.training.datasets.cleaning import CleanOptions, clean_text, mask_text, text_key
from core.training.datasets.column_types import MISSING
from core.training.datasets.tables import Table

Task = Literal["text_classification", "sentence_pair", "language_model", "prompt_response", "tabular", "image"]
LabelKind = Literal["class", "score"]
TASKS: tuple[Task, ...] = get_args(Task)
REQUIRED: dict[Task, tuple[str, ...]] = {
    "text_classification": ("text", "label"),
    "sentence_pair": ("first", "second"),
    "language_model": ("text",),
    "prompt_response": ("prompt", "response"),
    "tabular": ("label",),
    "image": ("label",),
}
TEXT_FIELDS: dict[Task, tuple[str, ...]] = {
    "text_classification": ("text",),
    "sentence_pair": ("first", "second"),
    "language_model": ("text",),
    "prompt_response": ("prompt", "response"),
    "tabular": (),
    "image": (),
}
SPLIT_NAMES = {
    "train": 0, "training": 0, "trn": 0, "训练": 0, "训练集": 0, "": 0,
    "validation": 1, "valid": 1, "val": 1, "dev": 1, "development": 1, "验证": 1, "验证集": 1, "开发集": 1,
    "test": 2, "testing": 2, "测试": 2, "测试集": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Column names by part; "" for a part that no column plays.

    ``label``: the class, several of them joined by ``separator`` (or a JSON list) when ``multi_label``, or a number
    when ``label_kind`` is "score". ``labels``: the only classes allowed, () for those found. ``features``: columns of a
    tabular task, () for all that play no other part. ``together``: rows with the same value (a customer, a case) stay
    in one split. ``groups``: columns that the report measures fairness by; they are kept with the row, and are features
    only when named there. ``split``: a column that says train, validation or test.
    """

    task: Task
    text: str = ""
    label: str = ""
    first: str = ""
    second: str = ""
    prompt: str = ""
    response: str = ""
    features: tuple[str, ...] = ()
    multi_label: bool = False
    separator: str = "|"
    label_kind: LabelKind = "class"
    labels: tuple[str, ...] = ()
    together: str = ""
    groups: tuple[str, ...] = ()
    split: str = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise BadInput("data.option", name="task", value=self.task, expected=" | ".join(TASKS))
        for part in REQUIRED[self.task]:
            if not getattr(self, part):
                raise BadInput("data.part_missing", task=self.task, part=part)
        if self.multi_label and (self.task != "text_classification" or not self.separator):
            raise BadInput(
                "data.option", name="multi_label", value=self.task, expected="text_classification, separator"
            )

    def columns(self) -> tuple[str, ...]:
        """Every column named by a part, without the features."""
        parts = (*REQUIRED[self.task], "label", "together", "split")
        named = (*(getattr(self, part) for part in parts), *self.groups)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True, slots=True)
class Example:
    """``record`` as it is stored; ``key`` is equal for rows that say the same; splits are stratified by ``label``."""

    record: dict[str, Any]
    key: str
    label: str
    together: str = ""
    split: int = -1


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a row cannot be used: a reason that names its sentence in ``lint.dropped``, and the cell at fault."""

    reason: str
    found: str = ""


Maker = Callable[[Sequence[str]], Example | Dropped]


def suggest_mapping(table: Table, task: Task) -> ColumnMapping:
    """The parts as they look from names and contents. Raises BadInput (data.no_suggestion) where no column fits one."""
    free = [column for column in table.columns if column.kind != "empty"]
    used: dict[str, Any] = {}

    def take(part: str, names: str, fits: Callable[[Any], float]) -> None:
        ranked = sorted(
            (column for column in free if column.name not in used.values()),
            key=lambda column: (-(column.name.strip().lower() in names.split()), -fits(column)),
        )
        best = next((c for c in ranked if c.name.strip().lower() in names.split() or fits(c) > 0), None)
        if best is None:
            raise BadInput("data.no_suggestion", name=table.name, part=part)
        used[part] = best.name

    def classes(column: Any) -> float:
        few = column.distinct is not None and 1 < column.distinct <= max(2, column.filled // 2)
        return 1 / (column.distinct + column.mean_length) if few else 0.0

    def words(column: Any) -> float:
        return float(column.mean_length) if column.kind in ("text", "category") else 0.0

    if task in ("text_classification", "tabular", "image"):
        take("label", "label labels class category intent sentiment target y outcome 标签 类别 分类 情感 意图", classes)
    if task in ("text_classification", "language_model"):
        take("text", "text sentence review content utterance comment title 文本 内容 评论 句子 正文", words)
    pairs = {
        "sentence_pair": (("first", "sentence1 question query anchor first text1 q1 source 问题 句子1"),
                          ("second", "sentence2 answer passage positive second text2 q2 target 答案 句子2")),
        "prompt_response": (("prompt", "prompt instruction question input mr 提示 问题 指令 输入"),
                            ("response", "response completion answer output ref 回答 回复 答案 输出")),
    }  # fmt: skip
    for part, names in pairs.get(task, ()):
        take(part, names, words)
    split = next((c.name for c in free if c.name.strip().lower() in ("split", "fold", "subset", "数据集")), "")
    return ColumnMapping(task=task, split=split, **used)


def make_examples(
    mapping: ColumnMapping, tables: Sequence[Table], clean: CleanOptions, personal: Counter[str]
) -> list[Maker]:
    """For each table, what turns its cells into an example. ``personal`` counts what masking found.

    Raises BadInput (data.column_missing) for a column that a table lacks.
    """
    for table in tables:
        for name in (*mapping.columns(), *mapping.features):
            if name not in table.names:
                raise BadInput("data.column_missing", column=name, name=table.name, known=", ".join(table.names[:30]))
    numeric = _numeric(tables)
    return [_Maker(mapping, table.names, clean, personal, numeric) for table in tables]


def feature_columns(mapping: ColumnMapping, tables: Sequence[Table]) -> tuple[str, ...]:
    """Columns that a tabular model learns from. Raises BadInput (data.no_features)."""
    if mapping.task != "tabular":
        return ()
    taken = set(mapping.columns())
    chosen = mapping.features or tuple(
        column.name for column in tables[0].columns if column.name not in taken and column.kind != "empty"
    )
    if not chosen or mapping.label in chosen:
        raise BadInput("data.no_features", column=mapping.label)
    return chosen


def _numeric(tables: Sequence[Table]) -> frozenset[str]:
    kinds = ({c.name for c in table.columns if c.kind in ("integer", "number")} for table in tables)
    return frozenset(set.intersection(*kinds)) if tables else frozenset()


@dataclass(slots=True)
class _Maker:
    mapping: ColumnMapping
    names: Sequence[str]
    clean: CleanOptions
    personal: Counter[str]
    numeric: frozenset[str]
    _place: dict[str, int] = field(init=False)
    _features: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._place = {name: place for place, name in enumerate(self.names)}
        taken = set(self.mapping.columns())
        self._features = self.mapping.features or tuple(name for name in self.names if name not in taken)

    def __call__(self, cells: Sequence[str]) -> Example | Dropped:
        record = self._values(cells) if self.mapping.task == "tabular" else self._texts(cells)
        if isinstance(record, Dropped):
            return record
        label = self._label(cells, record)
        if isinstance(label, Dropped):
            return label
        if self.mapping.groups:
            record["groups"] = {name: cells[self._place[name]].strip() for name in self.mapping.groups}
        together = cells[self._place[self.mapping.together]].strip() if self.mapping.together else ""
        return Example(record, self._key(record), label, together, self._split(cells))

    def _texts(self, cells: Sequence[str]) -> dict[str, Any] | Dropped:
        record: dict[str, Any] = {}
        for part in TEXT_FIELDS[self.mapping.task]:
            text = clean_text(cells[self._place[getattr(self.mapping, part)]], self.clean)
            if not text:
                return Dropped("empty")
            if len(text) < self.clean.least:
                return Dropped("short")
            if self.clean.most and len(text) > self.clean.most:
                return Dropped("long")
            record[part] = mask_text(text, self.personal) if self.clean.mask else text
        return record

    def _values(self, cells: Sequence[str]) -> dict[str, Any] | Dropped:
        values: dict[str, Any] = {}
        for name in self._features:
            cell = cells[self._place[name]].strip()
            if cell.lower() in MISSING:
                values[name] = None
            elif name in self.numeric:
                number = _number(cell)
                if number is None:
                    return Dropped("not_a_number")
                values[name] = number
            else:
                cell = clean_text(cell, self.clean)
                values[name] = mask_text(cell, self.personal) if self.clean.mask else cell
        return {"values": values} if any(value is not None for value in values.values()) else Dropped("empty")

    def _label(self, cells: Sequence[str], record: dict[str, Any]) -> str | Dropped:
        if not self.mapping.label:
            return ""
        cell = unicodedata.normalize("NFC", " ".join(cells[self._place[self.mapping.label]].split()))
        if self.mapping.multi_label:
            labels = sorted(set(_several(cell, self.mapping.separator)))
            record["labels"] = labels
            unknown = [label for label in labels if self.mapping.labels and label not in self.mapping.labels]
            if unknown:
                return Dropped("unknown_label", unknown[0])
            return "\x1f".join(labels)
        if not cell:
            return Dropped("no_label")
        if self.mapping.label_kind == "score":
            number = _number(cell)
            if number is None:
                return Dropped("not_a_number")
            record["score"] = number
            return ""
        if self.mapping.labels and cell not in self.mapping.labels:
            return Dropped("unknown_label", cell)
        record["label"] = cell
        return cell

    def _key(self, record: Mapping[str, Any]) -> str:
        if self.mapping.task == "tabular":
            return json.dumps(record["values"], ensure_ascii=False, sort_keys=True)
        return "\x1f".join(text_key(record[part]) for part in TEXT_FIELDS[self.mapping.task])

    def _split(self, cells: Sequence[str]) -> int:
        if not self.mapping.split:
            return -1
        name = cells[self._place[self.mapping.split]].strip().lower()
        if name not in SPLIT_NAMES:
            raise BadInput("data.split_unknown", column=self.mapping.split, found=name)
        return SPLIT_NAMES[name]


def _several(cell: str, separator: str) -> Iterable[str]:
    """Labels of a cell: a JSON list, or pieces between separators; white space around them does not count."""
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [" ".join(str(item).split()) for item in found if str(item).strip()]
    return [" ".join(piece.split()) for piece in cell.split(separator) if piece.strip()]


def _number(cell: str) -> float | int | None:
    """A finite number; whole ones stay whole. None for anything else."""
    try:
        number = float(cell)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
