"""Every error a person may see, in one readable tree.

An error carries a stable ``code`` and the values of its sentence; the sentence itself lives in the catalogues
(``errors.<code>``), says what was found, what was expected and what to do, and exists in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PilotlightError(Exception):
    """Base of all of them. ``sentence(language)`` is what the person sees; ``str(error)`` is the English one."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code = code
        self.values = values
        super().__init__(code)

    def sentence(self, language: str = "en") -> str:
        from core.text.catalogue import translate

        return translate(language, f"errors.{self.code}", **self.values)

    def __str__(self) -> str:
        return self.sentence("en")


class BadInput(PilotlightError):
    """What the person gave cannot be used; the sentence says what to give instead. Nothing was stored."""


class DocumentError(BadInput):
    """One file cannot become a document (empty, corrupt, encrypted, wrong type, too large, ...)."""


class NotFound(PilotlightError):
    """The thing named does not exist in this workspace (or is not this person's)."""


class Conflict(PilotlightError):
    """The thing changed meanwhile, or a rule stands in the way (a golden question that passed now fails, ...)."""


class Unavailable(PilotlightError):
    """Something outside cannot be had now: a model, an endpoint, a GPU. The sentence says what is used instead."""


class IndexDamaged(PilotlightError):
    """A stored index does not match its checksums. The database still has everything: it is rebuilt from there."""


class Cancelled(PilotlightError):
    """Somebody asked for the work to stop, and it stopped."""


class OverLimit(PilotlightError):
    """A quota is used up. ``values``: subject, metric, most, used, opens (UTC, or "" when it never renews)."""

    def sentence(self, language: str = "en") -> str:
        return limit_sentence(self.code, self.values, language)


def limit_sentence(code: str, values: Mapping[str, Any], language: str) -> str:
    """The sentence of an OverLimit of these values, also of one that was stored."""
    from core.text.amounts import in_words
    from core.text.catalogue import translate

    amount = in_words(language, values["metric"], int(values["most"]))
    whose = translate(language, f"quota.whose.{values['subject']}")
    left = in_words(language, values["metric"], max(0, int(values["most"]) - int(values["used"])))
    needed = in_words(language, values["metric"], int(values.get("needed", 0)))
    said = {"amount": amount, "whose": whose, "opens": values["opens"], "left": left, "needed": needed}
    return translate(language, f"errors.{code}", **said)
