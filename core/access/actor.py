"""Who acts, in which workspace, and what that role may do. Checked in services, never in pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.errors import PilotlightError


class Role(StrEnum):
    OWNER = "owner"
    AGENT = "agent"
    CUSTOMER = "customer"


class Permission(StrEnum):
    CHAT = "chat"  # ask, see and manage one's own conversations
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    QUALITY = "quality"
    INBOX = "inbox"
    CONTENT = "content"  # write texts, templates, voices
    STUDIO = "studio"  # data sets, training, and which model serves what
    SENTIMENT = "sentiment"  # judge texts, label doubtful ones, see the mood of customers
    RECOMMEND = "recommend"  # catalogues, models and rules of recommendations
    WORKSPACE = "workspace"


ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.AGENT: frozenset(
        {Permission.CHAT, Permission.KNOWLEDGE_READ, Permission.INBOX, Permission.CONTENT, Permission.SENTIMENT}
    ),
    Role.CUSTOMER: frozenset({Permission.CHAT}),
}


class NotAllowed(PilotlightError):
    """The role may not do this. The sentence names who may."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or the worker) acting in one workspace. ``visitor`` is the random id of their browser."""

    workspace_id: int
    visitor: str
    role: Role = Role.OWNER
    language: str = "en"

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed unless the role holds ``permission``."""
        if permission not in ALLOWED[self.role]:
            raise NotAllowed("not_allowed", role=self.role.value, permission=permission.value)
