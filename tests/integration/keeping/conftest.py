"""Places to restore into, and what the services' tests start with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from tests.conftest import NewPlace
from tests.integration.services.conftest import ann, lamps, shop, talk

__all__ = ["ann", "lamps", "shop", "talk"]


@pytest.fixture
def empty_place(tmp_path: Path, new_place: NewPlace) -> Iterator[Settings]:
    with new_place(tmp_path / "restored") as place:
        yield place
