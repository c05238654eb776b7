"""The environment of a process that a test starts: nothing of the developer's own, and the test's folders."""

from __future__ import annotations

import os
from pathlib import Path


def environment_of(data: Path, database_url: str = "", **settings: str) -> dict[str, str]:
    """Data in ``data``/var, indexes in ``data``/indexes. ``database_url``: empty for SQLite among the data.
    ``settings``: more of them, by their names in capitals (``HOST="0.0.0.0"``)."""
    ours = {
        "DATA_DIR": str(data / "var"),
        "INDEX_DIR": str(data / "indexes"),
        "DATABASE_URL": database_url,
        **settings,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PILOTLIGHT_")}
    return kept | {f"PILOTLIGHT_{name}": value for name, value in ours.items()}
