"""Admin › Keys: keys of the HTTP API are made (and shown once), listed and revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from core.access.actor import Actor
from core.services import keys
from core.services.application import Application
from core.services.keys import KeyView, NewKey
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.links_place import origin
from pages.shared.parts import confirm, notice
from pages.shared.wording import local, plain, when

MADE = "admin.keys.made"
DAYS = (0, 30, 90, 365)
COLORS = {"active": "green", "expired": "orange", "revoked": "gray"}


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("api.lead", docs=f"{_base()}/docs?lang={language()}"))
    made: NewKey | None = st.session_state.get(MADE)
    if made is not None:
        _shown_once(made)
    else:
        _form(app, actor)
    found = keys.list_keys(app, actor)
    if not found:
        st.caption(tr("api.none"))
        return
    st.subheader(tr("api.keys"), anchor=False)
    with st.container(key="api-keys", gap="xxsmall"):
        for one in found:
            _row(app, actor, one)


def _base() -> str:
    """Where this installation's API is, as this browser reaches it."""
    return f"{origin()}/v1"


def _form(app: Application, actor: Actor) -> None:
    with st.container(border=True, key="api-new"):
        st.markdown(f"**{tr('api.new')}**")
        left, right = st.columns([3, 1])
        name = left.text_input(tr("api.name"), key="api-name", placeholder=tr("api.name_example"), max_chars=200)
        days = right.selectbox(tr("api.expires"), DAYS, key="api-days", format_func=lambda n: tr(f"api.days_{n}"))
        scopes = st.pills(
            tr("api.scopes"), [*keys.BUNDLES], key="api-scopes", selection_mode="multi", default=["ask"],
            format_func=lambda one: tr(f"api.bundle.{one}"),
        )  # fmt: skip
        for one in scopes:
            st.caption(f"**{tr(f'api.bundle.{one}')}** · {tr(f'api.bundle_help.{one}')}")
        if st.button(tr("api.make"), key="api-make", type="primary", icon=":material/key:"):
            with errors_shown():
                until = datetime.now(UTC) + timedelta(days=days) if days else None
                st.session_state[MADE] = keys.make_key(app, actor, name, scopes, expires_at=until)
                st.rerun()


def _shown_once(made: NewKey) -> None:
    with st.container(border=True, key="api-made"):
        st.markdown(f":material/key: **{plain(made.view.name)}** · {tr('api.shown_once')}")
        st.code(made.secret, language=None, wrap_lines=True)
        python, curl = st.tabs(["Python", "curl"])
        python.code(_python(), language="python")
        curl.code(_curl(made), language="bash")
        if st.button(tr("api.copied"), key="api-copied", type="primary", icon=":material/check:"):
            del st.session_state[MADE]
            st.rerun()


def _python() -> str:
    return (
        "import os\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{_base()}", api_key=os.environ["PILOTLIGHT_KEY"])\n'
        "for model in client.models.list():\n    print(model.id)"
    )


def _curl(made: NewKey) -> str:
    asking = "ask" in made.view.bundles
    body = '{"model": "knowledge-base:NAME", "messages": [{"role": "user", "content": "..."}]}'
    what = f"/chat/completions \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'" if asking else "/models"
    return f'export PILOTLIGHT_KEY=plk_...\ncurl -H "Authorization: Bearer $PILOTLIGHT_KEY" {_base()}{what}'


def _row(app: Application, actor: Actor, one: KeyView) -> None:
    with (
        st.container(key=f"row-key-{one.id}"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.markdown(f"**{plain(one.name)}** `{one.prefix}…`", width="content")
        st.badge(tr(f"api.state.{one.state}"), color=COLORS[one.state])  # type: ignore[arg-type]
        held = [tr(f"api.bundle.{name}") for name in one.bundles] or list(one.scopes)
        st.caption(" · ".join([", ".join(held), *_times(one)]), width="content")
        st.space("stretch")
        if one.state != "active":
            return
        with st.popover(tr("api.revoke"), icon=":material/block:", type="tertiary", key=f"key-revoke-{one.id}"):

            def revoke() -> None:
                with errors_shown():
                    keys.revoke_key(app, actor, one.id)
                    notice(tr("api.revoked", name=one.name))
                    st.rerun()

            confirm(tr("api.revoke_ask", name=plain(one.name)), tr("api.revoke_yes"), revoke, key=f"key-yes-{one.id}")


def _times(one: KeyView) -> list[str]:
    made = when(one.created_at)
    said = [tr("api.by", by=plain(one.created_by), when=made) if one.created_by else tr("api.made", when=made)]
    said.append(tr("api.used", when=when(one.last_used_at)) if one.last_used_at else tr("api.never_used"))
    if one.expires_at and one.state == "active":
        said.append(tr("api.until", day=f"{local(one.expires_at):%Y-%m-%d}"))
    return said
