"""Failed tries are counted by address, so that neither a link nor its password can be searched for."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from sqlalchemy import delete, func, select

from core.db.link_tables import LinkTry
from core.db.tables import utc_now
from core.errors import Conflict
from core.services.application import Application

WINDOW = timedelta(minutes=15)
KEPT = timedelta(hours=1)
TOKENS = 20  # addresses of no link, an address of the net and window
PASSWORDS = 8  # wrong passwords of one link, an address of the net and window
PASSWORDS_OF_LINK = 200  # the same from everywhere: searched by many machines at once


def near(address: str) -> str:
    """The address of the net that is counted: an IPv6 customer has a whole /64."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64] or "unknown"
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False).network_address)
    return str(known)


def check_tries(app: Application, what: str, address: str) -> None:
    """Raises Conflict while there were too many. Not logged by itself: trying on keeps nobody out for longer."""
    recent = LinkTry.what == what, LinkTry.at > utc_now() - WINDOW
    with app.database.system() as session:
        count = select(func.count()).select_from(LinkTry).where(*recent)
        own = session.scalar(count.where(LinkTry.address == near(address))) or 0
        everywhere = (session.scalar(count) or 0) if what != "token" else 0
    if own >= (TOKENS if what == "token" else PASSWORDS) or everywhere >= PASSWORDS_OF_LINK:
        raise Conflict("links.too_many_tries", minutes=int(WINDOW.total_seconds() // 60))


def note_try(app: Application, what: str, address: str) -> None:
    """Counts a failed try and forgets the old ones."""
    with app.database.system(writing=True) as session:
        session.execute(delete(LinkTry).where(LinkTry.at < utc_now() - KEPT))
        session.add(LinkTry(what=what, address=near(address)))
