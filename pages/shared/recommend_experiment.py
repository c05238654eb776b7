"""The part of the Recommendations page for experiment."""

from __future__ import annotations

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend.views import CatalogueView


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    return None
