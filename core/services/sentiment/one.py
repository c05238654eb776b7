"""One text, or a handful: what it says, how sure that is, and which words made it so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from core.access.actor import Actor, Permission
from core.errors import BadInput
from core.sentiment.aspects import Mention, mentions
from core.sentiment.polarity import POLARITIES as POLARITIES
from core.sentiment.polarity import Judgement, Polarity, columns_of, judge
from core.services import quota
from core.services.application import Application
from core.services.sentiment.model import explain, open_judge, sentiment_settings

if TYPE_CHECKING:
    from core.models.classifiers.explain import TextExplanation

LONGEST = 20_000  # characters of one text
_AT_ONCE = 512  # texts of a stream that are judged together


@dataclass(frozen=True, slots=True)
class Scored:
    """A text with its judgement; ``model`` is the name of the classifier."""

    text: str
    judgement: Judgement
    model: str


def score_text(app: Application, actor: Actor, text: str) -> Scored:
    """Judges one text. Raises BadInput for an empty or overlong one, Unavailable without a model."""
    actor.require(Permission.SENTIMENT)
    return score_texts(app, actor, [text])[0]


def score_texts(app: Application, actor: Actor, texts: Sequence[str]) -> list[Scored]:
    """Judges texts, in order, and counts them. Raises BadInput naming the first that is empty or too long,
    OverLimit."""
    actor.require(Permission.SENTIMENT)
    kept = [_checked(text, line) for line, text in enumerate(texts, 1)]
    quota.spend(app, actor, "judged_texts", len(kept))
    bound = sentiment_settings(app, actor).confident
    judging = open_judge(app, actor.workspace_id, "\n".join(kept))
    found = judge(judging.classifier, kept, confident=bound)
    return [Scored(text, one, judging.name) for text, one in zip(kept, found, strict=True)]


def score_stream(app: Application, actor: Actor, texts: Iterable[str]) -> Iterator[Scored]:
    """Judges any number of texts in bounded memory. An empty one raises BadInput when it comes."""
    actor.require(Permission.SENTIMENT)
    waiting = iter(texts)
    while chunk := list(islice(waiting, _AT_ONCE)):
        yield from score_texts(app, actor, chunk)


def explain_text(app: Application, actor: Actor, text: str, polarity: Polarity) -> TextExplanation:
    """What each word adds to the log-odds of ``polarity``. Raises BadInput for one that the model does not know."""
    actor.require(Permission.SENTIMENT)
    kept = _checked(text, 1)
    judging = open_judge(app, actor.workspace_id, kept)
    labels = judging.classifier.predict([kept]).labels
    column = columns_of(labels)[POLARITIES.index(polarity)]
    if column is None:
        raise BadInput("sentiment.no_such_class", label=polarity, labels=", ".join(labels))
    return explain(app, judging, kept, column)


def aspects_of(app: Application, actor: Actor, text: str) -> list[Mention]:
    """What the clauses of a text praise and blame, in its order."""
    actor.require(Permission.SENTIMENT)
    kept = _checked(text, 1)
    return mentions(open_judge(app, actor.workspace_id, kept).classifier, [kept])[0]


def _checked(text: str, line: int) -> str:
    kept = text.strip()
    if not kept:
        raise BadInput("sentiment.empty", line=line)
    if len(kept) > LONGEST:
        raise BadInput("sentiment.too_long", line=line, length=len(kept), limit=LONGEST)
    return kept
