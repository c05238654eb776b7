"""The links of a workspace: state, what is used, what can be done with each; the address of the one just made."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.links import making
from core.services.links.places import address, embed_snippet
from core.services.links.qr import qr_code
from core.services.links.views import LinkView, Made
from pages.shared import links_asked
from pages.shared.dialogs import close_dialog, dialog_values, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.links_place import PLACE, forget_made, keep_made, last_made, origin
from pages.shared.parts import empty_state, notice
from pages.shared.wording import counted, local, plain, when

STATES = {
    "open": ("green", "check_circle"),
    "full": ("orange", "group"),
    "spent": ("orange", "hourglass_disabled"),
    "expired": ("gray", "event_busy"),
    "revoked": ("red", "block"),
}


def draw(app: Application, actor: Actor) -> None:
    made = last_made()
    if made is not None:
        _made(made)
    links = making.list_links(app, actor)
    if not links:
        empty_state("links.none", icon=":material/share:", action=_make_button)
    for link in links:
        _row(link)
    _dialogs(app, actor, {link.id: link for link in links})


def _make_button() -> None:
    st.button(tr("links.sections.make"), key="links-first", type="primary", icon=":material/add_link:", on_click=_new)


def _new() -> None:
    PLACE.go("make", edit="")


def _made(made: Made) -> None:
    """The address, once: to copy, to scan, to put into a site."""
    where = address(origin(), made.token)
    with st.container(border=True, key="link-made"):
        st.markdown(f"**{tr('links.made.title', name=plain(made.link.name))}**")
        st.caption(tr("links.made.once"))
        left, right = st.columns([3, 1], vertical_alignment="top")
        with left:
            st.code(where, language=None, wrap_lines=True)
            if made.link.sites:
                st.caption(tr("links.made.embed", sites=plain(", ".join(made.link.sites))))
                st.code(
                    embed_snippet(origin(), made.token, made.link.title or "Demo"), language="html", wrap_lines=True
                )
            else:
                st.caption(tr("links.made.no_sites"))
            with st.container(horizontal=True):
                st.link_button(tr("links.made.try"), where, icon=":material/open_in_new:")
                st.button(tr("links.made.done"), key="link-made-done", on_click=forget_made, type="tertiary")
        with right:
            st.image(qr_code(where), width=180, alt=tr("links.made.qr"))
            with st.container(horizontal=True, gap="small"):
                for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):
                    st.download_button(
                        kind.upper(), partial(qr_code, where, kind), f"demo-{made.link.id}.{kind}", mime,
                        key=f"qr-{kind}", on_click="ignore", icon=":material/download:", type="tertiary",
                    )  # fmt: skip


def _row(link: LinkView) -> None:
    colour, icon = STATES[link.state]
    with st.container(key=f"row-link-{link.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(link.name)}**", width="content")
            st.badge(tr(f"links.state.{link.state}"), color=colour, icon=f":material/{icon}:")  # type: ignore[arg-type]
            if link.has_password:
                st.badge(tr("links.password_set"), color="gray", icon=":material/key:")
        st.caption(" · ".join(_facts(link)))
        with st.container(horizontal=True, gap="small", key=f"link-actions-{link.id}"):
            _action("asked", link, "forum")
            if link.state != "revoked":
                key, label = f"link-edit-{link.id}", tr("common.edit")
                st.button(label, key=key, icon=":material/edit:", type="tertiary", on_click=_edit, args=(link.id,))
                _action("renew", link, "autorenew")
            _action("duplicate", link, "content_copy")
            if link.state != "revoked":
                _action("revoke", link, "block")


def _facts(link: LinkView) -> list[str]:
    def of(name: str, used: int, most: int | None) -> str:
        return tr(f"links.used.{name}", used=used, most=most) if most else counted(f"links.used.{name}_free", used)

    found = [", ".join(tr(f"links.page.{page}") for page in link.pages)]
    found += [of("messages", link.messages, link.most_messages), of("people", link.people, link.most_people)]
    if link.expires_at is not None:
        found.append(tr("links.until", date=f"{local(link.expires_at):%Y-%m-%d %H:%M}"))
    if link.last_seen is not None:
        found.append(tr("links.last_seen", when=when(link.last_seen)))
    if link.sites:
        found.append(plain(", ".join(link.sites)))
    return found


def _action(name: str, link: LinkView, icon: str) -> None:
    st.button(
        tr(f"links.action.{name}"), key=f"link-{name}-{link.id}", icon=f":material/{icon}:", type="tertiary",
        on_click=open_dialog, args=(f"link-{name}",), kwargs={"link": link.id},
    )  # fmt: skip


def _edit(link_id: int) -> None:
    PLACE.go("make", edit=link_id)


def _dialogs(app: Application, actor: Actor, links: dict[int, LinkView]) -> None:
    for name, act in (("renew", _renew), ("duplicate", _duplicate), ("revoke", _revoke)):
        link = links.get((dialog_values(f"link-{name}") or {}).get("link", 0))
        if link is not None:
            draw_dialog(
                f"link-{name}", tr(f"links.action.{name}"), partial(act, app, actor, link), icon=":material/share:"
            )
    link = links.get((dialog_values("link-asked") or {}).get("link", 0))
    if link is not None:
        title = tr("links.asked.title", name=plain(link.name))
        draw_dialog(
            "link-asked", title, partial(links_asked.draw, app, actor, link), icon=":material/forum:", width="large"
        )


def _renew(app: Application, actor: Actor, link: LinkView) -> None:
    st.markdown(tr("links.renew_sure", name=plain(link.name)))
    if st.button(tr("links.action.renew"), key="renew-yes", type="primary"):
        with errors_shown():
            keep_made(making.renew_link(app, actor, link.id))
            close_dialog()
            st.rerun()


def _duplicate(app: Application, actor: Actor, link: LinkView) -> None:
    name = st.text_input(
        tr("links.form.name"),
        value=tr("links.copy_of", name=link.name)[:200],
        key=f"duplicate-name-{link.id}",
        max_chars=200,
    )
    if st.button(tr("links.action.duplicate"), key="duplicate-yes", type="primary"):
        with errors_shown():
            keep_made(making.duplicate_link(app, actor, link.id, name or ""))
            close_dialog()
            st.rerun()


def _revoke(app: Application, actor: Actor, link: LinkView) -> None:
    st.markdown(tr("links.revoke_sure", name=plain(link.name)))
    if st.button(tr("links.action.revoke"), key="revoke-yes", type="primary", icon=":material/block:"):
        with errors_shown():
            making.revoke_link(app, actor, link.id)
            made = last_made()
            if made is not None and made.link.id == link.id:
                forget_made()
            notice(tr("links.revoked", name=link.name))
            close_dialog()
            st.rerun()
