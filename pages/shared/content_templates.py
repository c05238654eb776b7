"""The owner's own templates: fields, what a model is told, how a text begins."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.content import templates
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.wording import plain

NEW: dict[str, Any] = {
    "title": "", "help": "", "instruction": "", "opening": "", "quotes": False,
    "fields": [{"name": "topic", "label": "", "kind": "line", "required": True, "example": ""}],
}  # fmt: skip
EDITED = "template.edited"


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("content.templates.lead"))
    own = [one for one in templates.list_templates(app, actor, language()) if one.own]
    for one in own:
        with st.container(horizontal=True, vertical_alignment="center", key=f"row-template-{one.id}"):
            st.markdown(f"**{plain(one.title)}**", width="content")
            st.caption(plain(one.help), width="content")
            if not actor.may(Permission.CONTENT):
                continue
            st.space("stretch")
            st.button(
                tr("common.edit"), key=f"template-edit-{one.id}", type="tertiary", icon=":material/edit:",
                on_click=st.session_state.__setitem__, args=(EDITED, one.id),
            )  # fmt: skip
            with st.popover(tr("common.delete"), icon=":material/delete:", type="tertiary"):
                st.markdown(tr("content.templates.delete"))
                st.button(
                    tr("common.delete"), key=f"template-delete-{one.id}", type="primary", on_click=_delete,
                    args=(app, actor, one.id),
                )  # fmt: skip
    if actor.may(Permission.CONTENT):
        _form(app, actor, str(st.session_state.get(EDITED, "")))
    elif not own:
        st.caption(tr("content.templates.none"))


def _delete(app: Application, actor: Actor, template_id: str) -> None:
    with errors_shown():
        templates.delete_template(app, actor, template_id)
        st.session_state.pop(EDITED, None)
        notice(tr("content.templates.deleted"))


def _form(app: Application, actor: Actor, edited: str) -> None:
    old = templates.template_definition(app, actor, edited) if edited else NEW
    mark = edited or f"new-{st.session_state.get('template.count', 0)}"
    with st.container(border=True, key="template-form"):
        st.markdown(f"**{tr('content.templates.change' if edited else 'content.templates.new')}**")
        with st.container(horizontal=True):
            title = st.text_input(
                tr("content.templates.title"), old["title"], key=f"template-title-{mark}", max_chars=100
            )
            about = st.text_input(tr("content.templates.help"), old["help"], key=f"template-help-{mark}", max_chars=500)
        fields = st.data_editor(
            [{**one, "required": bool(one["required"])} for one in old["fields"]],
            key=f"template-fields-{mark}", num_rows="dynamic", width="stretch", hide_index=True,
            column_order=["name", "label", "kind", "required", "example"],
            column_config={
                "name": st.column_config.TextColumn(tr("content.templates.field"), required=True),
                "label": st.column_config.TextColumn(tr("content.templates.label")),
                "kind": st.column_config.SelectboxColumn(
                    tr("content.templates.kind"), options=["line", "text"], default="line",
                    format_func=lambda kind: tr(f"content.templates.kinds.{kind}"),
                ),
                "required": st.column_config.CheckboxColumn(tr("content.templates.required"), default=False),
                "example": st.column_config.TextColumn(tr("content.templates.example")),
            },
        )  # fmt: skip
        instruction = st.text_area(
            tr("content.templates.instruction"), old["instruction"], key=f"template-instruction-{mark}", height=120,
            help=tr("content.templates.instruction_help"), placeholder=tr("content.templates.instruction_example"),
        )  # fmt: skip
        opening = st.text_area(
            tr("content.templates.opening"), old["opening"], key=f"template-opening-{mark}", height=80,
            help=tr("content.templates.opening_help"),
        )  # fmt: skip
        with st.container(horizontal=True):
            if st.button(tr("common.save"), key=f"template-save-{mark}", type="primary"):
                definition = {
                    "title": title, "help": about, "instruction": instruction, "opening": opening, "fields": fields,
                    "quotes": old["quotes"], "channel": old.get("channel", ""),
                }  # fmt: skip
                with errors_shown():
                    templates.save_template(app, actor, definition, edited)
                    st.session_state.pop(EDITED, None)
                    st.session_state["template.count"] = st.session_state.get("template.count", 0) + 1
                    notice(tr("common.saved"))
                    st.rerun()
            if edited:
                st.button(tr("common.cancel"), key="template-leave", on_click=st.session_state.pop, args=(EDITED, None))
