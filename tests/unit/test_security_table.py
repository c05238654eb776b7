"""Every refusal that docs/SECURITY.md promises has its test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = re.findall(
    r"^\| (\d+) \| (.+?) \| (.+?) \| `(tests/[\w/]+\.py)::(\w+)` \|$",
    (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8"), re.M,
)  # fmt: skip


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_is_long_and_without_gaps() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 40


@pytest.mark.parametrize(("path", "name"), [row[3:] for row in ROWS])
def test_the_test_is_there(path: str, name: str) -> None:
    assert name in functions(path)
