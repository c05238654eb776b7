"""Tokens and passwords of links. Only hashes are stored.

A token is 256 random bits, so a plain SHA-256 of it cannot be searched; a password is chosen by a person and gets
argon2id with the defaults of argon2-cffi (RFC 9106, low-memory profile).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

TOKEN_BYTES = 32


def new_token() -> str:
    """43 characters of base64url."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def guest_secret(token: str, browser: str) -> str:
    """What a guest's cookie holds: the same for one browser and one link, and known to nobody who lacks either."""
    digest = hashlib.sha256(f"{token}\n{browser}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def guest_visitor(link_id: int, secret: str) -> str:
    """Whose conversations these are: ``link:N:`` and 40 hexadecimal digits."""
    return f"link:{link_id}:{hashlib.sha256(secret.encode()).hexdigest()[:40]}"


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


def password_hash(password: str) -> str:
    return _hasher().hash(password)


def password_fits(stored: str, password: str) -> bool:
    """Whether ``password`` made ``stored``."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
