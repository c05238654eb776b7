"""The report says what the figures say, keeps its format, and is safe to open."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput
from core.text.catalogue import catalogue
from core.training.classification.folds import FoldScores
from core.training.reports.build import General, HeldOut, Outcome, make_report, most_frequent
from core.training.reports.html import to_html
from core.training.reports.report import SCHEMA, Report, from_json, to_json
from core.training.reports.slices import has_negation, slices
from core.training.reports.wording import sentence

LABELS = ["bad", "good"]


def outcome(name: str, gold: np.ndarray, right: float, seed: int = 0, sureness: float = 0.9) -> Outcome:
    """A model that is right on this share of the rows and says so with this probability."""
    generator = np.random.default_rng(seed)
    said = np.where(generator.random(len(gold)) < right, gold, 1 - gold)
    chances = np.where(said[:, None] == np.arange(2), sureness, 1 - sureness)
    return Outcome(name, chances)


def held_out(count: int = 400, **more: Any) -> HeldOut:
    generator = np.random.default_rng(9)
    gold = generator.integers(0, 2, count)
    lengths = generator.integers(1, 120, count)
    texts = [
        f"row {number} " + ("不好" if number % 4 == 0 else "word ") * int(lengths[number]) for number in range(count)
    ]
    return HeldOut(gold, LABELS, texts, **more)


def report(before: float = 0.5, after: float = 0.85, count: int = 400, **more: Any) -> Report:
    rows = held_out(count, **more.pop("held", {}))
    gold = np.asarray(rows.gold)
    sides = outcome("base", gold, before), outcome("tuned", gold, after, seed=1, sureness=more.pop("sureness", 0.85))
    return make_report(rows, *sides, name="sentiment", resamples=500, **more)


@pytest.mark.parametrize(
    ("before", "after", "count", "verdict"),
    [
        (0.5, 0.85, 400, "learned"),
        (0.85, 0.5, 400, "worse"),
        (0.8, 0.8, 200, "unsure"),
        (0.5, 0.9, 20, "too_few"),
        (0.1, 0.45, 400, "no_better_than_guessing"),
    ],
)
def test_the_verdict_follows_the_interval(before: float, after: float, count: int, verdict: str) -> None:
    assert report(before, after, count).verdict.key == f"verdict.{verdict}"


def test_a_sure_but_small_gain_is_called_a_little() -> None:
    rows = held_out(3000)
    gold = np.asarray(rows.gold)
    before = outcome("base", gold, 0.9)
    chances = np.array(before.probabilities)
    wrong = np.flatnonzero(chances.argmax(axis=1) != gold)[:40]
    chances[wrong] = chances[wrong][:, ::-1]
    found = make_report(rows, before, Outcome("tuned", chances), name="m", resamples=500)
    assert found.verdict.key == "verdict.learned_little"
    assert (found.comparisons[0].fixed, found.comparisons[0].broken) == (40, 0)
    same = make_report(rows, before, replace(before, name="again"), name="m", resamples=500)
    assert same.verdict.key == "verdict.same"


def test_the_verdict_can_go_by_auc() -> None:
    found = report(primary="auc")
    assert found.verdict.values["after"] == found.after.scores.auc
    assert re.search(r"AUC rose from 0\.\d{3} to 0\.\d{3}", sentence(found.verdict, "en"))


def notes_of(found: Report) -> set[str]:
    return {note.key.removeprefix("note.") for note in found.notes}


def test_a_better_simple_model_is_named() -> None:
    gold = np.asarray(held_out().gold)
    others = [outcome("words", gold, 0.97, seed=5), outcome("noise", gold, 0.5, seed=6)]
    found = report(others=others)
    assert {"beside_worse", "beside_better"} <= notes_of(found)
    text = sentence(next(note for note in found.notes if note.key == "note.beside_worse"), "en")
    assert text.startswith("words is surely better")


def test_overconfidence_is_said_and_measured() -> None:
    loud = report(after=0.7, sureness=0.99)
    assert "overconfident" in notes_of(loud)
    assert loud.after.calibration_error == pytest.approx(0.29, abs=0.05)
    assert "underconfident" in notes_of(report(after=0.97, sureness=0.6))
    assert not {"overconfident", "underconfident", "uneven"} & notes_of(report(after=0.85, sureness=0.85))


def test_forgetting_is_found_and_its_absence_said() -> None:
    before, lost = np.ones(200), np.r_[np.ones(150), np.zeros(50)]
    loss = np.full(100, 2.0)
    general = [
        General("general intents", before, lost),
        General("perplexity", loss, loss + 0.5, lower_is_better=True, share=False),
        General("kept", before, before),
    ]
    found = report(general=general)
    assert [one.worse for one in found.forgetting] == [True, True, False]
    assert {"forgot", "kept"} <= notes_of(found)
    assert "100.0 %" in sentence(next(note for note in found.notes if note.key == "note.forgot"), "en")


def test_slices_hold_every_row_once_a_family() -> None:
    found = report()
    for family in ("length", "language", "negation"):
        assert sum(one.rows for one in found.slices if one.family == family) == found.rows


def test_a_weak_slice_is_named() -> None:
    rows = held_out(600)
    gold = np.asarray(rows.gold)
    negated = np.array([has_negation(text) for text in rows.inputs])
    chances = np.where(gold[:, None] == np.arange(2), 0.9, 0.1)
    chances[negated] = chances[negated][:, ::-1]
    found = make_report(rows, outcome("base", gold, 0.5), Outcome("tuned", chances), name="m", resamples=300)
    named = {note.values["slice"] for note in found.notes if note.key in ("note.slice_weak", "note.slice_worse")}
    assert "slice.negation.with" in named
    assert "slice.negation.without" not in named


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("I would not buy it", True),
        ("it doesn't work", True),
        ("it doesn’t work", True),
        ("does n't work", True),
        ("a knot of nothings", False),
        ("房间不干净", True),
        ("没有热水", True),
        ("非常好，特别满意", False),
        ("不过味道很好", False),
        ("很好", False),
    ],
)
def test_negation_words(text: str, negated: bool) -> None:
    assert has_negation(text) is negated


def test_length_slices_have_their_bounds() -> None:
    found = {
        name: rows.tolist()
        for family, name, rows in slices(["", "一" * 10, "a " * 11, "b " * 101])
        if family == "length"
    }
    assert found == {
        "to_10": [True, True, False, False],
        "to_25": [False, False, True, False],
        "over_100": [False, False, False, True],
    }


def test_examples_stand_behind_each_cell_the_surest_first() -> None:
    found = report()
    assert sum(cell.rows for cell in found.cells) == found.rows
    for cell in found.cells:
        assert len(cell.examples) == min(5, cell.rows)
        chances = [one.probability for one in cell.examples]
        assert chances == sorted(chances, reverse=True)
        assert all(len(one.text) <= 300 for one in cell.examples)
        gold = np.asarray(held_out().gold)
        assert all(gold[one.row] == cell.gold for one in cell.examples)


def test_fairness_is_counted_for_the_label_asked_for() -> None:
    groups = {"sex": ["f" if number % 2 else "m" for number in range(400)]}
    rows = held_out(groups=groups, favourable="bad", texts=False)
    gold = np.asarray(rows.gold)
    said = np.where(np.arange(400) % 2 == 1, 0, gold)  # every woman is said to be bad
    chances = np.where(said[:, None] == np.arange(2), 0.8, 0.2)
    found = make_report(rows, outcome("base", gold, 0.5), Outcome("tuned", chances), name="m", resamples=300)
    assert found.slices == ()
    assert found.fairness[0].label == "bad"
    assert {"gap_selected", "gap_false_positive"} <= notes_of(found)
    assert "no_sure_gap" in notes_of(report(held={"groups": {"even": ["a", "b"] * 200}}))


def test_several_labels_a_row() -> None:
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 2, (300, 3))
    rows = HeldOut(gold, ["a", "b", "c"], ["text"] * 300, groups={"g": ["x", "y", "z"] * 100})
    sides = Outcome("base", np.full((300, 3), 0.4)), Outcome("tuned", np.clip(gold * 0.8 + 0.1, 0, 1))
    found = make_report(rows, *sides, name="m", resamples=300)
    assert found.multi_label
    assert found.cells == ()
    assert found.verdict.key == "verdict.learned"
    assert from_json(to_json(found)) == found
    assert "table" in to_html(found, "en")


def test_before_may_be_a_model_that_learnt_nothing() -> None:
    side = most_frequent([0, 0, 1], 2, 4)
    assert np.asarray(side.probabilities).tolist() == [[2 / 3, 1 / 3]] * 4


def test_parts_of_other_rows_are_refused() -> None:
    rows = held_out(50)
    gold = np.asarray(rows.gold)
    with pytest.raises(BadInput, match="50 were held out, but 40"):
        make_report(rows, outcome("base", gold[:40], 0.5), outcome("tuned", gold, 0.5), name="m")
    with pytest.raises(BadInput, match="not one of this model's labels"):
        make_report(
            replace(rows, favourable="?", groups={"g": ["a"] * 50}),
            outcome("base", gold, 0.5), outcome("tuned", gold, 0.5), name="m", resamples=50,
        )  # fmt: skip


def full() -> Report:
    before = np.ones(50)
    return report(
        held={"groups": {"sex": ["f", "m"] * 200}},
        others=[outcome("words", np.asarray(held_out().gold), 0.8, seed=4)],
        general=[General("general", before, before)],
        folds=[FoldScores("f1_macro", (0.8, 0.82), 0.81, 0.014)],
        data={"name": "hotel <b>reviews</b>", "licence": "CC BY"},
    )


def test_json_gives_the_report_back() -> None:
    found = full()
    assert from_json(to_json(found)) == found
    with pytest.raises(BadInput, match="format 0"):
        from_json(to_json(replace(found, schema=0)))


def test_the_format_is_what_schema_says() -> None:
    """Whoever changes a field of the report raises SCHEMA and then this."""
    assert SCHEMA == 1
    assert [field.name for field in fields(Report)] == [
        "name", "labels", "rows", "multi_label", "primary", "verdict", "notes", "before", "after", "others",
        "comparisons", "cells", "slices", "forgetting", "folds", "fairness", "data", "schema",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sentence_of_the_catalogue_can_be_said(language: str) -> None:
    found = full()
    for statement in (found.verdict, *found.notes):
        said = sentence(statement, language)
        assert "{" not in said
        assert not re.search(r"\d\.\d{5}", said)
    verdicts = {key for key in catalogue(language) if key.startswith("report.verdict.")}
    for key in verdicts:
        assert sentence(replace(found.verdict, key=key.removeprefix("report.")), language)


class _Outside(HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "img", "link", "object", "form", "b"}:
            self.found.append(tag)
        for name, value in attributes:
            if (
                name in {"src", "srcset"}
                or name.startswith("on")
                or (name == "href" and not (value or "").startswith("#"))
            ):
                self.found.append(f"{tag} {name}={value}")
        if tag not in {"meta", "circle", "line", "polyline"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_fetches_nothing_and_runs_nothing(language: str) -> None:
    rows = held_out(100, groups={"<b>g</b>": ["<script>", "ok"] * 50})
    hostile = replace(rows, inputs=["<script>alert(1)</script><img src=x onerror=alert(1)> {name}"] * 100)
    gold = np.asarray(rows.gold)
    found = make_report(
        replace(hostile, labels=["<b>bad</b>", "good'\"&"]),
        outcome("<b>base</b>", gold, 0.5), outcome("tuned", gold, 0.9), name="<b>m</b>", resamples=100,
        data={"<b>name</b>": "<img src=x>"},
    )  # fmt: skip
    page = to_html(found, language)
    outside = _Outside()
    outside.feed(page)
    assert outside.found == []
    assert outside.open == ["!doctype"] or outside.open == []
    assert "&lt;script&gt;" in page
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)


def test_the_page_links_each_cell_to_its_texts_in_light_and_dark() -> None:
    page = to_html(full(), "en")
    targets = set(re.findall(r'href="#(cell-\d+-\d+)"', page))
    assert targets
    assert targets <= set(re.findall(r'id="(cell-\d+-\d+)"', page))
    assert "prefers-color-scheme:dark" in page
    assert page.count("<svg") == 3


def test_chinese_pages_are_chinese() -> None:
    page = to_html(full(), "zh")
    assert 'lang="zh-CN"' in page
    assert "模型学会了吗" in page
    assert not re.search(r">(Before|After|Label|Rows|Accuracy)<", page)


def test_many_labels_show_the_commonest_confusions() -> None:
    generator = np.random.default_rng(0)
    labels = [f"intent {number}" for number in range(40)]
    gold = generator.integers(0, 40, 800)
    said = np.where(generator.random(800) < 0.8, gold, generator.integers(0, 40, 800))
    chances = np.where(said[:, None] == np.arange(40), 0.9, 0.1 / 39)
    found = make_report(
        HeldOut(gold, labels, ["text"] * 800), most_frequent(gold, 40, 800), Outcome("tuned", chances),
        name="m", resamples=200,
    )  # fmt: skip
    page = to_html(found, "en")
    assert "most frequent confusions" in page
    assert page.count("<details") == 30
    assert "Labels with fewer than 20" in page
