"""Who acts, in which workspace, and what that role may do. Checked in services, never in pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import PilotlightError


class Role(StrEnum):
    OWNER = "owner"
    EDITOR = "editor"  # makes and changes everything but the people, keys, links and settings of the workspace
    AGENT = "agent"  # answers customers: the inbox and what it needs
    ANALYST = "analyst"  # reads, and changes nothing
    GUEST = "guest"  # a customer: through the chat page or a demo link


class Permission(StrEnum):
    CHAT = "chat"  # ask, see and manage one's own conversations
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    QUALITY_READ = "quality.read"
    QUALITY = "quality"
    INBOX = "inbox"
    CONTENT_READ = "content.read"  # templates, voices and what was written
    CONTENT = "content"  # write texts, templates, voices
    STUDIO_READ = "studio.read"  # data sets, runs, reports, versions
    STUDIO = "studio"  # data sets, training, and which model serves what
    SENTIMENT_READ = "sentiment.read"  # results, charts, the mood of customers
    SENTIMENT = "sentiment"  # judge texts, label doubtful ones, set watches
    RECOMMEND_READ = "recommend.read"  # catalogues, comparisons, offers
    RECOMMEND = "recommend"  # catalogues, models and rules of recommendations
    WORKSPACE = "workspace"  # its name, hours, greeting, privacy, retention
    MEMBERS = "members"  # invite, change roles, reset passwords
    LINKS = "links"  # demo links
    KEYS = "keys"  # keys of the HTTP API
    AUDIT = "audit"  # read who did what
    REPORT = "report"  # the pilot report and what is used


_READ = frozenset(
    {
        Permission.KNOWLEDGE_READ, Permission.QUALITY_READ, Permission.CONTENT_READ, Permission.STUDIO_READ,
        Permission.SENTIMENT_READ, Permission.RECOMMEND_READ, Permission.REPORT,
    }
)  # fmt: skip
_MAKE = frozenset(
    {
        Permission.CHAT, Permission.KNOWLEDGE_WRITE, Permission.QUALITY, Permission.INBOX, Permission.CONTENT,
        Permission.STUDIO, Permission.SENTIMENT, Permission.RECOMMEND,
    }
)  # fmt: skip

ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.EDITOR: _READ | _MAKE,
    Role.AGENT: frozenset({Permission.CHAT, Permission.KNOWLEDGE_READ, Permission.INBOX}),
    Role.ANALYST: _READ | {Permission.CHAT},
    Role.GUEST: frozenset({Permission.CHAT}),
}


class NotAllowed(PilotlightError):
    """The role may not do this. The sentence names who may."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a key of the HTTP API, or the worker, acting in one workspace.

    ``visitor`` is the random id of their browser, or ``account:N``, ``key:N``, ``link:N:BROWSER`` where one of these is
    known; conversations belong to it. ``name`` is what the audit log calls them. ``account_id``, ``key_id`` and
    ``link_id``: the row they came by, if any. ``scopes`` narrow what the role may do (keys and demo links). ``still``:
    asked before anything is done by an actor who is kept for longer than a request (an open page), because a sign-in
    ends and a role changes meanwhile.
    """

    workspace_id: int
    visitor: str
    role: Role = Role.OWNER
    language: str = "en"
    name: str = ""
    account_id: int | None = None
    key_id: int | None = None
    link_id: int | None = None
    scopes: frozenset[Permission] | None = None
    still: Callable[[], bool] | None = field(default=None, compare=False, repr=False)

    def may(self, permission: Permission) -> bool:
        """Whether the role, narrowed by ``scopes``, holds ``permission``."""
        return permission in ALLOWED[self.role] and (self.scopes is None or permission in self.scopes)

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed unless :meth:`may`, also when whoever was signed in is so no more."""
        if self.still is not None and not self.still():
            raise NotAllowed("people.gone")
        if not self.may(permission):
            raise NotAllowed("not_allowed", role=self.role.value, permission=permission.value)
