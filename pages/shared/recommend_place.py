"""Which part of the Recommendations page is open, and about which catalogue."""

from __future__ import annotations

from pages.shared.place import Place

SECTIONS = ("people", "data", "wizard", "rules", "experiment", "fresh")
PLACE = Place("recommend", SECTIONS)
SECTION = PLACE.section
CATALOGUE = "recommend.catalogue"
read_address, write_address, section_chosen, go = (
    PLACE.read_address,
    PLACE.write_address,
    PLACE.section_chosen,
    PLACE.go,
)
