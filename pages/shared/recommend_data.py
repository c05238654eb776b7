"""The data of a catalogue: what there is, files brought in, what each import left out and why, and the items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import catalogues
from core.services.recommend.importing import KIND
from core.services.recommend.views import CatalogueView, VersionView
from core.text.catalogue import catalogue as sentences
from pages.shared import recommend_cards, recommend_upload
from pages.shared.errors import errors_shown
from pages.shared.job_progress import job_panel
from pages.shared.language import language, tr
from pages.shared.parts import notice, pager
from pages.shared.wording import counted, local, plain, when

PER_PAGE = 12


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    figures(catalogue)
    job_panel(app, actor, None, (KIND,), key="catalogue-jobs")  # type: ignore[arg-type]
    if actor.may(Permission.RECOMMEND):
        recommend_upload.draw(app, actor, catalogue)
    _imports(app, actor, catalogue)
    if catalogue.items:
        _items(app, actor, catalogue)
    if actor.may(Permission.RECOMMEND):
        _settings(app, actor, catalogue)


def figures(catalogue: CatalogueView) -> None:
    """What there is, in four numbers."""
    with st.grid(4, min_column_width=120, key="catalogue-figures"):
        st.metric(tr("recommend.data.items"), f"{catalogue.items:,}")
        st.metric(tr("recommend.data.people"), f"{catalogue.people:,}")
        st.metric(tr("recommend.data.interactions"), f"{catalogue.interactions:,}")
        day = f"{local(catalogue.as_of):%Y-%m-%d}" if catalogue.as_of else "–"
        st.metric(tr("recommend.data.as_of"), day, help=tr("recommend.data.as_of_help"))


def _imports(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    found = catalogues.list_versions(app, actor, catalogue.id)
    if not found:
        return
    st.subheader(tr("recommend.data.imports"), anchor=False)
    with st.container(key="import-list", gap="xxsmall"):
        for place, version in enumerate(found):
            _import(version, first=place == 0)


def _import(version: VersionView, *, first: bool) -> None:
    with st.container(key=f"row-import-{version.number}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(tr("recommend.data.version", n=version.number), color="gray")
            st.markdown(f"**{plain(version.source)}**", width="content")
            st.caption(
                " · ".join(
                    [
                        tr(f"recommend.parts_of.{version.part}"),
                        counted("recommend.data.read", version.counts.get("read", 0)),
                        counted("recommend.data.added", version.counts.get("added", 0)),
                        *(
                            [counted("recommend.data.updated", version.counts["updated"])]
                            if version.counts.get("updated")
                            else []
                        ),
                        when(version.created_at),
                    ]
                )
            )
        found = version.counts.get("findings", [])
        if not found:
            st.caption(f":green[:material/check: {tr('recommend.data.all_good')}]")
            return
        with st.expander(
            counted("recommend.data.findings", len(found)), icon=":material/info:", expanded=first,
            key=f"import-findings-{version.number}",
        ):  # fmt: skip
            for finding in found:
                st.markdown(finding_text(finding))


def finding_text(finding: Mapping[str, Any]) -> str:
    """What was counted, why it matters and what was done about it, with examples."""
    code, count = str(finding["code"]), int(finding["count"])
    key = f"recommend.finding.{code}"
    known = sentences(language())
    text = tr(key, n=count, **finding.get("values", {})) if key in known else f"{code}: {count}"
    examples = [plain(str(one)) for one in finding.get("examples", [])]
    return text + (f" {tr('recommend.data.examples', list=', '.join(examples))}" if examples else "")


def _items(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    st.subheader(tr("recommend.data.items"), anchor=False)
    search = st.text_input(
        tr("recommend.data.search"), key="items-search", type="search", icon=":material/search:",
        placeholder=tr("recommend.data.search"), label_visibility="collapsed",
    )  # fmt: skip
    offset = (st.session_state.get("items-page", 1) - 1) * PER_PAGE
    page = catalogues.list_items(app, actor, catalogue.id, search=search or "", offset=offset, limit=PER_PAGE)
    if offset and not page.rows:
        page = catalogues.list_items(app, actor, catalogue.id, search=search or "", limit=PER_PAGE)
    if not page.rows:
        st.caption(tr("recommend.data.no_such_item"))
    with st.grid(min_column_width=recommend_cards.CARD_WIDTH, key="item-grid"):
        for item in page.rows:
            with st.container(border=True, key=f"item-card-{item.id}", gap="xsmall"):
                recommend_cards.tile(item)
                recommend_cards.facts(item, catalogue.settings)
                label = "show" if item.hidden else "hide"
                if actor.may(Permission.RECOMMEND) and st.button(
                    tr(f"recommend.data.{label}"),
                    key=f"{label}-item-{item.id}",
                    type="tertiary",
                    icon=f":material/visibility{'' if item.hidden else '_off'}:",
                    help=tr("recommend.data.hide_help"),
                ):
                    with errors_shown():
                        catalogues.set_hidden(app, actor, catalogue.id, [item.id], not item.hidden)
                        st.rerun()
    pager(page.total, PER_PAGE, key="items-page")


def _settings(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    with st.expander(tr("recommend.data.settings"), icon=":material/tune:", key="catalogue-settings"):
        currency = st.text_input(
            tr("recommend.data.currency"),
            value=str(catalogue.settings.get("currency", "")),
            key=f"currency-{catalogue.id}",
            max_chars=4,
            width=140,
        )
        if st.button(tr("common.save"), key="settings-save"):
            with errors_shown():
                catalogues.save_settings(app, actor, catalogue.id, currency=(currency or "").strip())
                notice(tr("common.saved"))
                st.rerun()
        st.divider()
        st.caption(tr("recommend.data.delete_help"))
        sure = st.text_input(tr("recommend.data.delete_name"), key=f"delete-name-{catalogue.id}", width=280)
        if st.button(
            tr("recommend.data.delete"),
            key="catalogue-delete",
            icon=":material/delete:",
            disabled=(sure or "").strip() != catalogue.name,
        ):
            with errors_shown():
                catalogues.delete_catalogue(app, actor, catalogue.id)
                st.session_state.pop("recommend.catalogue", None)
                st.rerun()
