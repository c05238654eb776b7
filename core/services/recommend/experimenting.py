"""Experiments: two served settings side by side, and a test that may be looked at at any time.

A/B: people are assigned by hash; what counts is who clicked anything on a list they were shown. Interleaving: everybody
gets one list that both settings drafted in turn; a person's vote is whose item they clicked first. The guardrail is
"not interested", counted the same way. When it is hurt everybody gets A again at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core.access.actor import Actor, Permission
from core.db.recommend_tables import (
    RecommendCatalogue,
    RecommendExperiment,
    RecommendFeedback,
    RecommendModel,
    RecommendShown,
)
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.recommend.experiments import Decision, Outcomes, SequentialTest, Votes, assign, decide, decide_votes
from core.services.application import Application
from core.services.recommend.views import OfferList
from core.services.studio.naming import one_name

LOOK_EVERY = 2.0  # seconds between two looks of one experiment, however many clicks come
ARMS = ("a", "b")
DESIGNS = ("ab", "interleaving")
STATES = {"b_better": "won", "a_better": "lost", "no_difference": "even", "guardrail": "hurt"}


@dataclass(frozen=True, slots=True)
class Arm:
    """What serves somebody of an experiment. ``name``: a, b, or i for a list that both draft; then ``other`` is B."""

    experiment_id: int
    name: str
    model_id: int | None
    rules: bool
    other: Arm | None = None

    @property
    def experiment(self) -> str:
        """Its name for hashes."""
        return f"experiment-{self.experiment_id}"


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """``state``: running, stopped, won (B), lost, even, hurt. ``design``: ab, interleaving. ``result``: ``effect`` and
    ``guardrail`` ([value, low, high] of B less A, bounds None while too few were seen; of shares of people, or of votes
    where lists are interleaved), ``p``, and ``arms`` (people, clicked, refused)."""

    id: int
    name: str
    state: str
    design: str
    arms: Mapping[str, Any]
    plan: Mapping[str, Any]
    result: Mapping[str, Any]
    created_at: datetime
    ended_at: datetime | None


def start_experiment(
    app: Application,
    actor: Actor,
    catalogue_id: int,
    name: str,
    *,
    model_id: int | None,
    rules: bool = True,
    expected: float = 0.05,
    most_people: int = 20_000,
    alpha: float = 0.05,
    design: str = "ab",
) -> int:
    """B is ``model_id`` (None for most popular; ``rules``: whether the published ones apply), A what serves now.
    ``design`` "ab": half of the people get B; "interleaving": everybody gets both in one list. ``expected``: the
    difference that matters, in the share of people who click, or in the share of votes.

    Raises BadInput for values that cannot be or a B that is the same as A, Conflict while another one runs.
    """
    actor.require(Permission.RECOMMEND)
    kept = one_name(name, "recommend.experiment_name")
    if design not in DESIGNS:
        raise BadInput("recommend.experiment_design", design=design[:40], known=", ".join(DESIGNS))
    SequentialTest(alpha=alpha, guardrail_alpha=alpha, expected=expected, most_people=most_people)
    with app.database.write(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        if _running(rows, catalogue_id) is not None:
            raise Conflict("recommend.experiment_running", name=catalogue.name)
        if model_id is not None and not rows.count(
            RecommendModel, RecommendModel.id == model_id, RecommendModel.catalogue_id == catalogue_id
        ):
            raise NotFound("recommend.model_gone", id=model_id)
        arms = {"a": {"model_id": catalogue.served_id, "rules": True}, "b": {"model_id": model_id, "rules": rules}}
        if arms["a"] == arms["b"] or (catalogue.served_id == model_id and not catalogue.rules):
            raise BadInput("recommend.experiment_same")
        plan = {"alpha": alpha, "expected": expected, "most_people": most_people}
        made = RecommendExperiment(catalogue_id=catalogue_id, name=kept, design=design, arms=arms, plan=plan)
        return rows.add(made).id


def list_experiments(app: Application, actor: Actor, catalogue_id: int) -> list[ExperimentView]:
    """The newest first, a running one as it stands now."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        running = _running(rows, catalogue_id)
    if running is not None:
        _look(app, actor.workspace_id, running.id)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(RecommendExperiment, RecommendExperiment.catalogue_id == catalogue_id)
        return [_view(one) for one in rows.all(mine.order_by(RecommendExperiment.id.desc()))]


def stop_experiment(app: Application, actor: Actor, experiment_id: int) -> None:
    """Everybody gets what serves (A) again."""
    actor.require(Permission.RECOMMEND)
    look(app, actor, experiment_id)
    with app.database.write(actor.workspace_id) as rows:
        stored = rows.get(RecommendExperiment, experiment_id)
        if stored.state == "running":
            stored.state, stored.ended_at = "stopped", utc_now()


def look(app: Application, actor: Actor, experiment_id: int) -> str:
    """Counts, decides, and ends the experiment when the plan says so; its state."""
    actor.require(Permission.RECOMMEND)
    return _look(app, actor.workspace_id, experiment_id)


