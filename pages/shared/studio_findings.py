"""What the lint found in a data set, in words, with rows to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
import structlog

from core.access.actor import Actor
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import data_sets
from core.services.studio.views import DataSetVersionView
from core.text.catalogue import catalogue
from pages.shared.errors import show_error
from pages.shared.language import language, tr
from pages.shared.studio_words import named, split_name
from pages.shared.wording import plain

log = structlog.get_logger(__name__)

SHOWN = 5
LEVELS = {
    "error": ("red", ":material/error:"),
    "warning": ("orange", ":material/warning:"),
    "hint": ("blue", ":material/info:"),
}
HIDDEN = {"line", "augmented", "file"}


def reason(name: str) -> str:
    """Why rows were dropped."""
    return named("lint.dropped", name)


def draw(app: Application, actor: Actor, version: DataSetVersionView) -> None:
    if not version.findings:
        st.caption(f":green[:material/check_circle:] {tr('studio.data.no_findings')}")
        return
    st.markdown(f"**{tr('studio.data.findings', n=len(version.findings))}**")
    order = list(LEVELS)
    ranked = sorted(version.findings, key=lambda one: order.index(one["severity"]) if one["severity"] in LEVELS else 9)
    with st.container(border=True, key=f"findings-{version.id}", gap="small"):
        for place, finding in enumerate(ranked):
            _finding(app, actor, version, finding, place)


def _finding(
    app: Application, actor: Actor, version: DataSetVersionView, finding: Mapping[str, Any], place: int
) -> None:
    colour, icon = LEVELS.get(str(finding["severity"]), LEVELS["warning"])
    st.markdown(f":{colour}[{icon}] {plain(sentence(finding))}")
    rows = [row for row in finding.get("rows", ()) if row.get("row", -1) >= 0]
    if not rows:
        return
    shown = st.expander(
        tr("studio.data.examples", n=min(len(rows), SHOWN)),
        key=f"finding-{version.id}-{place}",
        type="compact",
        on_change="rerun",
    )
    if shown.open:  # reading rows takes time, so only for what is looked at
        with shown:
            for row in rows[:SHOWN]:
                _row(app, actor, version, row)


def sentence(finding: Mapping[str, Any]) -> str:
    """The finding as the catalogue words it; one it has no words for by its code."""
    key, values = f"lint.findings.{finding['code']}", dict(finding.get("values", {}))
    for name in ("split",):
        if name in values:
            values[name] = split_name(str(values[name]))
    if "kinds" in values:
        values["kinds"] = _kinds(str(values["kinds"]))
    try:
        return catalogue(language())[key].format(count=finding["count"], **values)
    except (KeyError, IndexError, ValueError):
        log.warning("finding_without_words", code=finding["code"])
        return str(finding["code"]).replace("_", " ")


def _kinds(listed: str) -> str:
    """ "phone 2, person 1" in the reader's words."""
    pairs = (one.rpartition(" ") for one in listed.split(", "))
    return tr("studio.why.comma").join(f"{named('studio.personal', kind)} {count}" for kind, _, count in pairs)


def _row(app: Application, actor: Actor, version: DataSetVersionView, place: Mapping[str, Any]) -> None:
    try:
        page = data_sets.sample_rows(app, actor, version.id, str(place["split"]), int(place["row"]), 1)
    except PilotlightError as error:
        show_error(error)
        return
    for row in page.rows:
        cells = [f"{value}" for name, value in row.items() if name not in HIDDEN and value not in (None, "")]
        st.markdown(plain(" · ".join(cells)[:1000]))
    facts = [split_name(str(place["split"])), tr("report.example_row", row=int(place["row"]) + 1)]
    if place.get("line"):
        facts.append(tr("studio.data.lines", lines=place["line"]))
    if place.get("note"):
        facts.append(plain(str(place["note"])))
    if place.get("other"):
        facts.append(tr("studio.data.clashes", other=plain(str(place["other"]))))
    st.caption(" · ".join(facts))
