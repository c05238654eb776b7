"""Two workspaces in one real, migrated SQLite file, and the people who act in them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.access.actor import Actor, Role
from core.db.tables import Job, KnowledgeBase, Workspace
from core.services import conversations
from core.services.application import Application
from core.services.ask import ask
from core.services.views import MessageView


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
        return Actor(self.workspace, f"{name}-browser", Role.GUEST)


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


RETURNS = """# Returns and refunds

Lamps can be returned within 30 days of delivery. The lamp must be unused and in its original box.
Refunds are paid to the original means of payment within 5 working days.

# Warranty

Every Lumen lamp has a warranty of 24 months. Batteries are covered for 12 months.
The warranty does not cover damage by water.

# Delivery

Delivery within Germany costs 4.90 euros and takes two to three days.
Orders above 80 euros are delivered free of charge.
"""
CHINESE = """# 退货与退款

灯具自签收之日起三十天内可以退货。退货的灯具必须未使用，并保留原包装。
退款将在五个工作日内退回原支付账户。

# 保修

每盏流明台灯保修二十四个月，电池保修十二个月。进水造成的损坏不在保修范围内。
"""


def publish_texts(app: Application, shop: Shop, **texts: str) -> None:
    """Ingests documents and publishes them, here and now, by the jobs that a worker would run."""
    from core.bootstrap import runner
    from core.services.ingest import start_ingest
    from core.services.views import Upload

    uploads = [Upload(f"{name}.md", text.encode()) for name, text in texts.items()]
    job_id = start_ingest(app, shop.owner(), shop.kb, uploads)
    runner(app).run(job_id)
    with app.database.read(shop.workspace) as rows:
        job = rows.get(Job, job_id)
        assert job.state == "done", job.error


def lower_the_bar(app: Application, shop: Shop, threshold: float = 0.3) -> None:
    """A threshold as golden questions might have given; the shipped one is strict and made for large collections."""
    from core.services.knowledge import update_settings

    update_settings(app, shop.owner(), shop.kb, threshold=threshold)


@pytest.fixture
def lamps(app: Application, shop: Shop) -> Shop:
    """The shop with its two documents published."""
    publish_texts(app, shop, returns=RETURNS, 退货=CHINESE)
    lower_the_bar(app, shop)
    return shop


@pytest.fixture
def ann(shop: Shop) -> Actor:
    return shop.customer("ann")


@pytest.fixture
def talk(app: Application, shop: Shop, ann: Actor) -> int:
    """An empty conversation of Ann's."""
    return conversations.start_conversation(app, ann, shop.kb)


def say(app: Application, actor: Actor, conversation: int, question: str) -> MessageView:
    return ask(app, actor, conversation, question).result()
