"""Templates: which fields a text is made from, what is said to a model, and which model can do it at all.

The built-in ones are worded in the catalogues (``content_templates.<id>``); an owner's own carry theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import BadInput, NotFound
from core.text.catalogue import catalogue
from core.types import Language

FieldKind = Literal["line", "text"]
ModelKind = Literal["continues", "responds", "chat", "documents"]
Level = Literal["can", "untested", "cannot"]

LONGEST = {"line": 300, "text": 20_000}  # characters of a value
MOST_FIELDS = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a person fills in. ``attribute``: its name in the training of the starter for attributes."""

    name: str
    kind: FieldKind = "line"
    required: bool = False
    label: str = ""
    example: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """``tasks``: what a small model must have learnt to be offered this (one of them is enough). ``quotes``: can be
    put together from sentences of a knowledge base. ``opening``: what a model that only goes on writing begins with;
    ``instruction``: what a model that follows instructions is told; in both, {field} stands for a value.
    ``channel``: whose limits of length hold. ``languages``: those it is worded in.
    """

    id: str
    title: str
    help: str
    fields: tuple[Field, ...]
    tasks: tuple[str, ...]
    opening: str
    instruction: str
    channel: str = ""
    quotes: bool = False
    own: bool = False
    languages: tuple[str, ...] = ("en", "zh")

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.required)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of a model. ``tasks`` and ``languages`` are empty where nobody has said."""

    kind: ModelKind
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model can do a template: "untested" for one whose abilities are unknown. ``why``: a stable code."""

    level: Level
    why: str


def _fields(*described: str) -> tuple[Field, ...]:
    """Fields written as "name", "name*" (required), "name+" (several lines), "name=attribute"."""
    found = []
    for one in described:
        name, _, attribute = one.partition("=")
        kind: FieldKind = "text" if "+" in name else "line"
        found.append(Field(name.strip("*+"), kind, "*" in name, attribute=attribute))
    return tuple(found)


_Shape = tuple[tuple[Field, ...], tuple[str, ...], str, bool]  # fields, tasks, channel, quotes
BUILT_IN: dict[str, _Shape] = {
    "continuation": (_fields("text*+"), ("continuation",), "", False),
    "poem": (_fields("title*", "first_line"), ("poem", "lyrics"), "", False),
    "dialogue": (_fields("first*", "line", "second", "scene+"), ("dialogue",), "", False),
    "place": (
        _fields(
            "name*=name", "kind=eatType", "food=food", "price=priceRange", "rating=customer rating", "area=area",
            "families=familyFriendly", "near=near",
        ),
        ("description",), "product_page", False,
    ),
    "support_reply": (_fields("message*+", "customer", "signature"), ("support",), "email", True),
    "faq_answer": (_fields("question*+"), ("faq", "support"), "faq", True),
    "product": (
        _fields("name*", "kind", "features*+", "audience", "tone"), ("product_description",), "product_page", False,
    ),
    "advertisement": (
        _fields("product*", "message*+", "audience", "offer", "tone"), ("advertisement",), "advertisement", False,
    ),
    "social_post": (_fields("topic*+", "audience", "tone", "tags"), ("social_post",), "social_post", False),
    "email": (_fields("purpose*+", "recipient", "points+", "tone", "signature"), ("email",), "email", False),
    "headline": (_fields("about*+", "audience", "tone"), ("headline",), "headline", False),
    "free": (_fields("prompt*+"), ("instructions",), "", False),
}  # fmt: skip


def built_in(template_id: str, language: Language) -> Template:
    """A template of the product, worded in ``language``. Raises NotFound."""
    if template_id not in BUILT_IN:
        raise NotFound("content.template_unknown", id=template_id, known=", ".join(BUILT_IN))
    fields, tasks, channel, quotes = BUILT_IN[template_id]
    words, at = catalogue(language), f"content_templates.{template_id}"
    worded = tuple(
        Field(
            one.name, one.kind, one.required, words[f"{at}.fields.{one.name}"],
            words.get(f"{at}.examples.{one.name}", ""), one.attribute,
        )
        for one in fields
    )  # fmt: skip
    return Template(
        template_id, words[f"{at}.title"], words[f"{at}.help"], worded, tasks, words[f"{at}.opening"],
        words[f"{at}.instruction"], channel, quotes, languages=("en",) if template_id == "place" else ("en", "zh"),
    )  # fmt: skip


def own_template(number: int, definition: Mapping[str, Any]) -> Template:
    """An owner's template from its stored definition (see :func:`checked_definition`)."""
    fields = tuple(
        Field(one["name"], one["kind"], one["required"], one["label"], one.get("example", ""))
        for one in definition["fields"]
    )
    return Template(
        f"own-{number}", definition["title"], definition["help"], fields, ("own",), definition["opening"],
        definition["instruction"], definition.get("channel", ""), bool(definition.get("quotes")), own=True,
    )  # fmt: skip


