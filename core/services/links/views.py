"""What a link is asked to be, and what pages, routes and the command line see of links and guests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

PAGES = ("chat", "content", "sentiment", "recommend")
State = Literal["open", "revoked", "expired", "spent", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """A link as its owner wants it. ``most_messages`` and ``most_people`` None: without a limit.

    ``password`` and ``logo``: None leaves what a link has when it is changed, empty takes it away. ``logo`` is a file's
    bytes (PNG, JPEG or WebP). ``sites``: origins (``https://shop.example``) that may show it in a frame.
    """

    name: str
    pages: Sequence[str] = ("chat",)
    knowledge_base_id: int | None = None
    template: str = ""
    catalogue_id: int | None = None
    expires_at: datetime | None = None
    most_messages: int | None = 100
    most_people: int | None = 25
    password: str | None = None
    title: str = ""
    logo: bytes | None = None
    colour: str = ""
    greeting: str = ""
    language: str = "auto"
    sites: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link as its owner sees it. ``logo``: a PNG or None. ``messages``, ``people``: what was spent."""

    id: int
    name: str
    state: State
    pages: tuple[str, ...]
    knowledge_base_id: int | None
    template: str
    catalogue_id: int | None
    expires_at: datetime | None
    most_messages: int | None
    most_people: int | None
    has_password: bool
    title: str
    logo: bytes | None = field(repr=False)
    colour: str
    greeting: str
    language: str
    sites: tuple[str, ...]
    created_by: str
    created_at: datetime
    revoked_at: datetime | None
    messages: int
    people: int
    last_seen: datetime | None

    @property
    def messages_left(self) -> int | None:
        """None: without a limit."""
        return None if self.most_messages is None else max(0, self.most_messages - self.messages)


@dataclass(frozen=True, slots=True)
class Made:
    """A link just made or given a new address. ``token`` is known here and nowhere else."""

    link: LinkView
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One thing a guest asked or tried. ``guest``: 1 for the first who came. ``outcome``: a rung of the answer, or what
    the page said. ``reason``: of a refusal. ``rating``: 1, -1, 0. ``milliseconds``: until the answer."""

    at: datetime
    guest: int
    page: str
    text: str
    outcome: str
    reason: str
    rating: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class AskedSummary:
    """All of a link: things asked, those refused, thumbs up and down, the middle time of an answer in milliseconds."""

    rows: tuple[AskedRow, ...]
    asked: int
    refused: int
    up: int
    down: int
    milliseconds: int
