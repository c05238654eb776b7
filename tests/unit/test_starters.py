"""`make starters` makes all that ships, and what ships stays small."""

from __future__ import annotations

import importlib

from tools.starters import LARGEST, MAKERS, STARTERS, total_bytes


def test_every_starter_that_ships_can_be_made_anew() -> None:
    shipped = {folder.name for folder in STARTERS.iterdir() if folder.is_dir()}
    assert set(MAKERS) == shipped
    for module in MAKERS.values():
        assert callable(importlib.import_module(module).make)


def test_all_starters_together_are_small() -> None:
    assert 0 < total_bytes() <= LARGEST
