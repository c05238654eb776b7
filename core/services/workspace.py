"""What the owner sets for the whole workspace: its name, the greeting, where a person can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.errors import BadInput
from core.services import schedule
from core.services.application import Application
from core.services.schedule import own_workspace
from core.text.catalogue import LANGUAGES

LIMITS = {"name": 200, "contact": 300, "greeting": 1000}


def workspace_settings(app: Application, actor: Actor) -> dict[str, Any]:
    """``name``, ``greeting`` (a text per language, may be empty), ``contact`` and ``opening_hours``."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        stored = workspace.settings
        return {
            "name": workspace.name,
            "greeting": {code: str(stored.get("greeting", {}).get(code, "")) for code in LANGUAGES},
            "contact": str(stored.get("contact", "")),
            "opening_hours": schedule.shown(stored.get("opening_hours") or {}),
        }


def save_workspace_settings(app: Application, actor: Actor, **values: Any) -> None:
    """Changes some of ``name``, ``greeting`` (a mapping of language to text), ``contact``, ``opening_hours`` (see
    :func:`core.services.schedule.set_opening_hours`); the others stay.

    Raises BadInput for an unknown key, a text too long, an empty name or unreadable hours; then nothing is stored.
    """
    actor.require(Permission.WORKSPACE)
    if unknown := sorted(values.keys() - {*LIMITS, "opening_hours"}):
        known = ", ".join(sorted({*LIMITS, "opening_hours"}))
        raise BadInput("chat.workspace_unknown", keys=", ".join(unknown), known=known)
    texts = values.keys() & {"name", "contact"}
    kept: dict[str, Any] = {name: _text(name, values[name]) for name in texts}
    if "opening_hours" in values:
        kept["opening_hours"] = schedule.checked(values["opening_hours"])
    if kept.get("name") == "":
        raise BadInput("chat.workspace_name")
    if "greeting" in values:
        kept["greeting"] = _greeting(values["greeting"])
    with app.database.write(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        name = kept.pop("name", None)
        if name is not None:
            workspace.name = name
        if "greeting" in kept:
            kept["greeting"] = {**workspace.settings.get("greeting", {}), **kept["greeting"]}
        workspace.settings = {**workspace.settings, **kept}
        record(rows, actor, "workspace.changed", workspace.name, changed=sorted(values))


def _text(name: str, value: Any) -> str:
    text = str(value).strip()
    if len(text) > LIMITS[name]:
        raise BadInput("chat.text_too_long", length=len(text), limit=LIMITS[name])
    return text


def _greeting(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or value.keys() - set(LANGUAGES):
        raise BadInput("chat.workspace_greeting", languages=", ".join(LANGUAGES))
    return {language: _text("greeting", text) for language, text in value.items()}
