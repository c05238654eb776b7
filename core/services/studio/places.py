"""Where the studio's files lie, below the data folder, one branch a workspace."""

from __future__ import annotations

from pathlib import Path

from core.settings import Settings


def data_sets_root(settings: Settings, workspace_id: int) -> Path:
    """Data set versions of a workspace, each in a folder named by what it holds."""
    return settings.data_dir / "datasets" / str(workspace_id)


def run_folder(settings: Settings, workspace_id: int, run_id: int) -> Path:
    """Everything of one run: models, checkpoints, the log of its process."""
    return settings.data_dir / "studio" / str(workspace_id) / "runs" / str(run_id)


def model_folder(settings: Settings, workspace_id: int, run_id: int, variant: str = "") -> Path:
    """The model that a run makes, or one of its variants."""
    return run_folder(settings, workspace_id, run_id) / (variant or "model")
