"""Where on the sentiment page one is."""

from __future__ import annotations

from pages.shared.place import Place

SECTIONS = ("one", "files", "lane", "customers", "watches")
PLACE = Place("sentiment", SECTIONS, ("batch", "file", "text"))
SECTION = PLACE.section
read_address, write_address, section_chosen = PLACE.read_address, PLACE.write_address, PLACE.section_chosen
go, opened = PLACE.go, PLACE.opened
