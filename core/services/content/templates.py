"""Templates of a workspace: those of the product and the owner's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor, Permission
from core.content.templates import BUILT_IN, Template, built_in, checked_definition, own_template
from core.db.content_tables import ContentTemplate
from core.errors import NotFound
from core.services.application import Application
from core.types import Language


def list_templates(app: Application, actor: Actor, language: Language) -> list[Template]:
    """All of them, worded in ``language``; the owner's own last."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        own = rows.all(rows.select(ContentTemplate).order_by(ContentTemplate.id))
    return [*(built_in(name, language) for name in BUILT_IN), *(own_template(row.id, row.definition) for row in own)]


def get_template(app: Application, actor: Actor, template_id: str, language: Language) -> Template:
    """Raises NotFound."""
    actor.require(Permission.CONTENT_READ)
    number = template_id.removeprefix("own-")
    if template_id.startswith("own-") and number.isdecimal():
        with app.database.read(actor.workspace_id) as rows:
            row = rows.find(ContentTemplate, ContentTemplate.id == int(number))
        if row is None:
            raise NotFound("content.template_gone", id=template_id)
        return own_template(row.id, row.definition)
    return built_in(template_id, language)


def save_template(app: Application, actor: Actor, definition: Mapping[str, Any], template_id: str = "") -> str:
    """Stores an own template, a new one when ``template_id`` is ""; its id. Raises BadInput (content.template_*)."""
    actor.require(Permission.CONTENT)
    kept = checked_definition(definition)
    with app.database.write(actor.workspace_id) as rows:
        if template_id:
            row = rows.get(ContentTemplate, _number(template_id))
            row.title, row.definition = kept["title"], kept
        else:
            row = rows.add(ContentTemplate(title=kept["title"], definition=kept))
        return f"own-{row.id}"


def template_definition(app: Application, actor: Actor, template_id: str) -> dict[str, Any]:
    """What an own template was made of, for its form. Raises NotFound."""
    actor.require(Permission.CONTENT_READ)
    with app.database.read(actor.workspace_id) as rows:
        return dict(rows.get(ContentTemplate, _number(template_id)).definition)


def delete_template(app: Application, actor: Actor, template_id: str) -> None:
    """Drafts that were written with it stay."""
    actor.require(Permission.CONTENT)
    with app.database.write(actor.workspace_id) as rows:
        rows.delete(ContentTemplate, ContentTemplate.id == _number(template_id))


def _number(template_id: str) -> int:
    """Raises NotFound for what is no id of an own template."""
    digits = template_id.removeprefix("own-")
    if not digits.isdecimal():
        raise NotFound("not_found", what="template", id=template_id[:40])
    return int(digits)
