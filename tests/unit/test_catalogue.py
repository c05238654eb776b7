"""The catalogues: the same keys and placeholders in both languages; every error code has its sentence."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from core.errors import DocumentError
from core.text.catalogue import LANGUAGES, catalogue, translate

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [*(ROOT / "core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_the_languages_hold_the_same_keys() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert english.keys() - chinese.keys() == set()
    assert chinese.keys() - english.keys() == set()


def test_placeholders_agree() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert [key for key in english if placeholders(english[key]) != placeholders(chinese[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty(language: str) -> None:
    assert [key for key, text in catalogue(language).items() if not text.strip()] == []


def test_chinese_sentences_are_chinese() -> None:
    """A sentence of several words that holds no Han character was not translated."""
    long = {key: text for key, text in catalogue("zh").items() if len(re.findall(r"[A-Za-z]{2,}", text)) > 4}
    assert [key for key, text in long.items() if not re.search("[一-鿿]", text)] == []


def test_every_error_code_has_its_sentence() -> None:
    pattern = re.compile(
        r"\b(?:BadInput|DocumentError|NotFound|Conflict|Unavailable|IndexDamaged|Cancelled|NotAllowed|BadKey|OverLimit)\(\s*\"([\w.]+)\""
    )
    codes = {code for path in SOURCES for code in pattern.findall(path.read_text(encoding="utf-8"))}
    assert codes
    assert sorted(code for code in codes if f"errors.{code}" not in catalogue("en")) == []


def test_an_error_speaks_both_languages() -> None:
    error = DocumentError("ingest.too_large", name="a.pdf", size=60, limit=50)
    assert "a.pdf" in str(error)
    assert "50 MiB" in str(error)
    assert "上限" in error.sentence("zh")


def test_a_missing_key_is_a_bug() -> None:
    with pytest.raises(KeyError):
        translate("en", "errors.no_such_sentence")
