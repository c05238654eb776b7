"""The lint: each fault planted in a clean data set is found, and a clean one has none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from core.text.catalogue import LANGUAGES, catalogue
from core.training.datasets.lint import Finding, LintOptions, lint_rows
from core.training.datasets.lint_labels import one_off
from core.training.datasets.lint_texts import token_estimate
from core.training.watch import Quiet, Watch

QUIET = Quiet(1e9)
Splits = dict[str, list[dict[str, Any]]]


def clean(seed: int = 0) -> Splits:
    """Texts of three classes, all distinct, 300 / 60 / 60 rows."""
    generator = random.Random(seed)
    words = {
        "refund": "money back refund charged twice payment 退款 退钱".split(),
        "delivery": "parcel courier late delivery address 快递 发货".split(),
        "account": "password login account locked reset 登录 密码".split(),
    }
    filler = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("ola", "eru", "ixu", "ast", "ong")]
    splits: Splits = {}
    line = 1
    for name, count in (("train", 300), ("validation", 60), ("test", 60)):
        splits[name] = []
        for number in range(count):
            label = list(words)[number % 3]
            line += 1
            text = " ".join([*generator.choices(words[label], k=3), *generator.sample(filler, 6)])
            splits[name].append({"text": text, "label": label, "file": 0, "line": line})
    return splits


def lint(splits: Splits, **options: Any) -> dict[str, Finding]:
    found = lint_rows(splits, "text_classification", QUIET, columns=("text",), options=LintOptions(**options))
    by_code = {finding.code: finding for finding in found}
    for finding in found:
        for language in LANGUAGES:
            assert len(finding.sentence(language)) > 15
    return by_code


def test_a_clean_data_set_has_no_findings() -> None:
    assert lint(clean()) == {}


def test_a_leak_names_both_rows() -> None:
    splits = clean()
    splits["test"][7]["text"] = splits["train"][4]["text"].upper() + " !!"
    splits["test"][7]["label"] = splits["train"][4]["label"]
    found = lint(splits)
    assert set(found) == {"leak"}
    assert (found["leak"].severity, found["leak"].count) == ("error", 1)
    place = found["leak"].rows[0]
    assert (place.split, place.row, place.line, place.other) == ("test", 7, splits["test"][7]["line"], "train:4")
    assert "1 rows say the same" in found["leak"].sentence()


def test_a_near_leak_is_found_across_splits() -> None:
    splits = clean()
    splits["validation"][3] = {**splits["train"][9], "text": splits["train"][9]["text"] + " z"}
    found = lint(splits)
    assert set(found) == {"near_leak"}
    assert found["near_leak"].rows[0].other == "train:9"


def test_copies_within_a_split() -> None:
    splits = clean()
    splits["train"] += [dict(splits["train"][0]), {**splits["train"][1], "label": "account"}]
    splits["train"].append({**splits["train"][2], "text": splits["train"][2]["text"] + " z"})
    found = lint(splits)
    assert {code: finding.count for code, finding in found.items()} == {
        "duplicate": 2, "conflict": 1, "near_duplicate": 1,
    }  # fmt: skip
    assert found["conflict"].rows[0].other == "train:1"


def test_empty_tiny_and_overlong_texts() -> None:
    splits = clean()
    splits["train"][0]["text"] = "  "
    splits["train"][1]["text"] = "?!"
    splits["train"][2]["text"] = "word " * 400
    splits["train"][3]["text"] = "字" * 150
    found = lint(splits)
    assert {code: finding.count for code, finding in found.items()} == {"empty": 1, "overlong": 2}
    assert found["overlong"].values["longest"] == 520
    splits["train"][1]["text"] = "a!"
    assert lint(splits)["tiny"].rows[0].row == 1
    assert "overlong" not in lint(splits, max_tokens=600)


def test_tokens_are_estimated_in_both_languages() -> None:
    assert token_estimate("这很好") == 3
    assert token_estimate("ten words " * 5) == 13
    assert token_estimate("我用 iPhone 15") == 5


def test_classes_that_cannot_be_learnt() -> None:
    splits = clean()
    splits["train"][0]["label"] = splits["train"][3]["label"] = "rare"
    splits["test"][0]["label"] = "never"
    found = lint(splits)
    assert found["rare_class"].values["labels"] == "rare (2)"
    assert {row.row for row in found["rare_class"].rows} == {0, 3}
    assert found["untrained_class"].rows[0].row == 0
    assert found["absent_class"].values["labels"] == "rare"
    assert found["imbalance"].values == {"largest": "delivery", "most": 100, "smallest": "rare", "least": 2}
    for row in splits["train"]:
        row["label"] = "same"
    assert lint(splits)["one_class"].severity == "error"


def test_spellings_of_one_label() -> None:
    splits = clean()
    splits["train"][0]["label"] = "Refund "
    splits["train"][1]["label"] = "delivrey"
    splits["test"][2]["label"] = "acount"
    found = lint(splits)["label_variants"]
    assert found.count == 3
    assert {row.note for row in found.rows} == {"refund", "delivery", "account"}


@pytest.mark.parametrize(
    ("label", "other", "near"),
    [
        ("positive", "postive", True),
        ("positive", "posittive", True),
        ("positive", "positvie", True),
        ("positive", "positiva", True),
        ("positive", "negative", False),
        ("level 1", "level 2", False),
        ("good", "food", False),
        ("card_arrival", "card-arrivel", True),
    ],
)
def test_one_letter_off(label: str, other: str, near: bool) -> None:
    assert one_off(label, other) is near
    assert one_off(other, label) is near


def test_small_splits_and_personal_data() -> None:
    splits = clean()
    splits["test"] = splits["test"][:20]
    splits["train"][5]["text"] += " call 13812345678 or a@b.com"
    found = lint(splits)
    assert found["small_split"].values == {"split": "test", "margin": 21.9}
    assert found["personal"].values == {"kinds": "email 1, phone 1"}
    assert found["personal"].rows[0].row == 5
    assert "personal" not in lint(splits, personal=False)


@dataclass
class Doubt:
    row: int
    given: int
    suggested: int
    sureness: float


def test_doubted_labels_come_from_the_hook() -> None:
    splits = clean()
    asked: list[tuple[int, int, list[str]]] = []

    def doubts(texts: Sequence[str], classes: Sequence[int], names: Sequence[str], watch: Watch) -> list[Doubt]:
        asked.append((len(texts), len(set(classes)), list(names)))
        return [Doubt(310, 0, 2, 0.9), Doubt(5, 1, 0, 0.8)]

    found = lint_rows(splits, "text_classification", QUIET, columns=("text",), label_errors=doubts)
    assert asked == [(420, 3, ["account", "delivery", "refund"])]
    assert [finding.code for finding in found] == ["label_error"]
    assert [(row.split, row.row, row.note) for row in found[0].rows] == [
        ("validation", 10, "account → refund"), ("train", 5, "delivery → account"),
    ]  # fmt: skip
    assert found[0].values == {"percent": 0.5}


def test_without_enough_rows_nobody_is_asked_about_labels() -> None:
    def never(*_: object) -> Sequence[Any]:
        raise AssertionError("asked")

    splits = {"train": clean()["train"][:12]}
    lint_rows(splits, "text_classification", QUIET, columns=("text",), label_errors=never)


def test_several_labels_and_pairs() -> None:
    splits = clean()
    several = {
        name: [{"text": row["text"], "labels": [row["label"], "all"], "line": row["line"]} for row in rows]
        for name, rows in splits.items()
    }
    assert lint(several) == {}
    pairs = {"train": [{"first": "a b c d", "second": str(n), "score": 0.5} for n in range(9)]}
    found = lint_rows(pairs, "sentence_pair", QUIET, columns=("first", "second"))
    assert {finding.code for finding in found} <= {"near_duplicate"}


def test_columns_of_a_table() -> None:
    generator = random.Random(1)
    rows = [
        {
            "values": {
                "age": generator.randrange(90), "same": "x", "id": f"case {n}", "gap": None if n % 2 else n / 7,
                "outcome": "paid" if n % 3 else "lost",
            },
            "label": "good" if n % 3 else "bad", "line": n,
        }
        for n in range(300)
    ]  # fmt: skip
    rows[7]["values"] = dict(rows[250]["values"])
    splits = {"train": rows[:200], "validation": rows[200:], "test": []}
    found = {finding.code: finding for finding in lint_rows(splits, "tabular", QUIET)}
    assert {code: finding.values.get("column") for code, finding in found.items()} == {
        "giveaway": "outcome", "constant_column": "same", "id_column": "id", "missing_values": "gap", "leak": None,
    }  # fmt: skip
    assert found["leak"].rows[0].other == "train:7"


def test_every_finding_has_its_sentence() -> None:
    english = {key for key in catalogue("en") if key.startswith("lint.findings.")}
    assert {key for key in catalogue("zh") if key.startswith("lint.findings.")} == english
    assert len(english) >= 20
