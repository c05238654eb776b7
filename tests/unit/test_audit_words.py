"""Every detail that the product audits has a name for people, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields

import pytest

from core.services.keeping.persons import PersonalRows
from core.services.links.views import PAGES, LinkRequest
from core.services.privacy import KINDS, Privacy
from core.services.report.views import Assumptions
from core.services.workspace import LIMITS
from core.text.catalogue import LANGUAGES, catalogue
from tests.conftest import ROOT

# What is recorded by ``**something``: where it comes from.
SPREAD = {
    *KINDS,
    *LIMITS,
    "opening_hours",
    *("since", "until"),
    *(one.name for kind in (PersonalRows, Privacy, Assumptions, LinkRequest) for one in fields(kind)),
}


def _recorded() -> Iterator[str]:
    for path in sorted((ROOT / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record":
                yield from (word.arg for word in node.keywords if word.arg)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_detail_has_a_name(language: str) -> None:
    recorded = set(_recorded())
    assert {"role", "before", "after", "most"} <= recorded
    words = catalogue(language)
    assert {name for name in recorded | SPREAD if f"audit_details.names.{name}" not in words} == set()
    assert {page for page in PAGES if f"audit_details.values.{page}" not in words} == set()
