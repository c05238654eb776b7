"""Amounts of what is counted against limits, as people read them: storage in MiB, training in minutes."""

from __future__ import annotations

from core.text.catalogue import translate

UNITS = {"storage_bytes": 1 << 20, "training_seconds": 60}


def in_units(metric: str, amount: int) -> int:
    return round(amount / UNITS.get(metric, 1))


def in_words(language: str, metric: str, amount: int) -> str:
    """ "1 message", "1,000 messages"."""
    number = in_units(metric, amount)
    family = "amount_one" if number == 1 else "amount"
    return translate(language, f"quota.{family}.{metric}", amount=f"{number:,}")
