"""Which recommenders there are, and how one that was saved is opened again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import BadInput, Unavailable
from core.recommend.als import Als
from core.recommend.base import Model
from core.recommend.blend import Blend
from core.recommend.content_based import BuildIndex, ContentBased, Encode
from core.recommend.ease import Ease, EaseRecent
from core.recommend.neighbours import Neighbours
from core.recommend.popular import Popular, Recent
from core.recommend.sequential import Bert4Rec, SasRec
from core.recommend.store import stored_name

MODELS: dict[str, type[Model]] = {
    model.name: model
    for model in (Popular, Recent, Neighbours, Ease, EaseRecent, Als, ContentBased, SasRec, Bert4Rec, Blend)
}
BASELINE = "popular"
MEMBERS = ("popular", "recent", "neighbours", "ease_recent", "als", "content", "sasrec")
FAST = ("popular", "recent", "neighbours", "ease", "ease_recent", "als", "content", "blend")
ALL = (*FAST[:-1], "sasrec", "bert4rec", "blend")


def create(
    name: str,
    *,
    encode: Encode | None = None,
    index: BuildIndex | None = None,
    members: Sequence[str] = MEMBERS,
    **args: Any,
) -> Model:
    """A model that is not fitted yet. ``members``: of a blend. Raises BadInput (recommend.unknown_model)."""
    if name not in MODELS:
        raise BadInput("recommend.unknown_model", name=name, known=", ".join(MODELS))
    if name == Blend.name:
        return Blend({one: create(one, encode=encode, index=index) for one in members}, **args)
    if name == ContentBased.name:
        return ContentBased(encode=encode, index=index, **args)
    return MODELS[name](**args)


def open_model(folder: Path, *, encode: Encode | None = None, index: BuildIndex | None = None) -> Model:
    """Any saved model. ``encode``: for words typed and items added later; the same that it was fitted with.

    Raises Unavailable (models.no_manifest, models.damaged, recommend.other_model).
    """
    name = stored_name(folder)
    if name not in MODELS:
        raise Unavailable("recommend.other_model", folder=folder.name, found=name, expected=", ".join(MODELS))
    model = MODELS[name].open(folder)
    for part in (model, *(model.members.values() if isinstance(model, Blend) else ())):
        if isinstance(part, ContentBased):
            part.encode, part.build = encode, index
    return model
