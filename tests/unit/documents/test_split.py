"""The splitter's promises, on invented documents: exact offsets, nothing lost, order, sizes, sections, whole rows."""

from __future__ import annotations

import makers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.documents.builder import TextBuilder
from core.documents.split import SplitConfig, split
from core.text.language import detect_language
from core.types import LoadedDocument, PassageDraft

CONFIG = SplitConfig(chars_en=120, chars_zh=50)

words = st.sampled_from(["refund", "Team", "plan", "退款", "在三十天内", "3.5", "e.g.", "Utrecht", "不支持", "x"])
marks = st.sampled_from([". ", "。", "? ", "！", ", ", "，", "; ", "\n", " "])
sentence = st.lists(st.tuples(words, marks), min_size=1, max_size=40).map(lambda ps: "".join(w + m for w, m in ps))
cells = st.lists(
    st.sampled_from(["Team", "退款说明", "$49", "", "a longer cell. With a stop", "席位"]), min_size=2, max_size=4
)
blocks = st.lists(
    st.one_of(
        st.tuples(st.just("text"), sentence),
        st.tuples(st.just("solid"), st.integers(1, 400).map(lambda n: "长" * n if n % 2 else "w" * n)),
        st.tuples(st.just("heading"), st.tuples(st.integers(1, 4), words)),
        st.tuples(st.just("page"), st.sampled_from(["\n\n", " ", ""])),
        st.tuples(st.just("table"), st.tuples(cells, st.lists(cells, max_size=12))),
    ),
    max_size=25,
)


def document(parts: list[tuple[str, object]]) -> LoadedDocument:
    builder = TextBuilder()
    builder.start_page(1)
    page = 1
    for kind, content in parts:
        if kind == "page":
            page += 1
            builder.start_page(page, gap=str(content))
        elif kind == "heading":
            level, title = content  # type: ignore[misc]
            builder.heading(level, title)
        elif kind == "table":
            header, rows = content  # type: ignore[misc]
            builder.table(header, rows)
        else:
            builder.block(str(content))
    return builder.build("text/plain")


@given(blocks)
@example([("solid", "w" * 52), ("page", ""), ("text", "退款. ")])  # one long word, cut, beside two characters
@settings(max_examples=250, deadline=None)
def test_promises(parts: list[tuple[str, object]]) -> None:
    doc = document(parts)
    passages = split(doc, CONFIG)
    covered = bytearray(len(doc.text))
    end = 0
    for passage in passages:
        assert doc.text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        assert passage.text == passage.text.strip()
        assert passage.start >= end  # in order, nothing twice
        end = passage.end
        covered[passage.start : passage.end] = b"\x01" * (passage.end - passage.start)
        _check_page(doc, passage)
        _check_size(doc, passage)
    lost = [char for char, seen in zip(doc.text, covered, strict=True) if not seen and not char.isspace()]
    assert lost == []


def _check_page(doc: LoadedDocument, passage: PassageDraft) -> None:
    page = next(p for p in reversed(doc.pages) if p.start <= passage.start)
    assert passage.page == page.number


def _check_size(doc: LoadedDocument, passage: PassageDraft) -> None:
    table = next((t for t in doc.tables if t.start <= passage.start < t.end), None)
    limit = CONFIG.limit(detect_language(passage.text))
    if len(passage.text) > limit:  # only a single row may be longer, never a run of them
        assert table is not None
        assert "\n" not in passage.text
    if table is not None:
        assert passage.header == table.header
        assert passage.start == table.start or doc.text[passage.start - 1] == "\n"
        assert passage.end == table.end or doc.text[passage.end] == "\n"


def test_sections_are_paths() -> None:
    parts = [("heading", (1, "Returns")), ("text", "One."), ("heading", (2, "Refunds")), ("heading", (3, "Cards"))]
    parts += [
        ("text", "Two."),
        ("heading", (2, "Parcels")),
        ("text", "Three."),
        ("heading", (1, "联系")),
        ("text", "四。"),
    ]
    found = [(p.section, p.text) for p in split(document(parts), CONFIG)]
    assert found == [
        ("Returns", "Returns\n\nOne."),
        ("Returns › Refunds › Cards", "Refunds\n\nCards\n\nTwo."),
        ("Returns › Parcels", "Parcels\n\nThree."),
        ("联系", "联系\n\n四。"),
    ]


def test_rows_share_a_passage_and_keep_their_header() -> None:
    rows = [[f"Plan {n}", f"${n}9", str(n)] for n in range(40)]
    passages = split(document([("table", (["Plan", "Price", "Seats"], rows))]), CONFIG)
    assert all(p.header == "Plan | Price | Seats" for p in passages)
    assert sum(p.text.count("Plan: ") for p in passages) == 40
    assert max(p.text.count("\n") for p in passages) >= 1
    assert "Plan | Price | Seats" in passages[0].index_text


def test_a_sentence_over_a_page_break_belongs_to_the_page_it_begins_on() -> None:
    doc = document(
        [("text", "A first one. The refund is paid"), ("page", " "), ("text", "within five days. The next one.")]
    )
    passages = split(doc, CONFIG)
    assert [(p.page, p.text) for p in passages] == [
        (1, "A first one. The refund is paid within five days."),
        (2, "The next one."),
    ]


def test_sentences_are_not_cut_when_they_fit() -> None:
    doc = document([("text", makers.ZH_1 + makers.ZH_2), ("text", makers.EN_1 + " " + makers.EN_2)])
    config = SplitConfig(chars_en=250, chars_zh=60)
    for passage in split(doc, config):
        assert passage.text[-1] in ".。"
        assert len(passage.text) <= config.limit(passage.language)


@pytest.mark.parametrize("size", [5, 17, 400])
def test_an_endless_row_is_cut_only_beyond_several_passages(size: int) -> None:
    cell = "word " * size
    passages = split(document([("table", (["Name", "Text"], [["a", cell], ["b", "short"]]))]), CONFIG)
    longest = max(len(p.text) for p in passages)
    if len(cell) < 4 * CONFIG.chars_en:
        assert longest >= len(cell.strip())
    else:
        assert longest <= CONFIG.chars_en
    assert all(p.header == "Name | Text" for p in passages)
