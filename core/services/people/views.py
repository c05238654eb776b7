"""What people services return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.access.actor import Role


@dataclass(frozen=True, slots=True)
class MemberView:
    account_id: int
    email: str
    name: str
    role: Role
    since: datetime
    seen_at: datetime | None  # the last time they were here, if they are signed in anywhere
    disabled: bool
    company: bool  # comes by the company's sign-in


@dataclass(frozen=True, slots=True)
class SignInView:
    id: int
    account_id: int
    email: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str
    this_one: bool  # the browser that asks


@dataclass(frozen=True, slots=True)
class LinkView:
    id: int
    kind: str  # invite reset
    email: str
    role: str
    made_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewLink:
    """Shown once: the token is not stored. ``path`` is to be put after the address of the app."""

    email: str
    path: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a one-time link says before it is used."""

    kind: str
    email: str
    role: str
    workspace: str
    made_by: str
    has_account: bool


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account of who asks."""

    id: int
    email: str
    name: str
    has_password: bool
    workspaces: tuple[WorkspaceView, ...]
    language: str = ""  # as they chose it; "" for what the browser says
