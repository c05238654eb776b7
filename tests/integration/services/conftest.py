"""Two workspaces in one real, migrated SQLite file, and the people who act in them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.access.actor import Actor, Role
from core.db.tables import KnowledgeBase, Workspace
from core.services.application import Application


@dataclass(frozen=True)
class Shop:
    """One workspace with a knowledge base and its people."""

    workspace: int
    kb: int

    def owner(self) -> Actor:
        return Actor(self.workspace, "owner-browser", Role.OWNER)

    def agent(self) -> Actor:
        return Actor(self.workspace, "agent-browser", Role.AGENT)

    def customer(self, name: str = "ann") -> Actor:
        return Actor(self.workspace, f"{name}-browser", Role.CUSTOMER)


def open_shop(app: Application, slug: str) -> Shop:
    with app.database.system(writing=True) as session:
        workspace = Workspace(slug=slug, name=slug.title(), settings={})
        session.add(workspace)
        session.flush()
        kb = KnowledgeBase(workspace_id=workspace.id, name="Help", settings={})
        session.add(kb)
        session.flush()
        return Shop(workspace.id, kb.id)


@pytest.fixture
def shop(app: Application) -> Shop:
    return open_shop(app, "lumen")


@pytest.fixture
def rival(app: Application, shop: Shop) -> Shop:
    return open_shop(app, "umbra")
