"""What a workspace decides on personal data: where it is masked, and how long what people said is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.tables import Workspace
from core.errors import BadInput
from core.services.application import Application
from core.services.schedule import own_workspace

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

KEY = "privacy"  # in the settings of the workspace
KINDS = ("conversations", "demo_uses", "sentiment_files", "jobs")
LONGEST = 3650  # days


@dataclass(frozen=True, slots=True)
class Privacy:
    """``mask_endpoint``: before a text goes to an outside language model. ``mask_training``: in every new data set.

    ``days``: how long each of :data:`KINDS` is kept; 0 means until somebody deletes it. The audit log is always kept.
    """

    mask_endpoint: bool = True
    mask_training: bool = False
    days: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


def privacy(app: Application, actor: Actor) -> Privacy:
    """What is set now."""
    actor.require(Permission.WORKSPACE)
    return privacy_of(app, actor.workspace_id)


def privacy_of(app: Application, workspace_id: int) -> Privacy:
    """The same for services."""
    with app.database.read(workspace_id) as rows:
        return read_privacy(own_workspace(rows))


def read_privacy(workspace: Workspace) -> Privacy:
    stored = workspace.settings.get(KEY) or {}
    days = {kind: int((stored.get("days") or {}).get(kind, 0)) for kind in KINDS}
    found = Privacy()
    return Privacy(
        bool(stored.get("mask_endpoint", found.mask_endpoint)),
        bool(stored.get("mask_training", found.mask_training)),
        days,
    )


def save_privacy(app: Application, actor: Actor, **values: Any) -> Privacy:
    """Changes some of the fields of :class:`Privacy`; ``days`` may name some of the kinds. The change is audited.

    Raises BadInput for an unknown name and for days that are none; nothing is stored then.
    """
    actor.require(Permission.WORKSPACE)
    known = {one.name for one in fields(Privacy)}
    days = dict(values.pop("days", {}))
    if unknown := sorted({*(values.keys() - known), *(days.keys() - set(KINDS))}):
        raise BadInput("privacy.unknown", names=", ".join(unknown), known=", ".join((*sorted(known), *KINDS)))
    for kind, number in days.items():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= LONGEST:
            raise BadInput("privacy.days", kind=kind, given=str(number)[:40], limit=LONGEST)
    with app.database.write(actor.workspace_id) as rows:
        workspace = own_workspace(rows)
        before = asdict(read_privacy(workspace))
        after = {**before, **{name: bool(value) for name, value in values.items()}}
        after["days"] = {**before["days"], **days}
        if after != before:
            workspace.settings = {**workspace.settings, KEY: after}
            changed = {name: after[name] for name in after if after[name] != before[name]}
            record(rows, actor, "privacy.changed", **changed)
        return read_privacy(workspace)


def chat_of(app: Application, workspace_id: int) -> BaseChatModel | None:
    """The language model, if one is configured; one outside is told no personal data unless the workspace allows it."""
    chat = app.chat_model()
    if chat is None or app.settings.llm != "endpoint" or not privacy_of(app, workspace_id).mask_endpoint:
        return chat
    from core.models.chat import masking

    return masking(chat)
