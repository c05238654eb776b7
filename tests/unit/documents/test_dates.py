"""The date a document gives itself: found where it is certain, and only there."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents.dates import printed_date
from core.documents.file_dates import file_date
from core.documents.sniff import DOCX, HTML, PDF, TXT
from core.types import TableSpan

TODAY = date(2026, 11, 22)

PRINTED = [
    ("Effective date: 2025-03-01", "2025-03-01"),
    ("# Returns\n\n**Effective Date:** March 1, 2025\n\nText.", "2025-03-01"),
    ("Privacy notice\nLast updated: 1 March 2025", "2025-03-01"),
    ("Last updated on March 1st, 2025.", "2025-03-01"),
    ("Terms\n\nLast revised 01 Mar 2025", "2025-03-01"),
    ("Revision date: 2025/03/01", "2025-03-01"),
    ("Updated: 28/02/2025", "2025-02-28"),
    ("Updated: 02/28/2025", "2025-02-28"),
    ("Updated: 03/03/2025", "2025-03-03"),
    ("This policy is effective from 1 March 2025 for all orders.", "2025-03-01"),
    ("These terms were last updated on 5 May 2025.", "2025-05-05"),
    ("This privacy policy takes effect on March 1, 2025.", "2025-03-01"),
    ("In force from 1 March 2026", "2026-03-01"),
    ("Valid from: 2026-01-01", "2026-01-01"),
    ("As of March 2025", "2025-03"),
    ("Published on 12 June 2025", "2025-06-12"),
    ("Date of issue: 12.06.2025\nTo whom it may concern", None),
    ("Date of issue: 13.06.2025\nTo whom it may concern", "2025-06-13"),
    ("From: a@b.example\nDate: Mon, 12 May 2025 10:00:00 +0100", "2025-05-12"),
    ("Version 1.3, 30 June 2026. For readers.", "2026-06-30"),
    ("Edition 4 · 2 February 2026", "2026-02-02"),
    ("Membership plans\n\n15 April 2026\n\nThree ways to grow", "2026-04-15"),
    ("Effective date | 2025-03-01", "2025-03-01"),
    ("生效日期：2025年3月1日", "2025-03-01"),
    ("售后政策\n\n生效日期: 2025-03-01", "2025-03-01"),
    ("最后更新时间：2025 年 3 月 1 日", "2025-03-01"),
    ("更新日期：二〇二五年三月一日", "2025-03-01"),
    ("发布日期：2025年12月21日", "2025-12-21"),
    ("发文日期：二〇二五年十二月二十一日", "2025-12-21"),
    ("本政策自2025年3月1日起施行。", "2025-03-01"),
    ("本服务协议于2025年3月1日正式生效。", "2025-03-01"),
    ("自2025年3月1日起执行", "2025-03-01"),
    ("2026 年 2 月 10 日起执行", "2026-02-10"),
    ("2026 年 8 月 25 日更新（中国大陆）", "2026-08-25"),
    ("第三版 · 2026 年 3 月 20 日", "2026-03-20"),
    ("本页面最后更新于2025年3月", "2025-03"),
    ("日期：2025年3月1日\n各位同事：", "2025-03-01"),
    # A later kind says more: it was revised after it was issued.
    ("Issued: 2024-01-05\nEffective: 2024-02-01\nLast updated: 2025-03-01", "2025-03-01"),
    ("发布日期：2024年1月5日\n生效日期：2024年2月1日", "2024-02-01"),
    ("Last updated: 2024-01-05\n\nLast updated: 2025-03-01", "2025-03-01"),
    ("Last updated: March 2025\n\nLast updated: 2025-03-14", "2025-03-14"),
]

NOT_PRINTED = [
    "",
    "Our shop opened in 2025.",
    "Orders placed before 2025-03-01 are shipped free of charge.",
    "The new rates are effective from 2025-04-01 for customers in Norway.",
    "Date of birth: 1990-05-17",
    "Order date: 2025-03-01",
    "Delivery date: 2025-03-01",
    "Expiry date: 2025-03-01",
    "Invoice 4711, due date: 2025-03-01",
    "Effective date: the day of signature",
    "Effective date: 03/04/2025",  # March or April
    "Effective date: 2025-02-30",
    "Effective date: 1897-03-01",
    "Effective date: 2199-03-01",
    "Effective: 2025-03-01\n\nEffective: 2025-06-01",  # of which of its parts?
    "Date: 2025-03-01\nDate: 2025-03-02",
    "Copyright 2019-2025 Lumen. All rights reserved.",
    "Call +49 2025 03 01 77",
    "订单日期：2025年3月1日",
    "出生日期：1990年5月17日",
    "截止日期：2025年3月1日",
    "保修期自签收之日起两年。2025年3月1日前下单的用户享受八折。",
    "会员价从2025年3月1日起上调。",
    "生效日期：签字之日",
    "Updates reach the stores on a Tuesday.",
]


@pytest.mark.parametrize(("text", "expected"), PRINTED)
def test_a_labelled_date_is_the_documents(text: str, expected: str | None) -> None:
    assert printed_date(text, today=TODAY) == expected


@pytest.mark.parametrize("text", NOT_PRINTED)
def test_any_other_date_is_not(text: str) -> None:
    assert printed_date(text, today=TODAY) is None


def test_a_date_in_the_middle_of_a_long_text_is_about_something_else() -> None:
    filler = "A sentence about lamps and their warranty.\n" * 400
    assert printed_date(f"{filler}Effective date: 2025-03-01\n{filler}", today=TODAY) is None
    assert printed_date(f"{filler}Effective date: 2025-03-01", today=TODAY) == "2025-03-01"
    assert printed_date(f"Effective date: 2025-03-01\n{filler}", today=TODAY) == "2025-03-01"


def test_the_rows_of_a_table_speak_of_themselves() -> None:
    text = "date: 2025-03-01 | amount: 5"
    assert printed_date(text, today=TODAY) == "2025-03-01"
    assert printed_date(text, today=TODAY, tables=(TableSpan(0, len(text), "date | amount"),)) is None
    long = text + "\n" + "date: 2025-03-02 | amount: 6\n" * 5000
    assert printed_date(long, today=TODAY, tables=(TableSpan(0, len(long), "date | amount"),)) is None


LABELS = ["Effective date: {}", "Last updated: {}", "生效日期：{}", "本政策自{}起施行", "Published on {}", "更新于 {}"]
FORMS = ["{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0.day} {0:%B} {0.year}", "{0:%b} {0.day}, {0.year}",
         "{0.year}年{0.month}月{0.day}日", "{0.year} 年 {0.month} 月 {0.day} 日"]  # fmt: skip


@given(
    st.dates(date(1990, 1, 1), TODAY + timedelta(days=500)),
    st.sampled_from(LABELS),
    st.sampled_from(FORMS),
    st.sampled_from(["", "Terms of sale\n\n", "# 售后政策\n"]),
)
def test_every_form_of_a_date_is_read_back(day: date, label: str, form: str, before: str) -> None:
    text = before + label.format(form.format(day)) + "\n\nLamps can be returned within 30 days."
    assert printed_date(text, today=TODAY) == day.isoformat()


@given(st.text(max_size=400))
def test_any_text_is_looked_at_without_error(text: str) -> None:
    found = printed_date(text, today=TODAY)
    assert found is None or len(found) in (7, 10)


# --- what files keep beside the text ---


def pdf(folder: Path, **info: str) -> Path:
    from pypdf import PdfWriter

    path = folder / "a.pdf"
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({f"/{name}": value for name, value in info.items()})
    with path.open("wb") as file:
        writer.write(file)
    return path


def office(folder: Path, core: str) -> Path:
    path, data = folder / "a.docx", io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("docProps/core.xml", core)
    path.write_bytes(data.getvalue())
    return path


def test_a_pdf_tells_when_it_was_changed(tmp_path: Path) -> None:
    path = pdf(tmp_path, CreationDate="D:20240105120000Z", ModDate="D:20250301083000+01'00'")
    assert file_date(path, PDF, today=TODAY) == "2025-03-01"
    assert file_date(pdf(tmp_path, CreationDate="D:20240105"), PDF, today=TODAY) == "2024-01-05"
    for wrong in ("D:20251345", "D:19700101", "D:20991231", "yesterday", ""):
        assert file_date(pdf(tmp_path, CreationDate=wrong), PDF, today=TODAY) is None


def test_an_office_file_tells_when_it_was_changed(tmp_path: Path) -> None:
    stamp = '<dcterms:{0} xsi:type="dcterms:W3CDTF">{1}T10:00:00Z</dcterms:{0}>'
    both = stamp.format("modified", "2025-03-01") + stamp.format("created", "2024-01-05")
    assert file_date(office(tmp_path, both), DOCX, today=TODAY) == "2025-03-01"
    assert file_date(office(tmp_path, stamp.format("created", "2024-01-05")), DOCX, today=TODAY) == "2024-01-05"
    assert file_date(office(tmp_path, "<cp:coreProperties/>"), DOCX, today=TODAY) is None


def test_a_page_tells_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text('<head><meta property="article:modified_time" content="2025-03-01T08:00:00Z"></head>')
    assert file_date(path, HTML, today=TODAY) == "2025-03-01"
    path.write_text('<meta name="viewport" content="2025-03-01">')
    assert file_date(path, HTML, today=TODAY) is None


@pytest.mark.parametrize("media_type", [PDF, DOCX, HTML, TXT])
def test_a_file_without_a_date_or_a_damaged_one_has_none(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"%PDF-1.7 PK\x03\x04 nothing")
    assert file_date(path, media_type, today=TODAY) is None
