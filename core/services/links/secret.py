"""What only a guest's cookie holds. Tokens and passwords of links are those of core.access."""

from __future__ import annotations

import base64
import hashlib


def guest_secret(token: str, browser: str) -> str:
    """What a guest's cookie holds: the same for one browser and one link, and known to nobody who lacks either."""
    digest = hashlib.sha256(f"{token}\n{browser}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def guest_visitor(link_id: int, secret: str) -> str:
    """Whose conversations these are: ``link:N:`` and 40 hexadecimal digits."""
    return f"link:{link_id}:{hashlib.sha256(secret.encode()).hexdigest()[:40]}"
