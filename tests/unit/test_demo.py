"""The demo workspace says what it claims: counts, formats, golden answers in their places, one contradiction."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.documents.load import load
from core.documents.screen import screen
from core.services.schedule import checked
from core.types import LoadedDocument

DEMO = Path(__file__).resolve().parents[2] / "demo"
DOCUMENTS = sorted(path for path in (DEMO / "documents").iterdir() if path.is_file())
SCAN = "inspection-record-scan.pdf"


@cache
def loaded(name: str) -> LoadedDocument:
    return load(DEMO / "documents" / name, name)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO / name).read_text(encoding="utf-8").splitlines()]


def rows(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def close(text: str) -> str:
    return "".join(text.split())


def test_every_format_and_both_languages_are_there() -> None:
    assert len(DOCUMENTS) >= 14
    formats = {path.suffix for path in DOCUMENTS}
    assert formats == {".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".md", ".html", ".txt", ".eml"}
    languages = Counter(loaded(path.name).language for path in DOCUMENTS if path.name != SCAN)
    assert languages["en"] >= 6
    assert languages["zh"] >= 6


def test_length_of_the_long_documents() -> None:
    assert len(loaded("larkmoss-sill-loft-user-manual.pdf").pages) >= 20
    assert len(loaded("朗苔种植手册.pdf").pages) >= 10


def test_files_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in DEMO.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 1024 * 1024, max(sizes, key=lambda name: sizes[name])
    assert sum(sizes.values()) < 4 * 1024 * 1024


def test_one_text_is_gb18030_and_read_right() -> None:
    data = (DEMO / "documents" / "学生与教师优惠.txt").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert "学信网" in loaded("学生与教师优惠.txt").text


def test_nothing_for_customers_is_held_for_review() -> None:
    held = {path.name: flags for path in DOCUMENTS if path.name != SCAN and (flags := screen(loaded(path.name)))}
    assert held == {}


def test_review_documents_are_held() -> None:
    kinds = {}
    for path in sorted((DEMO / "review").iterdir()):
        kinds[path.name] = {flag.kind for flag in screen(load(path, path.name))}
    assert kinds["integration-notes.md"] == {"secret"}
    assert {"hidden_text", "instruction"} <= kinds["partner-leaflet.pdf"]


def test_counts_of_questions() -> None:
    faq, golden = lines("faq.jsonl"), lines("golden.jsonl")
    assert Counter(entry["language"] for entry in faq) == {"en": 22, "zh": 18}
    assert all(entry["answer"] and entry["phrasings"] and entry["tags"] for entry in faq)
    assert Counter(question["answerable"] for question in golden) == {True: 40, False: 20}
    assert len({question["question"] for question in golden}) == 60
    assert len({question["document"] for question in golden if question["answerable"]}) >= 10
    assert {question["language"] for question in golden} == {"en", "zh"}
    asked = {close(text).lower() for entry in faq for text in (entry["question"], *entry["phrasings"])}
    assert not asked & {close(question["question"]).lower() for question in golden}


@pytest.mark.parametrize(
    "question",
    [q for q in lines("golden.jsonl") if q["answerable"] and q["document"] != SCAN],
    ids=lambda question: question["question"][:40],
)
def test_golden_answer_stands_on_its_page(question: dict[str, Any]) -> None:
    document = loaded(question["document"])
    page = document.pages[question["page"] - 1]
    assert question["answer"] in document.text[page.start : page.end]


def test_golden_answers_of_the_scan_are_read() -> None:
    questions = [q for q in lines("golden.jsonl") if q["document"] == SCAN]
    document = loaded(SCAN)
    assert len(questions) >= 2
    assert all(page.scanned for page in document.pages)
    for question in questions:
        page = document.pages[question["page"] - 1]
        assert question["answer"] in document.text[page.start : page.end]


def test_unanswerable_questions_name_no_place() -> None:
    for question in lines("golden.jsonl"):
        if not question["answerable"]:
            assert question["document"] is question["page"] is question["answer"] is None


def test_exactly_two_documents_contradict_each_other() -> None:
    said = {path.name: loaded(path.name).text for path in DOCUMENTS if path.name != SCAN}
    promise = {name: " ".join(text.split()) for name, text in said.items()}
    found = {
        name: days
        for name, text in promise.items()
        for days in (21, 28)
        if f"has not sprouted within {days} days of planting" in text
    }
    assert found == {"newsletter-2025-05.eml": 21, "warranty-and-returns-policy.pdf": 28}
    naming = {name for name, text in promise.items() if "sprout promise" in text.lower()}
    assert naming == set(found)


def test_workspace_settings_are_accepted() -> None:
    about = json.loads((DEMO / "workspace.json").read_text(encoding="utf-8"))
    hours = checked(about["settings"]["opening_hours"])
    assert hours["zone"] == "Europe/London"
    assert hours["days"]["sat"] == [["10:00", "14:00"]]
    assert set(about["settings"]["greeting"]) == {"en", "zh"}


def test_reviews_and_items_fit_together() -> None:
    items, reviews = rows("items.csv"), rows("reviews.csv")
    assert len(items) >= 60
    assert len({item["sku"] for item in items}) == len(items)
    assert len(reviews) == 200
    assert {review["sku"] for review in reviews} <= {item["sku"] for item in items} | {"APP"}
    assert len({review["text"] for review in reviews}) == 200
    ratings = Counter(review["rating"] for review in reviews)
    assert set(ratings) == set("12345")
    assert min(Counter(review["language"] for review in reviews).values()) >= 80


def test_prices_of_items_and_price_list_agree() -> None:
    listed = {row["sku"]: (row["GBP"], row["CNY"]) for row in rows("source/prices.csv")}
    sold = {item["sku"]: (item["price_gbp"], item["price_cny"]) for item in rows("items.csv")}
    assert {sku: sold.get(sku) for sku in listed} == listed


def test_build_gives_the_same_text(tmp_path: Path) -> None:
    build = pytest.importorskip("demo.build", reason="the development requirements are not installed")
    fonts = pytest.importorskip("demo.make.pdf")
    missing = [place for place in fonts.FONTS.values() if not (fonts.FONT_ROOT / place).exists()]
    if missing:
        pytest.skip(f"fonts are missing: {', '.join(missing)} (fonts-liberation, fonts-wqy-microhei)")
    for path in build.build(tmp_path):
        committed = DEMO / path.relative_to(tmp_path)
        if path.name == SCAN:
            assert abs(path.stat().st_size - committed.stat().st_size) < 20_000
        else:
            assert load(path, path.name).text == load(committed, path.name).text, path.name
