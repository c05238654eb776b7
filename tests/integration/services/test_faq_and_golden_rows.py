"""FAQ entries, golden questions and workspace settings: saved, listed, imported, and never across workspaces."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from core.access.actor import NotAllowed
from core.errors import BadInput, NotFound
from core.services import faq, golden_questions, workspace
from core.services.application import Application
from core.services.rows_file import ImportReport
from core.services.views import Upload
from core.text.catalogue import catalogue
from tests.integration.services.conftest import Shop


def sheet(name: str, rows: list[list[Any]]) -> Upload:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return Upload(name, out.getvalue())


def test_an_entry_is_saved_changed_found_and_deleted(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    entry = faq.save_faq(
        app,
        owner,
        shop.kb,
        question=" 怎么 退货？ ",
        answer="三十天内。",
        phrasings=["退货？", "退货？", " "],
        tags=["r"],
    )
    faq.save_faq(app, owner, shop.kb, question="Opening times?", answer="9 to 5.", approved=False)
    page = faq.list_faq(app, owner, shop.kb)
    assert [(e.question, e.language, e.approved) for e in page.rows] == [
        ("Opening times?", "en", False),
        ("怎么 退货？", "zh", True),
    ]
    assert page.rows[1].phrasings == ("退货？",)
    faq.save_faq(app, owner, shop.kb, id=entry, question="怎么退货？", answer="六十天内。")
    assert faq.list_faq(app, owner, shop.kb, search="六十").rows[0].id == entry
    assert faq.list_faq(app, owner, shop.kb, approved=True).total == 1
    faq.delete_faq(app, owner, entry)
    assert faq.list_faq(app, owner, shop.kb).total == 1


def test_another_workspace_neither_sees_nor_changes_them(app: Application, shop: Shop, rival: Shop) -> None:
    entry = faq.save_faq(app, shop.owner(), shop.kb, question="Q?", answer="A.")
    golden = golden_questions.save_golden(app, shop.owner(), shop.kb, question="Q?", answer="A.")
    spy = rival.owner()
    assert faq.list_faq(app, spy, shop.kb).total == 0
    assert golden_questions.list_golden(app, spy, shop.kb).total == 0
    for act in (
        lambda: faq.delete_faq(app, spy, entry),
        lambda: faq.save_faq(app, spy, rival.kb, id=entry, question="Q?", answer="B."),
        lambda: faq.save_faq(app, spy, shop.kb, question="Q?", answer="B."),
        lambda: faq.import_faq(app, spy, shop.kb, Upload("f.jsonl", b'{"question": "Q?", "answer": "B."}')),
        lambda: golden_questions.delete_golden(app, spy, golden),
        lambda: golden_questions.save_golden(app, spy, rival.kb, id=golden, question="Q?", answer="B."),
    ):
        with pytest.raises(NotFound):
            act()
    assert faq.list_faq(app, shop.owner(), shop.kb).rows[0].answer == "A."
    workspace.save_workspace_settings(app, spy, name="Mine", contact="x@y.example")
    assert workspace.workspace_settings(app, shop.owner())["name"] == "Lumen"


def test_roles(app: Application, shop: Shop) -> None:
    for person in (shop.customer(), shop.agent()):
        for act in (
            lambda a: faq.save_faq(app, a, shop.kb, question="Q?", answer="A."),
            lambda a: golden_questions.list_golden(app, a, shop.kb),
            lambda a: workspace.save_workspace_settings(app, a, name="Mine"),
        ):
            with pytest.raises(NotAllowed):
                act(person)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"question": " ", "answer": "A."}, "chat.faq_no_question"),
        ({"question": "Q?", "answer": ""}, "chat.faq_no_answer"),
        ({"question": "Q" * 1001, "answer": "A."}, "chat.faq_too_long"),
        ({"question": "Q?", "answer": "A.", "language": "fr"}, "chat.language"),
    ],
)
def test_entries_that_cannot_be_used_are_refused(app: Application, shop: Shop, values: Any, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        faq.save_faq(app, shop.owner(), shop.kb, **values)
    assert refused.value.code == code
    assert faq.list_faq(app, shop.owner(), shop.kb).total == 0


CSV = "﻿Question;Answer;Similar;Tags\nHow to return?;Within 30 days.;Returns?|Send back?;a|b\n;no question;;\nQ2;;;\n"
CHINESE = "问题,答案,相似问\n怎么退货？,三十天内。,退货？|退换？\n"


def test_csv_with_a_mark_semicolons_and_holes(app: Application, shop: Shop) -> None:
    report = faq.import_faq(app, shop.owner(), shop.kb, Upload("faq.csv", CSV.encode()))
    assert report == ImportReport(1, 0, ((3, "chat.faq_no_question"), (4, "chat.faq_no_answer")))
    entry = faq.list_faq(app, shop.owner(), shop.kb).rows[0]
    assert (entry.phrasings, entry.tags, entry.source) == (("Returns?", "Send back?"), ("a", "b"), "import")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_chinese_csv_in_the_encodings_that_excel_writes(app: Application, shop: Shop, encoding: str) -> None:
    report = faq.import_faq(app, shop.owner(), shop.kb, Upload("常见问题.csv", CHINESE.encode(encoding)))
    assert report.added == 1
    entry = faq.list_faq(app, shop.owner(), shop.kb).rows[0]
    assert (entry.question, entry.answer, entry.phrasings) == ("怎么退货？", "三十天内。", ("退货？", "退换？"))


def test_a_quoted_cell_over_several_lines_names_the_right_line(app: Application, shop: Shop) -> None:
    data = b'question,answer\nOne?,"line\nline"\nTwo?,\n'
    report = faq.import_faq(app, shop.owner(), shop.kb, Upload("faq.csv", data))
    assert report == ImportReport(1, 0, ((4, "chat.faq_no_answer"),))


def test_xlsx_and_jsonl_and_a_second_import_updates(app: Application, shop: Shop, tmp_path: Path) -> None:
    owner = shop.owner()
    rows = [["question", "answer", "approved"], ["One?", 1, True], ["Two?", "B.", "no"], [None, None, None]]
    assert faq.import_faq(app, owner, shop.kb, sheet("faq.xlsx", rows)) == ImportReport(2, 0)
    lines = [{"question": "one?", "answer": "New."}, {"question": "Three?", "answer": "C.", "phrasings": ["3?"]}]
    path = tmp_path / "faq.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    assert faq.import_faq(app, owner, shop.kb, Upload("faq.jsonl", path=path)) == ImportReport(1, 1)
    found = {e.question: (e.answer, e.approved) for e in faq.list_faq(app, owner, shop.kb).rows}
    assert found == {"one?": ("New.", True), "Two?": ("B.", False), "Three?": ("C.", True)}


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (Upload("faq.pdf", b"%PDF"), "chat.import_type"),
        (Upload("faq.xlsx", b"not a zip"), "chat.import_unreadable"),
        (Upload("faq.csv", b"\xff\xff\xff\x80"), "chat.import_unreadable"),
        (Upload("faq.csv", b"question,answer\n"), "chat.import_empty"),
        (Upload("faq.csv", b""), "chat.import_empty"),
        (Upload("faq.csv", b"frage,antwort\nA,B\n"), "chat.import_columns"),
        (Upload("faq.jsonl", b'{"question": "Q?", "answer": "A."}\n[1]\n'), "chat.import_line"),
        (Upload("faq.jsonl", path=Path("/nonexistent/faq.jsonl")), "chat.import_unreadable"),
        (Upload("faq.csv", b"x" * (51 << 20)), "chat.import_size"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_files_that_cannot_be_used_store_nothing(app: Application, shop: Shop, upload: Upload, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        faq.import_faq(app, shop.owner(), shop.kb, upload)
    assert refused.value.code == code
    assert refused.value.sentence("zh")
    assert faq.list_faq(app, shop.owner(), shop.kb).total == 0


def test_golden_questions_are_checked_and_imported(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    with pytest.raises(BadInput) as refused:
        golden_questions.save_golden(app, owner, shop.kb, question="Q?")
    assert refused.value.code == "chat.golden_no_expectation"
    data = (
        "question,answerable,document,answer\nWhen?,yes,a.pdf,noon\nWho is king?,no,,\n谁？,否,,\nX?,maybe,a,\nY?,,,\n"
    )
    report = golden_questions.import_golden(app, owner, shop.kb, Upload("golden.csv", data.encode()))
    assert report == ImportReport(3, 0, ((5, "chat.import_flag"), (6, "chat.golden_no_expectation")))
    again = golden_questions.import_golden(app, owner, shop.kb, Upload("g.csv", b"question,document\nwhen?,b.pdf\n"))
    assert again == ImportReport(0, 1)
    rows = golden_questions.list_golden(app, owner, shop.kb).rows
    assert [(r.answerable, r.document, r.language) for r in rows] == [
        (True, "b.pdf", "en"),
        (False, "", "en"),
        (False, "", "zh"),
    ]
    golden_questions.delete_golden(app, owner, rows[0].id)
    assert golden_questions.list_golden(app, owner, shop.kb).total == 2


def test_workspace_settings_are_merged_and_checked(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    workspace.save_workspace_settings(app, owner, greeting={"en": "Hello"}, contact="help@lumen.example")
    workspace.save_workspace_settings(app, owner, greeting={"zh": "您好"})
    found = workspace.workspace_settings(app, shop.customer())
    assert found["greeting"] == {"en": "Hello", "zh": "您好"}
    assert found["contact"] == "help@lumen.example"
    for bad in (
        {"colour": "red"},
        {"name": " "},
        {"greeting": "Hello"},
        {"greeting": {"fr": "Salut"}},
        {"name": "x" * 201},
    ):
        with pytest.raises(BadInput):
            workspace.save_workspace_settings(app, owner, **bad)
    assert workspace.workspace_settings(app, owner)["name"] == "Lumen"


def test_both_languages_hold_the_same_sentences_with_the_same_gaps() -> None:
    import string

    def gaps(language: str) -> dict[str, set[str]]:
        mine = {k: v for k, v in catalogue(language).items() if k.startswith(("errors.chat.", "conversation."))}
        return {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in mine.items()}

    assert gaps("en") == gaps("zh")