def checked_definition(given: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as it is stored: title, help, instruction, opening, fields. Raises BadInput for what cannot be."""
    title, instruction = str(given.get("title", "")).strip(), str(given.get("instruction", "")).strip()
    if not title or not instruction:
        raise BadInput("content.template_needs")
    if len(title) > 100 or len(instruction) > 4000 or len(str(given.get("opening", ""))) > 2000:
        raise BadInput("content.template_long")
    fields = [_checked_field(one) for one in given.get("fields", ())]
    names = [one["name"] for one in fields]
    if not fields or len(fields) > MOST_FIELDS or len(set(names)) < len(names):
        raise BadInput("content.template_fields", most=MOST_FIELDS)
    opening = str(given.get("opening", "")).rstrip("\n") or " ".join(f"{{{name}}}" for name in names[:1])
    unknown = sorted(set(_PLACE.findall(f"{instruction} {opening}")) - set(names))
    if unknown:
        raise BadInput("content.template_place", names=", ".join(unknown), known=", ".join(names))
    if not any(one["required"] for one in fields):
        fields[0]["required"] = True
    return {
        "title": title, "help": str(given.get("help", "")).strip()[:500], "instruction": instruction,
        "opening": opening, "fields": fields, "channel": str(given.get("channel", "")),
        "quotes": bool(given.get("quotes", False)),
    }  # fmt: skip


def _checked_field(given: Mapping[str, Any]) -> dict[str, Any]:
    name = str(given.get("name", "")).strip().lower()
    if not _NAME.fullmatch(name):
        raise BadInput("content.template_field_name", name=name or "–")
    kind = "text" if given.get("kind") == "text" else "line"
    label = str(given.get("label", "")).strip()[:100] or name.replace("_", " ")
    required, example = bool(given.get("required")), str(given.get("example", "")).strip()[:300]
    return {"name": name, "kind": kind, "required": required, "label": label, "example": example}


def checked_values(template: Template, given: Mapping[str, Any]) -> dict[str, str]:
    """Values by field, trimmed, empty ones left out. Raises BadInput for an empty brief, an unknown field or a value
    that is too long; each says which."""
    known = {field.name: field for field in template.fields}
    if unknown := sorted(given.keys() - known.keys()):
        raise BadInput("content.field_unknown", names=", ".join(unknown), known=", ".join(known))
    # A trailing line break or space belongs to a text that is to be gone on with.
    values = {name: str(value or "").lstrip() for name, value in given.items()}
    values = {name: value if known[name].kind == "text" else value.strip() for name, value in values.items()}
    values = {name: value for name, value in values.items() if value.strip()}
    missing = [known[name].label for name in template.required if name not in values]
    if missing:
        code = "content.brief_empty" if not values else "content.field_missing"
        raise BadInput(code, names=", ".join(missing))
    for name, value in values.items():
        if len(value) > LONGEST[known[name].kind]:
            raise BadInput(
                "content.field_long", name=known[name].label, length=len(value), limit=LONGEST[known[name].kind]
            )
    return values


def fit(template: Template, model: Abilities, language: str, *, sources: bool = True) -> Fit:
    """Whether a model can do ``template`` in ``language``. ``sources``: whether a knowledge base is chosen."""
    if model.kind == "documents":
        if not template.quotes:
            return Fit("cannot", "quotes")
        return Fit("can", "quotes") if sources else Fit("cannot", "sources")
    if model.languages and language not in model.languages:
        return Fit("cannot", "language")
    if model.kind == "chat":
        return Fit("can", "instructions")
    if model.tasks:
        return Fit("can", "task") if set(template.tasks) & set(model.tasks) else Fit("cannot", "task")
    if template.tasks == ("continuation",):
        return Fit("can", "task")
    return Fit("untested", "own")


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with {field} replaced; a line all of whose fields are empty is left out. Nothing else is evaluated."""
    kept: list[str] = []
    for line in text.split("\n"):
        names = _PLACE.findall(line)
        if names and not any(values.get(name) for name in names):
            continue
        kept.append(_PLACE.sub(lambda match: values.get(match[1], ""), line))
    return "\n".join(kept)


def title_of(template: Template, values: Mapping[str, str]) -> str:
    """A name for a draft: the first value, cut."""
    first = next((values[field.name] for field in template.fields if values.get(field.name)), template.title)
    return " ".join(first.split())[:80]


def missing_words(template: Template, language: str) -> Sequence[str]:
    """Languages other than its own in which a template has no words."""
    return () if language in template.languages else template.languages
