"""Business rules: a draft that is tried out, tested when it is saved, and published as a whole."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.access.actor import Actor, Permission
from core.db.recommend_tables import RecommendCatalogue, RecommendRule
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import Conflict, NotFound
from core.recommend.rule_tests import RuleTest, check_rule, check_rules
from core.recommend.rules import Rule, Setting, checked
from core.services.application import Application
from core.services.recommend.snapshot import Snapshot, snapshot
from core.services.recommend.vectors import content_model

TESTED_LENGTH = 10  # places of the lists that rules are tested on


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule of the draft. ``spec`` as it is published."""

    id: int
    name: str
    kind: str
    values: Mapping[str, Any]
    active: bool

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "values": dict(self.values)}


def rules_of(specs: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Stored rules as the core takes them. Raises BadInput (recommend.rule_*)."""
    return tuple(checked(str(one["name"]), str(one["kind"]), one.get("values", {})) for one in specs)


def list_rules(app: Application, actor: Actor, catalogue_id: int) -> list[RuleView]:
    """The draft, in order."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        return [_view(one) for one in _draft(rows, catalogue_id)]


def save_rule(
    app: Application, actor: Actor, catalogue_id: int, name: str, kind: str, values: Mapping[str, Any],
    *, rule_id: int | None = None,
) -> tuple[int, RuleTest]:  # fmt: skip
    """Stores a rule of the draft (the last, where it is new) once its self-test has passed; its id and what the test
    said. Raises BadInput for values that cannot be, Conflict when the test fails: nothing is stored then."""
    actor.require(Permission.RECOMMEND)
    rule = checked(name, kind, values)
    with app.database.read(actor.workspace_id) as rows:
        now = snapshot(app, rows, catalogue_id)
    said = check_rule(rule, _setting(app, actor.workspace_id, catalogue_id, now, [rule]))
    if not said.passed:
        raise Conflict(f"recommend.rule_{said.code}", rule=rule.name, example=said.values.get("example", ""))
    with app.database.write(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        row = _own(rows, catalogue_id, rule_id) if rule_id else None
        if row is None:
            row = RecommendRule(catalogue_id=catalogue_id, position=_last(rows, catalogue_id) + 1, name="", kind="")
        row.name, row.kind, row.args = rule.name[:200], rule.kind, _plain(rule.values)
        return rows.add(row).id, said


def set_active(app: Application, actor: Actor, catalogue_id: int, rule_id: int, active: bool) -> None:
    """A rule that is not active stays in the draft and is not published."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        _own(rows, catalogue_id, rule_id).active = active


def move_rule(app: Application, actor: Actor, catalogue_id: int, rule_id: int, by: int) -> None:
    """Up (-1) or down (1) in the order in which rules apply."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        order = _draft(rows, catalogue_id)
        place = next((n for n, one in enumerate(order) if one.id == rule_id), None)
        if place is None:
            raise NotFound("recommend.rule_gone", id=rule_id)
        other = min(max(place + by, 0), len(order) - 1)
        order.insert(other, order.pop(place))
        for number, one in enumerate(order):
            one.position = number


def delete_rule(app: Application, actor: Actor, catalogue_id: int, rule_id: int) -> None:
    """Out of the draft; what is published stays until the next time."""
    actor.require(Permission.RECOMMEND)
    with app.database.write(actor.workspace_id) as rows:
        rows.session.delete(_own(rows, catalogue_id, rule_id))


def check_draft(app: Application, actor: Actor, catalogue_id: int) -> tuple[RuleTest, ...]:
    """Every active rule alone, and all of them together in their order."""
    actor.require(Permission.RECOMMEND_READ)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        draft = [_view(one).spec for one in _draft(rows, catalogue_id) if one.active]
        now = snapshot(app, rows, catalogue_id)
    rules = rules_of(draft)
    return check_rules(rules, _setting(app, actor.workspace_id, catalogue_id, now, rules))


def publish_rules(app: Application, actor: Actor, catalogue_id: int) -> tuple[RuleTest, ...]:
    """Puts the draft in force for every list from now on. Raises Conflict, naming the rule, when a test fails: what was
    published before then stays in force."""
    actor.require(Permission.RECOMMEND)
    said = check_draft(app, actor, catalogue_id)
    for one in said:
        if not one.passed:
            raise Conflict(f"recommend.rule_{one.code}", rule=one.rule, example=one.values.get("example", ""))
    with app.database.write(actor.workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        catalogue.rules = [_view(one).spec for one in _draft(rows, catalogue_id) if one.active]
        catalogue.rules_published_at = utc_now()
    return said


def _setting(app: Application, workspace_id: int, catalogue_id: int, now: Snapshot, rules: Sequence[Rule]) -> Setting:
    vectors = None
    if any(rule.kind == "diversity" for rule in rules) and len(now.items):
        vectors = content_model(app, workspace_id, catalogue_id, now).vectors
    return Setting(now.items, TESTED_LENGTH, int(time.time()), vectors)


def _draft(rows: Rows, catalogue_id: int) -> list[RecommendRule]:
    mine = rows.select(RecommendRule, RecommendRule.catalogue_id == catalogue_id)
    return rows.all(mine.order_by(RecommendRule.position, RecommendRule.id))


def _last(rows: Rows, catalogue_id: int) -> int:
    return max((one.position for one in _draft(rows, catalogue_id)), default=-1)


def _own(rows: Rows, catalogue_id: int, rule_id: int) -> RecommendRule:
    found = rows.find(RecommendRule, RecommendRule.catalogue_id == catalogue_id, RecommendRule.id == rule_id)
    if found is None:
        raise NotFound("recommend.rule_gone", id=rule_id)
    return found


def _view(row: RecommendRule) -> RuleView:
    return RuleView(row.id, row.name, row.kind, row.args, row.active)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
