"""Versions of data sets: every row is accounted for, nothing crosses splits, nothing half-made is listed."""

from __future__ import annotations

import errno
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import BadInput, Cancelled, Unavailable
from core.training.datasets import store as dataset_store
from core.training.datasets.augment import AugmentOptions, augment_record, augment_text
from core.training.datasets.build import Part, build_version
from core.training.datasets.cleaning import CleanOptions, text_key
from core.training.datasets.mapping import ColumnMapping, suggest_mapping
from core.training.datasets.near_duplicates import THRESHOLD, shingles
from core.training.datasets.splitting import SPLITS, SplitOptions
from core.training.datasets.store import (
    DRAFT,
    Version,
    list_versions,
    read_examples,
    read_rows,
    read_version,
    sweep_drafts,
    version_folder,
)
from core.training.datasets.tables import ReadOptions, Table, read_table
from core.training.watch import Quiet

QUIET = Quiet(1e9)
REVIEWS = ColumnMapping(task="text_classification", text="text", label="label")


def table(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Table:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return read_table(folder / name, name, ReadOptions(), QUIET)


def reviews(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Distinct reviews of two classes in two languages."""
    generator = random.Random(seed)
    good = ["great", "lovely", "质量很好", "喜欢"]
    bad = ["broken", "awful", "太差了", "退货"]
    things = ["shoes", "lamp", "phone", "coffee", "手机", "鞋子", "耳机", "咖啡", "order", "service", "快递", "客服"]
    rows = []
    for number in range(count):
        label = "good" if number % 3 else "bad"
        words = [
            generator.choice(good if label == "good" else bad),
            *generator.choices(things, k=5),
            str(number * 7919),
        ]
        rows.append({"text": " ".join(words), "label": label})
    return rows


def build(root: Path, rows: list[dict[str, Any]], mapping: ColumnMapping = REVIEWS, **options: Any) -> Version:
    return build_version([Part(table(root / "files", rows))], mapping, root / "versions", QUIET, **options)


def stored(root: Path, version: Version) -> dict[str, list[dict[str, Any]]]:
    folder = version_folder(root / "versions", version.id)
    return {name: list(read_rows(folder, name)) for name in SPLITS}


# --- what is kept and what is not ---------------------------------------------------------------------------


def test_a_version_holds_every_row_once(tmp_path: Path) -> None:
    rows = reviews(200)
    version = build(tmp_path, rows)
    found = stored(tmp_path, version)
    texts = Counter(record["text"] for records in found.values() for record in records)
    assert texts == Counter(row["text"] for row in rows)
    assert version.splits == {"train": 160, "validation": 20, "test": 20}
    assert version.labels == ("bad", "good")
    assert (version.read, version.kept, version.dropped) == (200, 200, {})
    assert all(rows[record["line"] - 1]["text"] == record["text"] for record in found["test"])
    for name in SPLITS:
        share = version.class_counts[name]["bad"] / version.splits[name]
        assert abs(share - 1 / 3) < 0.06


def test_dropped_rows_are_counted_with_their_lines(tmp_path: Path) -> None:
    rows = reviews(60)
    rows[3]["text"] = " \u200b "
    rows[4]["label"] = " "
    rows[5]["text"] = "x" * 300
    rows[6]["text"] = "ok"
    rows[7] = {"text": rows[8]["text"].upper() + "!!!", "label": rows[8]["label"]}
    rows[10] = {"text": rows[9]["text"], "label": "bad" if rows[9]["label"] == "good" else "good"}
    version = build(tmp_path, rows, clean=CleanOptions(least=3, most=200))
    assert version.dropped == {"conflict": 2, "duplicate": 1, "empty": 1, "long": 1, "no_label": 1, "short": 1}
    assert version.dropped_lines["empty"] == [["rows.jsonl", 4]]
    assert version.dropped_lines["duplicate"] == [["rows.jsonl", 9]]
    assert version.dropped_lines["conflict"] == [["rows.jsonl", 10], ["rows.jsonl", 11]]
    assert version.read == version.kept + sum(version.dropped.values())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_nothing_crosses_splits(tmp_path: Path, seed: int, duplicates: bool, together: bool) -> None:
    """Neither equal nor nearly equal rows, nor rows of one customer, stand in two splits; every row is counted."""
    generator = random.Random(seed)
    rows = reviews(60, seed)
    for _ in range(40):
        copied = dict(generator.choice(rows))
        text = list(copied["text"])
        for _ in range(generator.randrange(3)):
            text[generator.randrange(len(text))] = generator.choice("qz ,")
        copied["text"] = "".join(text)
        rows.append(copied)
    for row in rows:
        row["customer"] = str(generator.randrange(30))
    mapping = ColumnMapping(
        task="text_classification", text="text", label="label", together="customer" if together else ""
    )
    version = build(tmp_path, rows, mapping, clean=CleanOptions(duplicates=duplicates), split=SplitOptions(seed=seed))
    assert version.read == version.kept + sum(version.dropped.values())
    places: dict[str, set[str]] = {}
    found = stored(tmp_path, version)
    for name, records in found.items():
        for record in records:
            places.setdefault(text_key(record["text"]), set()).add(name)
            if together:
                places.setdefault("#" + rows[record["line"] - 1]["customer"], set()).add(name)
    assert all(len(names) == 1 for names in places.values())
    held_out = [shingles(record["text"]) for name in SPLITS[1:] for record in found[name]]
    for mine in (shingles(record["text"]) for record in found["train"]):
        assert all(len(mine & other) < THRESHOLD * len(mine | other) for other in held_out)


def test_given_splits_keep_the_held_out_copy(tmp_path: Path) -> None:
    training, testing = reviews(90), reviews(30, seed=5)
    training[10] = {"text": testing[0]["text"] + " !", "label": testing[0]["label"]}
    training[11] = {"text": testing[1]["text"].replace("a", "o", 1) + "x", "label": testing[1]["label"]}
    parts = [
        Part(table(tmp_path / "files", training, "train.jsonl"), "train"),
        Part(table(tmp_path / "files", testing, "test.jsonl"), "test"),
    ]
    version = build_version(parts, REVIEWS, tmp_path / "versions", QUIET)
    found = stored(tmp_path, version)
    assert Counter(record["text"] for record in found["test"]) == Counter(row["text"] for row in testing)
    assert {"leak", "near_leak"} >= set(version.dropped) >= {"leak"}
    assert ["train.jsonl", 11] in version.dropped_lines["leak"]
    assert version.splits["validation"] > 0, "validation is taken from training where no file gives it"
    assert version.splits["train"] + version.splits["validation"] == 90 - sum(version.dropped.values())


def test_a_column_may_say_the_split(tmp_path: Path) -> None:
    rows = [{**row, "split": ("train", "dev", "测试")[number // 30]} for number, row in enumerate(reviews(90))]
    mapping = ColumnMapping(task="text_classification", text="text", label="label", split="split")
    version = build(tmp_path, rows, mapping)
    assert version.splits == {"train": 30, "validation": 30, "test": 30}
    rows[0]["split"] = "holdout"
    with pytest.raises(BadInput, match='says "holdout", which is no split'):
        build(tmp_path, rows, mapping)


def test_near_duplicates_go_when_asked(tmp_path: Path) -> None:
    rows = reviews(60)
    long = "I bought this lamp three weeks ago and the light of it still flickers every evening"
    rows += [{"text": long + end, "label": "bad"} for end in ("", ".", " x", " y", "!")]
    version = build(tmp_path, rows, clean=CleanOptions(near_duplicates=True))
    assert version.dropped == {"duplicate": 2, "near_duplicate": 2}
    assert build(tmp_path, rows).dropped == {"duplicate": 2}


# --- tasks --------------------------------------------------------------------------------------------------


def test_several_labels(tmp_path: Path) -> None:
    rows = reviews(80)
    for number, row in enumerate(rows):
        row["label"] = ["a|b", " b ", "", '["a", "c d"]'][number % 4]
    mapping = ColumnMapping(task="text_classification", text="text", label="label", multi_label=True)
    version = build(tmp_path, rows, mapping)
    assert version.labels == ("a", "b", "c d")
    records = [record for records in stored(tmp_path, version).values() for record in records]
    assert Counter(tuple(record["labels"]) for record in records) == {
        ("a", "b"): 20, ("b",): 20, (): 20, ("a", "c d"): 20,
    }  # fmt: skip
    texts, targets = read_examples(version_folder(tmp_path / "versions", version.id), "train", version)
    assert len(texts) == version.splits["train"]
    assert {tuple(target) for target in targets} == {(0, 1), (1,), (), (0, 2)}


def test_sentence_pairs_with_a_score(tmp_path: Path) -> None:
    rows = [{"q": f"question {n}", "a": f"answer {n * 31}", "s": n / 50} for n in range(50)]
    mapping = ColumnMapping(task="sentence_pair", first="q", second="a", label="s", label_kind="score")
    version = build(tmp_path, rows, mapping)
    inputs, targets = read_examples(version_folder(tmp_path / "versions", version.id), "test", version)
    assert version.labels == ()
    assert all(isinstance(one, tuple) and len(one) == 2 for one in inputs)
    assert all(0 <= target < 1 for target in targets)


def test_prompts_and_responses_keep_their_lines(tmp_path: Path) -> None:
    rows = [{"prompt": f"name[{n}]\nfood[x]", "response": f"line {n}\n\nsecond"} for n in range(30)]
    version = build(tmp_path, rows, suggest_mapping(table(tmp_path / "files", rows), "prompt_response"))
    assert stored(tmp_path, version)["train"][0]["response"].count("\n") == 2


def test_running_text_is_split_in_order(tmp_path: Path) -> None:
    lines = [f"ROMEO {number}:" if number % 2 else "All:" for number in range(400)]
    telling = "a long line that is telling because it is much longer than forty characters"
    lines[5] = lines[395] = telling
    (tmp_path / "play.txt").write_text("\n".join(lines))
    read = read_table(tmp_path / "play.txt", "play.txt", ReadOptions(), QUIET)
    version = build_version(
        [Part(read)], ColumnMapping(task="language_model", text="text"), tmp_path / "versions", QUIET
    )
    found = stored(tmp_path, version)
    joined = [record["text"] for name in SPLITS for record in found[name]]
    assert joined == [line for number, line in enumerate(lines) if number != 5]
    assert version.dropped == {"leak": 1}
    assert version.splits == {"train": 319, "validation": 40, "test": 40}


def test_tabular_rows_keep_numbers_words_and_gaps(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "age": str(20 + n % 40),
            "city": "上海" if n % 2 else "NA",
            "income": f"{n * 1.5}",
            "sex": "fm"[n % 2],
            "y": n % 2,
        }
        for n in range(100)
    ]
    rows[0]["age"], rows[1]["age"], rows[2]["age"] = "nan", "inf", "old"
    mapping = ColumnMapping(task="tabular", label="y", groups=("sex",))
    version = build(tmp_path, rows, mapping)
    assert version.columns == ("age", "city", "income")
    assert version.labels == ("0", "1")
    assert version.dropped == {"not_a_number": 2}
    by_line = {record["line"]: record for records in stored(tmp_path, version).values() for record in records}
    assert by_line[1]["values"] == {"age": None, "city": None, "income": 0}
    assert by_line[4]["values"] == {"age": 23, "city": "上海", "income": 4.5}
    assert by_line[4]["groups"] == {"sex": "m"}


def test_personal_data_is_masked_on_request(tmp_path: Path) -> None:
    rows = reviews(40)
    rows[0]["text"] += " 电话13812345678"
    rows[1]["text"] += " mail a@b.com"
    assert build(tmp_path, rows).personal == {}
    version = build(tmp_path, rows, clean=CleanOptions(mask=True))
    assert version.personal == {"email": 1, "phone": 1}
    texts = [record["text"] for records in stored(tmp_path, version).values() for record in records]
    assert sum("[PHONE_1]" in text for text in texts) == 1
    assert not any("13812345678" in text or "a@b.com" in text for text in texts)


def test_columns_are_suggested(tmp_path: Path) -> None:
    rows = [{"id": n, "review": f"some words about number {n}", "stars": str(n % 5)} for n in range(50)]
    found = suggest_mapping(table(tmp_path / "files", rows), "text_classification")
    assert (found.text, found.label) == ("review", "stars")
    with pytest.raises(BadInput, match='looks like "second"'):
        suggest_mapping(table(tmp_path / "files", [{"only": f"text {n}"} for n in range(9)]), "sentence_pair")


# --- augmentation -------------------------------------------------------------------------------------------


def test_augmented_rows_are_training_rows_and_marked(tmp_path: Path) -> None:
    rows = reviews(120)
    plain, varied = build(tmp_path, rows), build(tmp_path, rows, augment=AugmentOptions(copies=2))
    before, after = stored(tmp_path, plain), stored(tmp_path, varied)
    assert before["validation"] == after["validation"]
    assert before["test"] == after["test"]
    added = [record for record in after["train"] if record.get("augmented")]
    assert len(added) == varied.augmented > 100
    assert [record for record in after["train"] if not record.get("augmented")] == before["train"]
    known = {text_key(row["text"]) for row in rows}
    assert not any(text_key(record["text"]) in known for record in added)
    assert all(rows[record["line"] - 1]["label"] == record["label"] for record in added)
    assert varied.splits == plain.splits
    folder = version_folder(tmp_path / "versions", varied.id)
    assert len(list(read_rows(folder, "train", augmented=False))) == plain.splits["train"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.integers(0, 99))
def test_augmentation_leaves_the_meaning_words(text: str, seed: int) -> None:
    kept = ["not", "isn't", "不", "没", "[PHONE_1]", "42", "NASA"]
    sentence = f"{text} this is not good 我不喜欢 but it isn't 42 没有 [PHONE_1] at NASA either"
    generator = random.Random(seed)
    varied = augment_text(sentence, generator, AugmentOptions(swap=0.3, delete=0.3, noise=0.3))
    for word in kept:
        assert varied.count(word) >= sentence.count(word) - text.count(word)


def test_the_same_record_gives_the_same_copies() -> None:
    record = {"text": "the coffee was cold and the service slow", "label": "bad"}
    one = list(augment_record(record, ("text",), AugmentOptions(copies=3)))
    assert one == list(augment_record(record, ("text",), AugmentOptions(copies=3)))
    assert one != list(augment_record(record, ("text",), AugmentOptions(copies=3, seed=1)))
    assert len({copy["text"] for copy in one}) == len(one) > 0
    assert list(augment_record({"text": "not 3", "label": "x"}, ("text",), AugmentOptions())) == []


# --- bad input ----------------------------------------------------------------------------------------------


def _with(change: Callable[[list[dict[str, str]]], None], count: int = 60) -> list[dict[str, str]]:
    rows = reviews(count)
    change(rows)
    return rows


@pytest.mark.parametrize(
    ("change", "mapping", "code"),
    [
        (lambda rows: [row.update(label="x") for row in rows], REVIEWS, "data.one_class"),
        (lambda rows: [row.update(label=f"x{n}") for n, row in enumerate(rows)], REVIEWS, "data.too_many_classes"),
        (lambda rows: [row.update(text=" ") for row in rows], REVIEWS, "data.all_empty"),
        (lambda rows: [row.update(label="") for row in rows], REVIEWS, "data.all_no_label"),
        (lambda rows: rows.__delitem__(slice(2, None)), REVIEWS, "data.too_few_rows"),
        (
            lambda rows: None,
            ColumnMapping(task="text_classification", text="text", label="label", labels=("good",)),
            "data.unknown_labels",
        ),
        (
            lambda rows: None,
            ColumnMapping(task="text_classification", text="body", label="label"),
            "data.column_missing",
        ),
        (lambda rows: None, ColumnMapping(task="tabular", label="label", features=("label",)), "data.no_features"),
        (
            lambda rows: [row.update(score="high") for row in rows],
            ColumnMapping(task="sentence_pair", first="text", second="label", label="score", label_kind="score"),
            "data.all_not_a_number",
        ),
    ],
)
def test_what_cannot_be_learnt_from_ends_in_a_sentence(
    tmp_path: Path, change: Callable[[list[dict[str, str]]], None], mapping: ColumnMapping, code: str
) -> None:
    with pytest.raises(BadInput) as caught:
        build(tmp_path, _with(change), mapping)
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert len(caught.value.sentence(language)) > 15
    assert list_versions(tmp_path / "versions") == []
    assert list((tmp_path / "versions").glob("*")) == [], "no draft is left either"


def test_given_splits_that_do_not_fit_end_in_a_sentence(tmp_path: Path) -> None:
    training = Part(table(tmp_path / "files", reviews(40), "a.jsonl"), "train")
    other = reviews(20, seed=9)
    other[0]["label"] = other[1]["label"] = "strange"
    with pytest.raises(BadInput, match="never in training: strange"):
        build_version(
            [training, Part(table(tmp_path / "files", other, "b.jsonl"), "test")], REVIEWS, tmp_path / "v", QUIET
        )
    with pytest.raises(BadInput, match="No rows are left for train"):
        build_version([Part(training.table, "test")], REVIEWS, tmp_path / "v", QUIET)
    with pytest.raises(BadInput, match="No file was chosen"):
        build_version([], REVIEWS, tmp_path / "v", QUIET)


def test_a_part_that_no_column_plays() -> None:
    with pytest.raises(BadInput, match='which column is "label"'):
        ColumnMapping(task="text_classification", text="text")
    with pytest.raises(BadInput, match="cannot be translation"):
        ColumnMapping(task="translation")  # type: ignore[arg-type]


# --- on disk ------------------------------------------------------------------------------------------------


def test_the_id_names_what_the_version_holds(tmp_path: Path) -> None:
    one = build(tmp_path, reviews(60))
    again = build(tmp_path, reviews(60))
    assert again == one
    assert build(tmp_path, reviews(60), split=SplitOptions(seed=1)).id != one.id
    assert build(tmp_path, reviews(61)).id != one.id
    assert {version.id for version in list_versions(tmp_path / "versions")} >= {one.id}
    assert read_version(version_folder(tmp_path / "versions", one.id)) == one


def test_a_damaged_version_says_so(tmp_path: Path) -> None:
    version = build(tmp_path, reviews(60))
    folder = version_folder(tmp_path / "versions", version.id)
    (folder / "test.jsonl").write_text("{}\n")
    with pytest.raises(Unavailable, match=r"test\.jsonl is missing or was changed"):
        read_version(folder)
    rebuilt = build(tmp_path, reviews(60))
    assert rebuilt.id == version.id
    assert read_version(folder) == version, "building it again mends it"
    (folder / "dataset.json").write_text("{")
    with pytest.raises(Unavailable, match="is damaged"):
        read_version(folder)
    (folder / "dataset.json").unlink()
    with pytest.raises(Unavailable, match="not a finished data set"):
        read_version(folder)
    assert list_versions(tmp_path / "versions") == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(dataset_store, "_flush", full)
    with pytest.raises(Unavailable, match="disk is full") as caught:
        build(tmp_path, reviews(60))
    assert "磁盘已满" in caught.value.sentence("zh")
    assert list((tmp_path / "versions").iterdir()) == []


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    class Stopping(Quiet):
        def step(self, stage: str, done: int, total: int) -> None:
            if stage == "write":
                raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        build_version([Part(table(tmp_path / "f", reviews(60)))], REVIEWS, tmp_path / "versions", Stopping())
    assert list((tmp_path / "versions").iterdir()) == []


def test_what_a_killed_build_left_is_swept(tmp_path: Path) -> None:
    version = build(tmp_path, reviews(60))
    root = tmp_path / "versions"
    shutil.copytree(version_folder(root, version.id), root / f"{DRAFT}abc")
    assert len(list_versions(root)) == 1, "a draft is never listed, however whole it looks"
    assert sweep_drafts(root) == 0, "it may still be another process's"
    assert sweep_drafts(root, older_than=0.0) == 1
    assert len(list(root.iterdir())) == 1


def test_chnsenticorp_as_its_readme_says(tmp_path: Path, shared_data: Path) -> None:
    """858 dev rows are not in train; 1,367 training rows repeat another one."""
    folder = shared_data / "chnsenticorp"
    read = {name: read_table(folder / f"{name}.tsv", f"{name}.tsv", ReadOptions(), QUIET) for name in ("train", "dev")}
    mapping = ColumnMapping(task="text_classification", text="column_1", label="column_2")
    parts = [Part(read["train"], "train"), Part(read["dev"], "test")]
    version = build_version(parts, mapping, tmp_path, QUIET, split=SplitOptions(near=False))
    assert version.read == 10_800
    assert 1_330 <= version.dropped["duplicate"] <= 1_420
    assert 330 <= version.dropped["leak"] <= 360
    keys = {
        name: {text_key(r["text"]) for r in read_rows(version_folder(tmp_path, version.id), name)} for name in SPLITS
    }
    assert not keys["train"] & keys["test"]
    assert not keys["validation"] & keys["test"]
