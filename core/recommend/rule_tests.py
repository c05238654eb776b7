"""Rules that test themselves: run when a rule is saved and again, all together, when settings are published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.recommend.data import Ints
from core.recommend.rules import Ranked, Rule, Setting, alike, allowed, apply_rule, apply_rules, is_fresh, named

Code = Literal["passed", "matches_nothing", "leaves_nothing", "broken", "undone"]
_DRAWS = 5


@dataclass(frozen=True, slots=True)
class RuleTest:
    """``matches_nothing``: the rule names no item of the catalogue. ``leaves_nothing``: no item would be left to show.
    ``broken``: the list does not keep what the rule promises. ``undone``: it does alone, but a later rule takes it
    back: change the order. ``values``: numbers for the sentence (``items`` matched or left, ``example`` an item id)."""

    rule: str
    code: Code
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """A rule that matches nothing does no harm; whoever saves it is told all the same."""
        return self.code in ("passed", "matches_nothing")


def check_rule(rule: Rule, setting: Setting) -> RuleTest:
    """One rule alone on lists of drawn scores over the whole catalogue."""
    if not len(setting.items):
        return RuleTest(rule.name, "passed", {"items": 0})
    matched = _matched(rule, setting)
    if matched == 0:
        return RuleTest(rule.name, "matches_nothing", {"items": 0})
    for before in _drawn(setting):
        after = apply_rule(rule, before, setting)
        if not len(after.order):
            return RuleTest(rule.name, "leaves_nothing", {"items": 0})
        wrong = _wrong(rule, before, after, setting)
        if wrong is not None:
            return RuleTest(rule.name, "broken", {"example": wrong})
    return RuleTest(rule.name, "passed", {"items": matched})


def check_rules(rules: Sequence[Rule], setting: Setting) -> tuple[RuleTest, ...]:
    """Each rule alone, then what each promises on the list that all of them make."""
    found = [check_rule(rule, setting) for rule in rules]
    for before in _drawn(setting):
        after = apply_rules(rules, before, setting)
        for place, rule in enumerate(rules):
            if found[place].code != "passed":
                continue
            if len(setting.items) and not len(after.order):
                found[place] = RuleTest(rule.name, "leaves_nothing", {"items": 0})
            elif rule.kind in ("exclude", "in_stock", "price", "cap"):
                wrong = _wrong(rule, before, after, setting)
                if wrong is not None:
                    found[place] = RuleTest(rule.name, "undone", {"example": wrong})
    if all(rule.kind != "fresh" for rule in rules):
        return tuple(found)
    return tuple(_front_kept(rules, found, setting))


def _front_kept(rules: Sequence[Rule], found: list[RuleTest], setting: Setting) -> list[RuleTest]:
    """Fresh items stand in front unless a boost or diversity that comes later moves them."""
    for place, rule in enumerate(rules):
        later = [other for other in rules[place + 1 :] if other.kind in ("boost", "diversity", "fresh")]
        if rule.kind != "fresh" or found[place].code != "passed" or not later:
            continue
        for before in _drawn(setting):
            after = apply_rules(rules, before, setting)
            wrong = _wrong(rule, after, after, setting)
            if wrong is not None:
                found[place] = RuleTest(rule.name, "undone", {"example": wrong})
    return found


def _drawn(setting: Setting) -> list[Ranked]:
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        scores = generator.standard_normal(len(setting.items)).astype(np.float32)
        drawn.append(Ranked(np.argsort(-scores, kind="stable"), scores))
    return drawn


def _matched(rule: Rule, setting: Setting) -> int:
    """How many items the rule says something about."""
    if rule.kind in ("exclude", "boost"):
        return int(named(rule, setting.items).sum())
    if rule.kind in ("in_stock", "price"):
        return max(1, int((~allowed(rule, setting.items)).sum()))
    if rule.kind == "fresh":
        return int(is_fresh(rule, setting).sum())
    if rule.kind == "cap":
        return sum(1 for category in setting.items.categories if category)
    return len(setting.items)


def _wrong(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> str | None:
    """The id of an item that stands where the rule forbids it; None when the list keeps the rule's promise."""
    order = after.order
    if len(np.unique(order)) < len(order):
        return setting.items[int(order[0])].id
    place = {
        "exclude": _first_forbidden,
        "in_stock": _first_forbidden,
        "price": _first_forbidden,
        "boost": _first_sunk,
        "cap": _first_over,
        "fresh": _first_late,
        "diversity": _more_alike,
    }[rule.kind](rule, before, after, setting)
    return None if place is None else setting.items[place].id


def _first_forbidden(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> int | None:
    wrong = after.order[~allowed(rule, setting.items)[after.order]]
    return int(wrong[0]) if len(wrong) else None


def _first_sunk(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> int | None:
    """A boosted item may not stand lower than before, a demoted one not higher."""
    sign = 1 if rule.values["strength"] >= 0 else -1
    mine = np.flatnonzero(named(rule, setting.items))
    moved = sign * (_places(after.order, len(setting.items))[mine] - _places(before.order, len(setting.items))[mine])
    return int(mine[np.argmax(moved)]) if (moved > 0).any() else None


def _first_over(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> int | None:
    counts: Counter[str] = Counter()
    for number in after.order[: setting.k].tolist():
        category = setting.items.categories[number]
        counts[category] += 1
        if category and counts[category] > int(rule.values["most"]):
            return int(number)
    return None


def _first_late(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> int | None:
    fresh = is_fresh(rule, setting)
    owed = min(int(rule.values["most"]), int(fresh[after.order].sum()))
    front = after.order[:owed]
    late = front[~fresh[front]]
    return int(late[0]) if len(late) else None


def _more_alike(rule: Rule, before: Ranked, after: Ranked, setting: Setting) -> int | None:
    """The first item stays and the list is not more alike than it was."""
    if before.order[0] != after.order[0]:
        return int(after.order[0])
    spread = [_likeness(ranked.order[: setting.k], setting) for ranked in (before, after)]
    return int(after.order[-1]) if spread[1] > spread[0] + 0.05 else None


def _likeness(numbers: Ints, setting: Setting) -> float:
    if len(numbers) < 2:
        return 0.0
    found = alike(numbers, setting)
    return float((found.sum() - np.trace(found)) / (len(numbers) * (len(numbers) - 1)))


def _places(order: Ints, count: int) -> Ints:
    places = np.full(count, count, np.int64)
    places[order] = np.arange(len(order))
    return places
