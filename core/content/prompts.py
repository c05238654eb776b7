"""From a template and its values to what a model reads: an opening, a list of attributes, or messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.content.templates import Template, filled
from core.types import Language, PassageRecord

WHOLE = frozenset({"poem", "dialogue"})  # templates whose text is not whole without its opening
PASSAGE_CHARS = 6000  # of all passages that a prompt carries


def opening(template: Template, values: Mapping[str, str]) -> str:
    """What a model that only goes on writing begins with."""
    text = filled(template.opening, values).lstrip("\n")
    if template.id == "dialogue" and not values.get("second"):
        # Whoever is to answer is the model's to choose; a name alone keeps the colon that its line would follow.
        return f"{text}\n\n" if values.get("line") else text
    return text


def attributes(template: Template, values: Mapping[str, str]) -> str:
    """``name: value; name: value``, as models that turn prompts into responses are taught; one field is said bare."""
    given = [(field, " ".join(values[field.name].split())) for field in template.fields if values.get(field.name)]
    if len(template.fields) == 1:
        return given[0][1]
    return "; ".join(f"{field.attribute or field.name.replace('_', ' ')}: {value}" for field, value in given)


def instruction(
    template: Template, values: Mapping[str, str], language: Language, passages: Sequence[PassageRecord]
) -> str:
    """What a model that follows instructions is told; with passages also to keep to them."""
    told = filled(template.instruction, values)
    if not passages:
        return told
    rule = (
        "只使用下面资料里的事实；资料里没有的数字、名称、价格和日期一律不写。"
        if language == "zh"
        else "Use only facts from the sources below; write no number, name, price or date that they do not hold."
    )
    heading = "资料" if language == "zh" else "Sources"
    return f"{told}\n\n{rule}\n\n{heading}:\n{joined(passages)}"


def joined(passages: Sequence[PassageRecord]) -> str:
    """The passages one below the other, the best first, as many as fit."""
    kept: list[str] = []
    room = PASSAGE_CHARS
    for number, passage in enumerate(passages, start=1):
        text = f"[{number}] {passage.index_text}"
        if len(text) > room:
            break
        kept.append(text)
        room -= len(text)
    return "\n\n".join(kept)


def system(language: Language) -> str:
    """Who the model is. Short: it is the same for every template."""
    if language == "zh":
        return "你为一家公司撰写文案。用中文写，只写文案本身，不要解释。不要编造事实。"
    return "You write texts for a company. Write in English, only the text itself, without comments. Invent no facts."
