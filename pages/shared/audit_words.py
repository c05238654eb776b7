"""What the audit log stores, in the words of the page: codes stay codes in the log and in its exports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from core.access.actor import Role
from core.text.catalogue import catalogue
from pages.shared.language import language, tr

_LIMIT = re.compile(r"(\w+):(\d+) (\w+) / (\w+)")


def said_action(action: str) -> str:
    """The action in words, where a catalogue has them (``audit.<area>`` with the key ``<thing>_<done>``)."""
    name = action.replace(".", "_")
    words = catalogue(language())
    return next((text for key, text in words.items() if key.startswith("audit.") and key.endswith(f".{name}")), action)


def said_target(action: str, target: str) -> str:
    """What was changed; a limit (``account:7 messages / day``) in the words of the limits' own section."""
    found = _LIMIT.fullmatch(target) if action.startswith("quota.") else None
    if found is None:
        return target
    subject, number, metric, period = found.groups()
    one = subject == "workspace" or number != "0"
    who = tr(f"quota.subject.{subject if one else f'each_{subject}'}")
    named = f"{who} {number}" if one and subject != "workspace" else who
    return f"{named} · {tr(f'quota.metric.{metric}')} · {tr(f'quota.every.{period}')}"


def said_details(details: Mapping[str, Any]) -> str:
    """``name value · name value``, without what is not set."""
    return " · ".join(f"{_name(name)} {_value(name, value)}" for name, value in details.items() if value is not None)


def _name(name: str) -> str:
    return catalogue(language()).get(f"audit_details.names.{name}", name)


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return tr(f"audit_details.values.{'yes' if value else 'no'}")
    if isinstance(value, list):
        return ", ".join(_name(one) if name == "changed" else _value(name, one) for one in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{_name(key)} {_value(key, one)}" for key, one in value.items())
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if name in ("role", "before", "after") and value in {role.value for role in Role}:
        return tr(f"people.role.{value}")
    if name in ("how", "kind", "pages", "language"):
        return catalogue(language()).get(f"audit_details.values.{value}", value)
    return value or "–"
