"""Values that a model copies without reading them: placeholders stand for them in what it reads and writes.

Delexicalisation (Wen et al. 2015, arXiv:1508.01745; Dusek and Jurcicek 2016, arXiv:1606.05491): a small model learns
where a name goes, and can neither change nor invent one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_STEM = 4  # letters that an inflected word keeps
_HELD = re.compile(r"X[A-Z]+X")
_WITH_ARTICLE = re.compile(r"(?:\b(a|an|the) +)?(X[A-Z]+X)", re.IGNORECASE)


def placeholder(attribute: str) -> str:
    """``eatType`` is EATTYPE between two X: letters only, so that a tokenizer keeps them together."""
    return f"X{re.sub('[^A-Z]', '', attribute.upper())}X"


def read_attributes(prompt: str) -> dict[str, str]:
    """``name: value; name: value`` by name; a part without a name belongs to the value before it. Empty where the
    prompt does not begin with a name."""
    found: dict[str, str] = {}
    last = ""
    for part in prompt.split(";"):
        name, colon, value = part.partition(":")
        if colon and name.strip():
            last = name.strip()
            found[last] = value.strip()
        elif last:
            found[last] = f"{found[last]};{part}".strip()
        else:
            return {}
    return {name: value for name, value in found.items() if value}


def behind_placeholders(values: Mapping[str, str], copied: Collection[str]) -> str:
    """The prompt of ``values``, those of ``copied`` as their placeholders."""
    return "; ".join(f"{name}: {placeholder(name) if name in copied else value}" for name, value in values.items())


def hide_in(text: str, values: Mapping[str, str], copied: Collection[str]) -> str | None:
    """``text`` with placeholders for the copied ``values``; None where it does not hold each of them as it stands."""
    wanted = {name: value for name, value in values.items() if name in copied}
    for name, value in sorted(wanted.items(), key=lambda item: -len(item[1])):
        text, found = re.subn(rf"(?<!\w){re.escape(value)}(?!\w)", placeholder(name), text, flags=re.IGNORECASE)
        if not found:
            return None
    return text


def put_back(text: str, values: Mapping[str, str], copied: Collection[str]) -> str:
    """``text`` with the copied ``values`` where their placeholders stand, and the article that goes before each."""
    known = {placeholder(name): value for name, value in values.items() if name in copied}

    def one(match: re.Match[str]) -> str:
        article, value = match[1] or "", known.get(match[2], match[2])
        if article.lower() == "the" and value.lower().startswith("the "):
            article = ""
        elif article.lower() in ("a", "an"):
            article = article[0] + ("n" if value[0].lower() in "aeiou" else "")
        opens = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1] in ".!?"
        said = f"{article} {value}".strip()
        return said[0].upper() + said[1:] if opens else said

    return _WITH_ARTICLE.sub(one, text)


def values_unsaid(text: str, values: Mapping[str, str], copied: Collection[str]) -> int:
    """How many values that are not copied leave no trace in ``text``: neither a number or word of the value nor one of
    the attribute's name, by their first letters (``priceRange: cheap`` is said by "moderately priced")."""
    return sum(not _traced(text, f"{name} {value}") for name, value in values.items() if name not in copied)


def values_invented(text: str, values: Mapping[str, str], worded: Collection[str]) -> int:
    """How many attributes of ``worded`` leave a trace of their name in ``text`` though nobody gave them."""
    return sum(_traced(text, name) for name in worded if name not in values)


def _traced(text: str, words: str) -> bool:
    parts = re.findall(r"[a-z]+|[A-Z][a-z]*|\S+", words)
    stems = {part.lower()[:_STEM] for part in parts if len(part) >= _STEM or any(one.isdigit() for one in part)}
    return any(stem in text.lower() for stem in stems)


def slot_errors(text: str, values: Mapping[str, str], copied: Collection[str]) -> int:
    """Placeholders that ``text`` lacks, repeats or made up (the slot errors of Wen et al. 2015, a count)."""
    found = _HELD.findall(text)
    wanted = {placeholder(name) for name in values if name in copied}
    return len(wanted - set(found)) + len(found) - len(wanted & set(found))
