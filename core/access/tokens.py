"""Secrets that are handed out once and stored as their SHA-256: 256 random bits need no slow hash."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """43 characters that fit into an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of it, and looked for."""
    return hashlib.sha256(token.encode()).hexdigest()
