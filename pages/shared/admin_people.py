"""Admin, people: members, invitations, where they are signed in, what each role may do."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.access.actor import ALLOWED, Actor, Permission, Role
from core.services.application import Application
from core.services.people import accounts, links, members, signing_in
from core.services.people.views import MemberView, NewLink
from pages.shared.dialogs import close_dialog, dialog_values, draw_dialog, open_dialog
from pages.shared.entrance import go
from pages.shared.errors import errors_shown
from pages.shared.guard import session_token
from pages.shared.language import tr
from pages.shared.links_place import origin
from pages.shared.local_owner import local_owner_notice
from pages.shared.parts import confirm, notice
from pages.shared.wording import clock, plain, when

NEW_LINK = "admin.new-link"


def draw(app: Application, actor: Actor) -> None:
    found = members.list_members(app, actor)
    local_owner_notice(app, actor)
    if found:
        _members(app, actor, found)
        _invite(app, actor)
        _links(app, actor)
        _sign_ins(app, actor)
        if actor.account_id is not None:
            _workspaces(app, actor)
    _roles()


def _members(app: Application, actor: Actor, found: list[MemberView]) -> None:
    st.subheader(f"{tr('admin.members')} ({len(found)})", anchor=False)
    for member in found:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"row-member-{member.account_id}", gap="small"
        ):
            with st.container(width="stretch", gap=None):
                you = f" · {tr('admin.you')}" if member.account_id == actor.account_id else ""
                st.markdown(f"**{plain(member.name or member.email)}**{you}")
                seen = tr("admin.seen", when=when(member.seen_at)) if member.seen_at else tr("admin.never")
                st.caption(f"{plain(member.email)} · {seen}" if member.name else seen)
            if member.disabled:
                st.badge(tr("admin.disabled"), color="red")
            if member.company:
                st.badge(tr("admin.company"), color="gray")
            st.badge(tr(f"people.role.{member.role.value}"), color="blue" if member.role is Role.OWNER else "green")
            st.button(
                tr("admin.manage"),
                key=f"manage-{member.account_id}",
                icon=":material/tune:",
                on_click=open_dialog,
                args=("member",),
                kwargs={"account": member.account_id},
            )
    opened = (dialog_values("member") or {}).get("account")
    chosen = next((member for member in found if member.account_id == opened), None)
    if chosen is not None:
        draw_dialog("member", plain(chosen.email), lambda: _manage(app, actor, chosen), icon=":material/person:")


def _manage(app: Application, actor: Actor, member: MemberView) -> None:
    number = member.account_id
    roles = [role.value for role in members.GIVEN]
    chosen = st.selectbox(
        tr("admin.role"),
        roles,
        index=roles.index(member.role.value),
        format_func=lambda role: tr(f"people.role.{role}"),
        help=_role_help(),
        key=f"role-{number}",
    )
    if st.button(tr("admin.role_save"), key=f"role-save-{number}", disabled=chosen == member.role.value):
        with errors_shown():
            members.change_role(app, actor, number, chosen)
            _done(tr("admin.role_changed", email=member.email, role=tr(f"people.role.{chosen}")))
    st.divider()
    if st.button(tr("admin.reset"), key=f"reset-{number}", icon=":material/key:", width="stretch"):
        with errors_shown():
            st.session_state[NEW_LINK] = links.make_reset_link(app, actor, number)
            _done()
    if st.button(tr("admin.sign_out"), key=f"out-{number}", icon=":material/devices:", width="stretch"):
        with errors_shown():
            n = signing_in.sign_out_everywhere(app, actor, number)
            if number == actor.account_id:
                go("/session/end")
            _done(tr("admin.signed_out", email=member.email, n=n))
    if number != actor.account_id:
        _switch(app, actor, member)
    with st.expander(tr("admin.remove"), icon=":material/person_remove:"):
        confirm(
            tr("admin.remove_ask", email=plain(member.email)),
            tr("admin.remove"),
            lambda: _remove(app, actor, member),
            key=f"remove-{number}",
        )


def _role_help() -> str:
    given = (role.value for role in members.GIVEN)
    return "\n\n".join(f"**{tr(f'people.role.{role}')}**: {tr(f'people.role_text.{role}')}" for role in given)


def _switch(app: Application, actor: Actor, member: MemberView) -> None:
    key = "enable" if member.disabled else "disable"
    if st.button(tr(f"admin.{key}"), key=f"{key}-{member.account_id}", icon=":material/block:", width="stretch"):
        with errors_shown():
            accounts.disable_account(app, actor, member.account_id, disabled=not member.disabled)
            _done(tr(f"admin.{key}d_done", email=member.email))


def _remove(app: Application, actor: Actor, member: MemberView) -> None:
    with errors_shown():
        members.remove_member(app, actor, member.account_id)
        _done(tr("admin.removed", email=member.email))


def _done(text: str = "") -> None:
    if text:
        notice(text)
    close_dialog()
    st.rerun()


def _invite(app: Application, actor: Actor) -> None:
    st.subheader(tr("admin.invite"), anchor=False)
    with st.form("invite", clear_on_submit=False):
        with st.grid(2, min_column_width=240, gap="small", key="invite-fields"):
            email = st.text_input(tr("people.email"), key="invite-email", autocomplete="off")
            roles = [role.value for role in members.GIVEN]
            role = st.selectbox(
                tr("admin.role"),
                roles,
                index=1,
                format_func=lambda name: tr(f"people.role.{name}"),
                help=_role_help(),
                key="invite-role",
            )
        if st.form_submit_button(tr("admin.invite_button"), key="invite-send", type="primary"):
            with errors_shown():
                st.session_state[NEW_LINK] = links.invite(app, actor, email, role)
    made = st.session_state.pop(NEW_LINK, None)
    if isinstance(made, NewLink):
        st.success(tr("admin.link_for", email=plain(made.email), until=clock(made.expires_at)), icon=":material/link:")
        st.code(f"{base_address(app)}{made.path}", language=None, wrap_lines=True)


def base_address(app: Application) -> str:
    """Scheme and host that people elsewhere open the app at."""
    return app.settings.public_url.rstrip("/") or origin()


def _links(app: Application, actor: Actor) -> None:
    waiting = links.list_links(app, actor)
    if not waiting:
        return
    st.subheader(f"{tr('admin.links')} ({len(waiting)})", anchor=False)
    for link in waiting:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row-link-{link.id}", gap="small"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{plain(link.email)}**")
                values = {
                    "kind": tr(f"admin.link_kind.{link.kind}"),
                    "by": plain(link.made_by),
                    "until": clock(link.expires_at),
                }
                if link.kind == "invite":
                    st.caption(tr("admin.link_line", role=tr(f"people.role.{link.role}"), **values))
                else:
                    st.caption(tr("admin.reset_line", **values))
            if st.button(tr("admin.withdraw"), key=f"withdraw-{link.id}", icon=":material/link_off:"):
                with errors_shown():
                    links.withdraw_link(app, actor, link.id)
                    _done(tr("admin.withdrawn"))


def _sign_ins(app: Application, actor: Actor) -> None:
    found = signing_in.list_sign_ins(app, actor, session_token())
    st.subheader(f"{tr('admin.sign_ins')} ({len(found)})", anchor=False)
    if not found:
        st.caption(tr("admin.none_signed_in"))
    for row in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row-sign-in-{row.id}", gap="small"):
            with st.container(width="stretch", gap=None):
                st.markdown(f"**{plain(row.email)}**")
                agent = plain(short_agent(row.agent)) or tr("admin.unknown_browser")
                st.caption(tr("admin.sign_in_line", agent=agent, since=when(row.created_at), seen=when(row.seen_at)))
            if row.this_one:
                st.badge(tr("admin.this_one"), color="green")


def short_agent(agent: str) -> str:
    """Browser and system out of a User-Agent header: "Chrome, Linux"."""
    browsers = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    parts = [next((name for sign, name in choice if sign in agent), "") for choice in (browsers, systems)]
    return ", ".join(part for part in parts if part)


def _workspaces(app: Application, actor: Actor) -> None:
    with st.expander(tr("admin.new_workspace"), icon=":material/add_business:"), st.form("new-workspace"):
        name = st.text_input(tr("admin.new_workspace_name"), key="new-workspace-name", max_chars=200)
        if st.form_submit_button(tr("admin.new_workspace_button"), key="new-workspace-send"):
            with errors_shown():
                members.create_workspace(app, actor, name)
                notice(tr("admin.workspace_made", name=name))
                st.rerun()


def _roles() -> None:
    st.subheader(tr("admin.roles"), anchor=False)
    st.caption(tr("admin.roles_lead"))
    table = {
        tr("admin.may"): [tr(f"admin.permission.{permission.value.replace('.', '_')}") for permission in Permission],
        **{
            tr(f"people.role.{role.value}"): ["✓" if permission in ALLOWED[role] else "" for permission in Permission]
            for role in Role
        },
    }
    st.table(pd.DataFrame(table).set_index(tr("admin.may")))
