"""What a link may be: every value checked before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from core.access.passwords import hash_password
from core.db.link_tables import DemoLink
from core.db.recommend_tables import RecommendCatalogue
from core.db.tables import KnowledgeBase, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput
from core.services.links.logo import drawn_anew
from core.services.links.views import PAGES, LinkRequest
from core.text.catalogue import LANGUAGES

LONGEST = {"name": 200, "title": 120, "greeting": 600}
SHORTEST_PASSWORD, LONGEST_PASSWORD = 6, 200
MOST = 1_000_000
MOST_SITES = 20
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def checked(rows: Rows, request: LinkRequest, stored: DemoLink | None = None) -> dict[str, Any]:
    """The columns of a link. Raises BadInput (links.*) or NotFound for what is not in this workspace."""
    pages = [page for page in PAGES if page in set(request.pages)]
    if not pages or set(request.pages) - set(PAGES):
        raise BadInput("links.pages", known=", ".join(PAGES))
    values: dict[str, Any] = {name: _text(name, getattr(request, name)) for name in LONGEST}
    if not values["name"]:
        raise BadInput("links.name_empty")
    if request.colour and not _COLOUR.fullmatch(request.colour):
        raise BadInput("links.colour", colour=request.colour[:40])
    if request.language not in (*LANGUAGES, "auto"):
        raise BadInput("links.language", language=request.language[:40])
    values |= {"pages": pages, "colour": request.colour.lower(), "language": request.language}
    values |= {"sites": sites(request.sites), "expires_at": _expiry(request.expires_at, stored)}
    values |= {name: _most(name, getattr(request, name)) for name in ("most_messages", "most_people")} | _subjects(
        rows, request, pages
    )
    if request.password is not None:
        values["password_hash"] = _password(request.password)
    if request.logo is not None:
        values["logo"] = drawn_anew(request.logo) if request.logo else None
    return values


def sites(given: Iterable[str]) -> list[str]:
    """Origins, lower-case and once each. Raises BadInput for anything that is more or less than an origin."""
    found = list(dict.fromkeys(_origin(site) for site in given if site.strip()))
    if len(found) > MOST_SITES:
        raise BadInput("links.sites_many", limit=MOST_SITES)
    return found


def _origin(given: str) -> str:
    text = given.strip().lower()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise BadInput("links.site", site=given.strip()[:80]) from error
    plain = parts.scheme in ("http", "https") and not parts.username and not parts.query and not parts.fragment
    # What urlsplit forgives (blanks, a bare colon) must not reach a header.
    if not plain or parts.path not in ("", "/") or not _HOST.fullmatch(host) or len(host) > 253:
        raise BadInput("links.site", site=given.strip()[:80])
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}"


def _text(name: str, value: str) -> str:
    text = value.strip() if name == "greeting" else " ".join(value.split())
    if len(text) > LONGEST[name]:
        raise BadInput("links.too_long", length=len(text), limit=LONGEST[name])
    return text


def _most(name: str, value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MOST:
        raise BadInput(f"links.{name}", value=value, limit=MOST)
    return value


def _expiry(value: datetime | None, stored: DemoLink | None) -> datetime | None:
    unchanged = stored is not None and stored.expires_at == value
    if value is not None and not unchanged and value <= utc_now():
        raise BadInput("links.expiry_past")
    return value


def _password(password: str) -> str:
    if not password:
        return ""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadInput("links.password_length", shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)
    return hash_password(password)


def _subjects(rows: Rows, request: LinkRequest, pages: list[str]) -> dict[str, Any]:
    """What the pages are about; what no page needs is left out."""
    base = request.knowledge_base_id if "chat" in pages else None
    catalogue = request.catalogue_id if "recommend" in pages else None
    template = request.template if "content" in pages else ""
    if ("chat" in pages) != (base is not None):
        raise BadInput("links.base_missing")
    if ("recommend" in pages) != (catalogue is not None):
        raise BadInput("links.catalogue_missing")
    if ("content" in pages) != bool(template) or len(template) > 80:
        raise BadInput("links.template_missing")
    if base is not None:
        rows.get(KnowledgeBase, base)
    if catalogue is not None:
        rows.get(RecommendCatalogue, catalogue)
    return {"knowledge_base_id": base, "catalogue_id": catalogue, "template": template}
