"""Where the encoder that a run names comes from: a folder, or a name of the catalogue."""

from __future__ import annotations

from pathlib import Path

from core.errors import BadInput
from core.models.catalogue import any_entry, locate
from core.models.encoder import opened
from core.settings import Settings


def encoder_folder(name: str, settings: Settings) -> Path:
    """The folder of the encoder ``name``. A sealed classifier's folder stands for the encoder in it.

    Raises BadInput (training.encoder_missing) for a path without a model, Unavailable for a model that
    cannot be had.
    """
    path = Path(name).expanduser()
    for folder in (path, path / "encoder"):
        if (folder / "config.json").is_file():
            return folder
    if path.is_dir() or path.is_absolute() or name.startswith("."):
        raise BadInput("training.encoder_missing", name=name)
    place = locate(any_entry(name, "encoder", "masked_language_model"), settings)
    return opened(place, settings).path


def weights_of(folder: Path) -> list[Path]:
    """The files that decide what the encoder computes, for a run's fingerprint."""
    return sorted([*folder.glob("*.safetensors"), folder / "config.json", *folder.glob("tokenizer.json")])
