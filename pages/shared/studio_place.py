"""Where in the studio one is."""

from __future__ import annotations

from pages.shared.place import Place

SECTIONS = ("data", "train", "runs", "models", "serving")
PLACE = Place("studio", SECTIONS, ("data", "file", "learn", "recipe", "run", "compare", "model"))
SECTION = PLACE.section
read_address, write_address, section_chosen = PLACE.read_address, PLACE.write_address, PLACE.section_chosen
go, opened_text = PLACE.go, PLACE.opened


def opened(name: str) -> int:
    """The id of what is open under ``name``, 0 for nothing."""
    value = opened_text(name)
    return int(value) if value.isdecimal() and len(value) < 18 else 0


def opened_many(name: str) -> list[int]:
    """Ids written as "3.5.8"."""
    return [int(part) for part in opened_text(name).split(".") if part.isdecimal() and len(part) < 18]
