"""What a guest may try beside the chat: one text judged, one text written, one list recommended.

A guest holds no permission of these services. Here the link's page is checked, a message spent and the thing noted for
the owner; then it is done on behalf of the link, with rights for this one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from core.access.actor import Actor, Permission, Role
from core.content.templates import Template
from core.db.link_tables import DemoGuest, DemoLink, DemoUse
from core.errors import BadInput, PilotlightError
from core.services.application import Application
from core.services.content import writing
from core.services.content.templates import get_template
from core.services.content.views import DraftView, WriteRequest
from core.services.knowledge import list_knowledge_bases
from core.services.links.guests import require_page, spend
from core.services.recommend.serving import Asked, recommend
from core.services.recommend.views import OfferList
from core.services.sentiment import one
from core.services.views import KnowledgeBaseView
from core.types import Language

LONGEST = 2000
PLACES = 8
_RIGHTS = {
    "chat": {Permission.CHAT, Permission.KNOWLEDGE_READ},
    "content": {Permission.CONTENT, Permission.CONTENT_READ},
    "sentiment": {Permission.SENTIMENT, Permission.SENTIMENT_READ},
    "recommend": {Permission.RECOMMEND, Permission.RECOMMEND_READ},
}


@dataclass(slots=True)
class _Use:
    outcome: str = ""


def guest_base(app: Application, actor: Actor) -> KnowledgeBaseView | None:
    """The knowledge base that a guest may ask; None when it was deleted since."""
    link = _link(app, actor, "chat")
    views = list_knowledge_bases(app, _on_behalf(actor, "chat"))
    return next((view for view in views if view.id == link.knowledge_base_id), None)


def guest_template(app: Application, actor: Actor, language: Language) -> Template:
    """The template that a guest may fill in. Raises NotFound when it was deleted since."""
    return get_template(app, _on_behalf(actor, "content"), _link(app, actor, "content").template, language)


def try_sentiment(app: Application, actor: Actor, text: str) -> one.Scored:
    """Judges one text. Raises BadInput for an empty or overlong one, and what spending raises."""
    with _used(app, actor, "sentiment", text) as use:
        scored = one.score_text(app, _on_behalf(actor, "sentiment"), text)
        use.outcome = scored.judgement.label
    return scored


def try_content(app: Application, actor: Actor, values: Mapping[str, str], language: Language) -> DraftView:
    """Writes one text from the link's template; returns when it is done. The draft stands in the owner's history."""
    link = _link(app, actor, "content")
    said = "\n".join(f"{name}: {value.strip()}" for name, value in values.items() if value.strip())
    with _used(app, actor, "content", said) as use:
        request = WriteRequest(link.template, values, language=language, variants=1)
        draft = writing.write(app, _on_behalf(actor, "content"), request)
        use.outcome = draft.state
    return draft


def try_recommend(app: Application, actor: Actor, words: str) -> OfferList:
    """A list for somebody new who says what they look for. A running experiment does not count it."""
    link = _link(app, actor, "recommend")
    if link.catalogue_id is None:
        raise BadInput("links.subject_gone")
    with _used(app, actor, "recommend", words) as use:
        asked = Asked(words=words, k=PLACES, counts=False)
        found = recommend(app, _on_behalf(actor, "recommend"), link.catalogue_id, asked)
        use.outcome = str(len(found.offers))
    return found


def _on_behalf(actor: Actor, page: str) -> Actor:
    return Actor(
        workspace_id=actor.workspace_id, visitor=actor.visitor, role=Role.EDITOR, language=actor.language,
        name=actor.name, scopes=frozenset(_RIGHTS[page]),
    )  # fmt: skip


def _link(app: Application, actor: Actor, page: str) -> DemoLink:
    with app.database.read(actor.workspace_id) as rows:
        return require_page(rows, actor, page)


@contextmanager
def _used(app: Application, actor: Actor, page: str, text: str) -> Iterator[_Use]:
    """Spends before the work, so that many at once stay within the limit; work that fails is given back."""
    kept = text.strip()
    if not kept:
        raise BadInput("links.text_empty")
    if len(kept) > LONGEST:
        raise BadInput("links.too_long", length=len(kept), limit=LONGEST)
    with app.database.write(actor.workspace_id) as rows:
        link = require_page(rows, actor, page)
        spend(rows, actor)
        guest = rows.find(DemoGuest, DemoGuest.visitor == actor.visitor)
        assert guest is not None, "spend() raises for a guest that is not there"
        row = rows.add(DemoUse(link_id=link.id, guest_id=guest.id, page=page, text=kept))
    use = _Use()
    try:
        yield use
    except PilotlightError:
        with app.database.write(actor.workspace_id) as rows:
            rows.delete(DemoUse, DemoUse.id == row.id)
            rows.update(DemoLink, DemoLink.id == row.link_id, messages=DemoLink.messages - 1)
            rows.update(DemoGuest, DemoGuest.id == row.guest_id, messages=DemoGuest.messages - 1)
        raise
    with app.database.write(actor.workspace_id) as rows:
        rows.update(DemoUse, DemoUse.id == row.id, outcome=use.outcome[:200])
