"""Names of models, and why one cannot do a template, as people read them."""

from __future__ import annotations

from core.services.content.models import ModelView, Offer
from core.text.catalogue import catalogue
from pages.shared.language import language, tr
from pages.shared.wording import language_name


def model_name(model: ModelView) -> str:
    """ "text-en (starter, English)"."""
    if model.origin == "documents":
        return tr("content.models.documents")
    told = [tr(f"content.models.{model.about if model.origin == 'configured' else model.origin}")]
    told += [language_name(code) for code in model.abilities.languages]
    return f"{model.name} ({tr('content.comma').join(told)})"


def key_name(key: str, name: str) -> str:
    """Of a stored draft, whose model may be gone."""
    return tr("content.models.documents") if key == "documents" else name or key


def task_name(task: str) -> str:
    return catalogue(language()).get(f"content.tasks.{task}", task)


def why_not(offer: Offer, spoken: str) -> str:
    """The reason in a few words."""
    abilities = offer.model.abilities
    comma = tr("content.comma")
    if offer.fit.why == "language":
        known = comma.join(language_name(code) for code in abilities.languages)
        return tr("content.why.language", known=known, found=language_name(spoken))
    if offer.fit.why == "task":
        return tr("content.why.task", tasks=comma.join(task_name(task) for task in abilities.tasks))
    return tr(f"content.why.{offer.fit.why}")