def _look(app: Application, workspace_id: int, experiment_id: int) -> str:
    with app.database.write(workspace_id) as rows:
        stored = rows.get(RecommendExperiment, experiment_id)
        if stored.state != "running":
            return stored.state
        plan = stored.plan
        args = SequentialTest(
            alpha=plan["alpha"],
            guardrail_alpha=plan["alpha"],
            expected=plan["expected"],
            most_people=plan["most_people"],
        )
        if stored.design == "interleaving":
            counts = _votes(rows, experiment_id)
            clicks, refusals = (Votes(counts["a"][name], counts["b"][name]) for name in ("clicked", "refused"))
            decision = decide_votes(clicks, refusals, counts["a"]["people"], args)
        else:
            counts = {arm: _counts(rows, experiment_id, arm) for arm in ARMS}
            clicked, refused = ([_outcomes(counts[arm], name) for arm in ARMS] for name in ("clicked", "refused"))
            decision = decide(clicked[0], clicked[1], args, (refused[0], refused[1]))
        stored.result = _result(decision, counts)
        if decision.ended:
            stored.state, stored.ended_at = STATES[decision.state], utc_now()
        return stored.state


# --- serving ---


def assigned(rows: Rows, catalogue_id: int, person: str) -> Arm | None:
    """What a person gets while an experiment runs; always the same."""
    if not person.strip():
        return None
    running = _running(rows, catalogue_id)
    if running is None:
        return None
    sides = {arm: _arm(running, arm) for arm in ARMS}
    if running.design == "interleaving":
        return replace(sides["a"], name="i", other=sides["b"])
    return sides[assign(sides["a"].experiment, person.strip()).lower()]


def _arm(running: RecommendExperiment, name: str) -> Arm:
    return Arm(running.id, name, running.arms[name]["model_id"], bool(running.arms[name]["rules"]))


def shown(app: Application, actor: Actor, catalogue_id: int, arm: Arm, person: str, made: OfferList) -> OfferList:
    """Notes that the list was shown; the list with its number."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.write(actor.workspace_id) as rows:
        row = RecommendShown(
            catalogue_id=catalogue_id,
            experiment_id=arm.experiment_id,
            arm=arm.name,
            person=person.strip(),
            items=[offer.item.id for offer in made.offers],
            teams="".join(made.teams),
        )
        return replace(made, shown_id=rows.add(row).id)


def team_of(row: RecommendShown, item: str) -> str:
    """Who drafted the item of an interleaved list: a, b; "" for what stands in none."""
    return row.teams[row.items.index(item)] if row.teams and item in row.items else ""


def reacted(app: Application, actor: Actor, experiment_id: int) -> None:
    """After a reaction that counts: looks again, a few times a minute at most."""
    actor.require(Permission.RECOMMEND)
    looked: dict[int, float] = app.caches.setdefault("recommend_looked", {})
    if time.monotonic() - looked.get(experiment_id, -math.inf) >= LOOK_EVERY:
        look(app, actor, experiment_id)
        looked.clear()
        looked[experiment_id] = time.monotonic()


def _running(rows: Rows, catalogue_id: int) -> RecommendExperiment | None:
    mine = RecommendExperiment.catalogue_id == catalogue_id, RecommendExperiment.state == "running"
    return rows.find(RecommendExperiment, *mine)


def _counts(rows: Rows, experiment_id: int, arm: str) -> dict[str, int]:
    """People of one side: all, those who clicked anything they were shown, those who refused anything."""
    mine = (
        RecommendShown.workspace_id == rows.workspace_id,
        RecommendShown.experiment_id == experiment_id,
        RecommendShown.arm == arm,
    )
    people = select(func.count(RecommendShown.person.distinct())).where(*mine)
    found = {"people": int(rows.session.scalar(people) or 0)}
    for name, kind in (("clicked", "clicked"), ("refused", "not_interested")):
        join = people.join(RecommendFeedback, RecommendFeedback.shown_id == RecommendShown.id)
        found[name] = int(rows.session.scalar(join.where(RecommendFeedback.kind == kind)) or 0)
    return found


def _votes(rows: Rows, experiment_id: int) -> dict[str, dict[str, int]]:
    """By team: people who were shown a list (the same for both), and those whose first click, or first refusal, was of
    an item that the team drafted."""
    mine = RecommendShown.workspace_id == rows.workspace_id, RecommendShown.experiment_id == experiment_id
    people = int(rows.session.scalar(select(func.count(RecommendShown.person.distinct())).where(*mine)) or 0)
    found = {arm: {"people": people, "clicked": 0, "refused": 0} for arm in ARMS}
    for name, kind in (("clicked", "clicked"), ("refused", "not_interested")):
        first = (
            select(func.min(RecommendFeedback.id))
            .join(RecommendShown, RecommendFeedback.shown_id == RecommendShown.id)
            .where(*mine, RecommendFeedback.kind == kind, RecommendFeedback.team != "")
            .group_by(RecommendFeedback.person)
        )
        votes = select(RecommendFeedback.team, func.count()).where(RecommendFeedback.id.in_(first))
        for team, count in rows.session.execute(votes.group_by(RecommendFeedback.team)):
            found[team][name] = int(count)
    return found


def _outcomes(counts: Mapping[str, int], name: str) -> Outcomes:
    """Each person is 1 or 0, so that the sum of squares is the sum."""
    return Outcomes(counts["people"], float(counts[name]), float(counts[name]))


def _result(decision: Decision, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    def plain(interval: Any) -> list[float | None]:
        bounds = (interval.value, interval.low, interval.high)
        return [float(one) if math.isfinite(one) else None for one in bounds]

    return {
        "effect": plain(decision.effect),
        "guardrail": plain(decision.guardrail) if decision.guardrail is not None else None,
        "p": decision.p,
        "arms": {arm: dict(one) for arm, one in counts.items()},
    }


def _view(row: RecommendExperiment) -> ExperimentView:
    return ExperimentView(
        row.id, row.name, row.state, row.design, row.arms, row.plan, row.result, row.created_at, row.ended_at
    )
