"""What a reviewer has to see before a document may answer: hidden text, instructions to the assistant, secrets."""

from __future__ import annotations

from core.documents.builder import EXCERPT, INVISIBLE, SUSPICIOUS_RUN, revealed, shorten
from core.documents.screen_instructions import find_instructions
from core.documents.screen_secrets import find_secrets, mask
from core.types import Flag, LoadedDocument

MOST_FLAGS = 200  # of one kind: nobody reviews more, and a table of cards is held by the first of them
_AROUND = 40


def screen(document: LoadedDocument) -> list[Flag]:
    """All flags in the order of the text. Secrets are masked in every excerpt, also where another flag's shows one."""
    text = document.text
    secrets = find_secrets(text)[:MOST_FLAGS]
    flags = [Flag("secret", detail, start, end, _masked(text, start, end)) for detail, start, end in secrets]
    for detail, start, end in find_instructions(text)[:MOST_FLAGS]:
        flags.append(Flag("instruction", detail, start, end, mask(shorten(text[start:end]))))
    hidden = [*document.hidden, *_invisible(text)][:MOST_FLAGS]
    flags.extend(Flag(flag.kind, flag.detail, flag.start, flag.end, mask(flag.excerpt)) for flag in hidden)
    return sorted(flags, key=lambda flag: (flag.start, flag.end, flag.kind, flag.detail))


def _masked(text: str, start: int, end: int) -> str:
    """The secret, masked, with some of the line around it."""
    left = max(text.rfind("\n", 0, start) + 1, start - _AROUND)
    stop = text.find("\n", end)
    right = min(len(text) if stop < 0 else stop, end + _AROUND)
    secret = text[start:end]
    shown = secret[:2] + "•" * min(12, max(4, len(secret) - 4)) + (secret[-2:] if len(secret) > 8 else "")
    return shorten(f"{mask(text[left:start])}{shown}{mask(text[end:right])}", EXCERPT)


def _invisible(text: str) -> list[Flag]:
    # Loaders clean such characters away and flag them; this is for text that came another way.
    found: list[Flag] = []
    for match in INVISIBLE.finditer(text):
        if len(match.group()) >= SUSPICIOUS_RUN:
            around = text[max(0, match.start() - _AROUND) : match.end() + _AROUND]
            shown = shorten(revealed(match.group()) or around)
            found.append(Flag("hidden_text", "zero_width", match.start(), match.end(), shown))
    return found
