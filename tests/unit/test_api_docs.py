"""The page of the HTTP API in both languages: its English is that of the code, its Chinese that of the catalogue."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from core.api.v1.application import api
from core.api.v1.docs import page, spoken, texts
from core.text.catalogue import catalogue, translate


def _never() -> None:
    raise AssertionError("the specification needs no application")


APP = api(_never)  # type: ignore[arg-type]
SPECIFICATION = APP.openapi()
CHINESE = re.compile("[\u4e00-\u9fff]")


def test_the_catalogue_says_what_the_code_says() -> None:
    """A text that was changed in the code must be translated anew."""
    said = {
        key: translate("en", f"api_docs.{key}") for key in texts(SPECIFICATION) if f"api_docs.{key}" in catalogue("en")
    }
    assert said == texts(SPECIFICATION)
    ours = {key.removeprefix("api_docs.") for key in catalogue("en") if key.startswith("api_docs.")}
    assert {key for key in ours if not key.startswith("page.")} == said.keys()


def page_form(text: str) -> str:
    return text.replace("`", "")


def test_the_chinese_page_speaks_chinese() -> None:
    shown = page(SPECIFICATION, "https://example.org/v1", "zh")
    assert '<html lang="zh-CN">' in shown
    for key in texts(SPECIFICATION):
        if key.startswith(("op.", "tag.", "about.")):
            assert page_form(translate("zh", f"api_docs.{key}")) in unescape(re.sub("</?code>", "", shown)), key
    assert "Upload Documents" not in shown
    assert "How long is the warranty" not in shown


def test_the_specification_itself_stays_english() -> None:
    before = str(SPECIFICATION)
    chinese = spoken(SPECIFICATION, "zh")
    assert str(SPECIFICATION) == before
    assert chinese["paths"].keys() == SPECIFICATION["paths"].keys()


@pytest.mark.parametrize(
    ("address", "header", "language"),
    [("docs", "zh-CN,zh;q=0.9", "zh"), ("docs", "de", "en"), ("docs?lang=zh", "en", "zh"), ("docs?lang=en", "zh", "en"),
     ("docs?lang=<script>", "zh", "zh")],
)  # fmt: skip
def test_whose_language_it_is(address: str, header: str, language: str) -> None:
    app = api(_never)  # type: ignore[arg-type]
    app.user_middleware.clear()  # the gate wants an application; it is tested elsewhere
    answer = TestClient(app).get(f"/{address}", headers={"Accept-Language": header})
    assert answer.headers["content-language"] == language
    assert ("新建知识库" in answer.text) == (language == "zh")
    assert "<script" not in answer.text
