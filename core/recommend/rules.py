"""Business rules: named, ordered, each a small change to a ranked list, each able to test itself.

A rule sees all candidates, best first, so that taking some out never leaves holes. Scores are in deviations of the
row (mean 0, deviation 1), which gives "boost by 1" the same meaning for every model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.errors import BadInput
from core.recommend.data import NO_TIME, Bools, Floats, Ints, Items

Kind = Literal["exclude", "boost", "cap", "in_stock", "price", "fresh", "diversity"]
KINDS: tuple[Kind, ...] = ("exclude", "boost", "cap", "in_stock", "price", "fresh", "diversity")
DAY = 86_400
_MMR_POOL = 100  # candidates that diversity chooses among, at least five lists' worth


@dataclass(frozen=True, slots=True)
class Rule:
    """``kind`` and what it needs, all JSON values:

    ``exclude``: ``items``, ``categories``, ``tags``, never shown. ``boost``: the same and ``strength`` in deviations of
    the scores (negative: demoted). ``cap``: ``most`` of one category on a list. ``in_stock``: nothing. ``price``:
    ``low``, ``high`` (either may be None), ``unknown`` whether items without a price stay. ``fresh``: items added in
    the last ``days`` come first, at most ``most`` of them. ``diversity``: ``strength`` 0 (none) to 1 (only difference).
    """

    name: str
    kind: Kind
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """What rules act on. ``vectors`` float32 [items, d], normalised, say how alike items are; None: categories and
    tags do. ``now``: unix seconds; ``k``: length of the list wanted."""

    items: Items
    k: int
    now: int = NO_TIME
    vectors: Floats | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """``order``: candidate item numbers, best first; ``scores`` [items] by item number."""

    order: Ints
    scores: Floats


def checked(name: str, kind: str, values: Mapping[str, Any]) -> Rule:
    """A rule from what a form or file says. Raises BadInput (recommend.rule_*)."""
    if not name.strip():
        raise BadInput("recommend.rule_name")
    if kind not in KINDS:
        raise BadInput("recommend.rule_kind", kind=kind, known=", ".join(KINDS))
    known = _VALUES[kind]
    extra = [key for key in values if key not in known]
    if extra:
        raise BadInput(
            "recommend.rule_value", rule=name, name=extra[0], value=values[extra[0]], expected=", ".join(known)
        )
    whole = {**known, **values}
    _check_values(name, kind, whole)
    return Rule(name.strip(), kind, whole)


_NAMED: dict[str, Any] = {"items": (), "categories": (), "tags": ()}
_VALUES: dict[str, dict[str, Any]] = {
    "exclude": dict(_NAMED),
    "boost": {**_NAMED, "strength": 1.0},
    "cap": {"most": 3},
    "in_stock": {},
    "price": {"low": None, "high": None, "unknown": True},
    "fresh": {"days": 14, "most": 3},
    "diversity": {"strength": 0.3},
}


def _check_values(name: str, kind: str, values: Mapping[str, Any]) -> None:
    def need(key: str, holds: bool, expected: str) -> None:
        if not holds:
            raise BadInput("recommend.rule_value", rule=name, name=key, value=values[key], expected=expected)

    for key in _NAMED:
        if key in values:
            listed = isinstance(values[key], list | tuple) and all(isinstance(one, str) for one in values[key])
            need(key, listed, "a list of texts")
    if kind in ("exclude", "boost") and not any(values[key] for key in _NAMED):
        raise BadInput("recommend.rule_names_nothing", rule=name)
    if kind == "boost":
        need("strength", _is_number(values["strength"], -10, 10), "-10 to 10")
    if kind == "diversity":
        need("strength", _is_number(values["strength"], 0, 1), "0 to 1")
    if "most" in values:
        need("most", isinstance(values["most"], int) and 1 <= values["most"] <= 100, "1 to 100")
    if kind == "fresh":
        need("days", _is_number(values["days"], 0.01, 3650), "0.01 to 3650")
    if kind == "price":
        for key in ("low", "high"):
            need(key, values[key] is None or _is_number(values[key], 0, 1e12), ">= 0")
        if values["low"] is not None and values["high"] is not None:
            need("high", values["high"] >= values["low"], f">= {values['low']}")


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def apply_rules(rules: Sequence[Rule], ranked: Ranked, setting: Setting) -> Ranked:
    """All rules in their order."""
    for rule in rules:
        ranked = apply_rule(rule, ranked, setting)
    return ranked


def apply_rule(rule: Rule, ranked: Ranked, setting: Setting) -> Ranked:
    items, order = setting.items, ranked.order
    if rule.kind == "boost":
        scores = ranked.scores + np.where(named(rule, items), np.float32(rule.values["strength"]), np.float32(0))
        return Ranked(order[np.argsort(-scores[order], kind="stable")], scores)
    if rule.kind == "cap":
        return Ranked(_capped(order, items, int(rule.values["most"])), ranked.scores)
    if rule.kind == "fresh":
        return Ranked(_fresh_first(order, is_fresh(rule, setting), int(rule.values["most"])), ranked.scores)
    if rule.kind == "diversity":
        return Ranked(_diverse(ranked, setting, float(rule.values["strength"])), ranked.scores)
    return Ranked(order[allowed(rule, items)[order]], ranked.scores)


def allowed(rule: Rule, items: Items) -> Bools:
    """Bool [items]: what a rule that takes out leaves in."""
    if rule.kind == "exclude":
        return ~named(rule, items)
    if rule.kind == "in_stock":
        return items.sellable
    if rule.kind == "price":
        low, high = rule.values["low"], rule.values["high"]
        unknown = np.isnan(items.prices)
        inside = (items.prices >= (low or 0)) & (items.prices <= (np.inf if high is None else high))
        found: Bools = np.where(unknown, bool(rule.values["unknown"]), inside)
        return found
    return np.ones(len(items), bool)


def named(rule: Rule, items: Items) -> Bools:
    """Bool [items]: those that an exclude or boost names by id, category or tag."""
    return items.having(*(rule.values.get(key, ()) for key in ("items", "categories", "tags")))


def is_fresh(rule: Rule, setting: Setting) -> Bools:
    """Bool [items]: added in the last days; an item whose time is not known is not fresh."""
    added = setting.items.added
    found: Bools = (added != NO_TIME) & (added >= setting.now - float(rule.values["days"]) * DAY)
    return found


def _capped(order: Ints, items: Items, most: int) -> Ints:
    """Items without a category are not capped."""
    groups = items.category_numbers[order]
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    starts = np.searchsorted(ordered, ordered)
    place = np.empty(len(order), np.int64)
    place[by_group] = np.arange(len(order)) - starts
    return order[(groups < 0) | (place < most)]


def _fresh_first(order: Ints, fresh: Bools, most: int) -> Ints:
    first = order[fresh[order]][:most]
    return np.concatenate([first, order[~np.isin(order, first)]])


def _diverse(ranked: Ranked, setting: Setting, strength: float) -> Ints:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): each place goes to the item with the most score, less
    its likeness to what stands above. Scores of the pool are brought to 0..1, as likeness is."""
    pool = ranked.order[: max(_MMR_POOL, 5 * setting.k)]
    if len(pool) < 3 or strength == 0:
        return ranked.order
    scores = ranked.scores[pool].astype(np.float64)
    relevance = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-12)
    # Rules before may have moved items up against their scores: those count like the best that stands below them.
    relevance = np.maximum.accumulate(relevance[::-1])[::-1]
    likeness = alike(pool, setting)
    nearest = np.zeros(len(pool))
    left = np.ones(len(pool), bool)
    chosen: list[int] = []
    while len(chosen) < min(setting.k, len(pool)):
        value = np.where(left, (1 - strength) * relevance - strength * nearest, -np.inf) if chosen else relevance
        best = int(np.argmax(value))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, likeness[best])
    taken = pool[chosen]
    return np.concatenate([taken, ranked.order[~np.isin(ranked.order, taken)]])


def alike(numbers: Ints, setting: Setting) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[m, m], 0 to 1: cosine of vectors, else the Jaccard index of category and tags."""
    if setting.vectors is not None:
        vectors = setting.vectors[numbers].astype(np.float64)
        return np.clip(vectors @ vectors.T, 0.0, 1.0)
    words = [frozenset((f"={setting.items[n].category}", *setting.items[n].tags)) - {"="} for n in numbers.tolist()]
    number = {word: place for place, word in enumerate(sorted({word for row in words for word in row}))}
    cells = np.zeros((len(words), max(1, len(number))))
    for row, found in enumerate(words):
        cells[row, [number[word] for word in found]] = 1.0
    both = cells @ cells.T
    sizes = cells.sum(axis=1)
    either = sizes[:, None] + sizes[None] - both
    return np.asarray(np.divide(both, either, out=np.zeros_like(both), where=either > 0), np.float64)
