"""Version 1 of the HTTP API: thin doors over the services. Mounted under /v1 by app.py."""

from __future__ import annotations

from core.api.v1.application import api, mounted

__all__ = ["api", "mounted"]
