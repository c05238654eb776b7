"""A workspace with one published handbook, and links to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.services import knowledge
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.links import making
from core.services.links.views import LinkRequest, Made
from core.services.views import Upload

HANDBOOK = (
    "# Money\n\n## Refunds\n\nRefunds are paid within 5 working days after the returned lamp has arrived. "
    "The money goes back to the card that was used.\n\n## Prices\n\nStudents pay 12 EUR a month instead of 20 EUR.\n\n"
    "# Shipping\n\nParcels to Norway take 8 days. Express parcels are not offered on weekends.\n"
)
MakeLink = Callable[..., Made]


@pytest.fixture
def base(app: Application, owner: Actor) -> int:
    return knowledge.create_knowledge_base(app, owner, "Help")


@pytest.fixture
def handbook(app: Application, owner: Actor, base: int) -> int:
    runner(app).run(start_ingest(app, owner, base, [Upload("handbook.md", HANDBOOK.encode())]))
    return base


@pytest.fixture
def link(app: Application, owner: Actor, base: int) -> MakeLink:
    def make(**values: Any) -> Made:
        return making.make_link(app, owner, LinkRequest(**{"name": "Acme", "knowledge_base_id": base} | values))

    return make
