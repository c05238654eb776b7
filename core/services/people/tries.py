"""Guessing is slow: so many tries by e-mail and by network address, then a wait. Counted before the password is looked
at, so that many tries at once count as many; a success takes its tries away.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import delete, func, select

from core.db.people_tables import SignInTry
from core.db.tables import utc_now
from core.errors import Unavailable
from core.services.application import Application

WINDOW = timedelta(minutes=15)
MOST_BY_EMAIL = 5
MOST_BY_ADDRESS = 30  # an office may have one address


def count_try(app: Application, email: str, address: str) -> None:
    """Raises Unavailable with the minutes to wait when there were too many; then this try is not counted."""
    now = utc_now()
    with app.database.system(writing=True) as session:
        session.execute(delete(SignInTry).where(SignInTry.at < now - WINDOW))
        for whom, most in _keys(email, address):
            times = list(session.scalars(select(SignInTry.at).where(SignInTry.whom == whom).order_by(SignInTry.at)))
            if len(times) >= most:
                raise Unavailable("people.locked", minutes=_minutes(times[-most] + WINDOW - now))
        session.add_all(SignInTry(whom=whom) for whom, _ in _keys(email, address))


def forget_tries(app: Application, email: str, address: str) -> None:
    """After a success: none of the e-mail's tries counts any more, and of the address's one less."""
    with app.database.system(writing=True) as session:
        for whom, most in _keys(email, address):
            if most == MOST_BY_EMAIL:
                session.execute(delete(SignInTry).where(SignInTry.whom == whom))
            else:
                newest = select(func.max(SignInTry.id)).where(SignInTry.whom == whom).scalar_subquery()
                session.execute(delete(SignInTry).where(SignInTry.id == newest))


def _keys(email: str, address: str) -> list[tuple[str, int]]:
    keys = [(f"email {email}", MOST_BY_EMAIL)] if email else []
    keys += [(f"address {address}", MOST_BY_ADDRESS)] if address else []
    return [(hashlib.sha256(text.encode()).hexdigest(), most) for text, most in keys]


def _minutes(left: timedelta) -> int:
    return max(1, -int(-left.total_seconds() // 60))
