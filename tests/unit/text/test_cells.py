"""A spreadsheet must not run what somebody wrote into a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.cells import harmless


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("http://evil.example","click")', "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)",
        "\t=1+1", "\r=1+1", "＝1+1",
    ],
)  # fmt: skip
def test_what_would_run_is_only_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "-0.5", "+3", "plain", "a=b", "'=1", "1e-3"])
def test_what_would_not_stays(cell: str) -> None:
    assert harmless(cell) == cell


@given(st.text())
def test_nothing_but_a_mark_is_added(cell: str) -> None:
    assert harmless(cell).removeprefix("'") == cell.removeprefix("'") or harmless(cell) == f"'{cell}"
