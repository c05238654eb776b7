"""Makes the starters: the models that are shipped with the product, from the public data sets.

    python -m tools.starters [NAME ...] --data DIR [--work DIR]

Without a name all are made. Each goes to ``starters/<name>/`` with its card and its manifest; what a run keeps while it
works (checkpoints) stands under ``--work``, where a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTERS = ROOT / "starters"
LARGEST = 45 * 2**20  # bytes of all starters together

# Name to the module whose ``make(data, work, target)`` makes it.
MAKERS = {
    "encoder": "tools.starter_encoder",
    "sentiment": "tools.starter_sentiment",
    "text-en": "tools.starter_text_en",
    "text-zh": "tools.starter_text_zh",
    "describe-en": "tools.starter_describe_en",
}


def total_bytes(folder: Path = STARTERS) -> int:
    """Bytes of all files under ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*MAKERS, []], help="which to make; all when none is named")
    shared = os.environ.get("PILOTLIGHT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared), help="folder of the public data sets")
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "starters", help="folder for checkpoints")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        parser.error(f"public data sets not found at {arguments.data}; name their folder with --data")
    for name in arguments.names or MAKERS:
        importlib.import_module(MAKERS[name]).make(arguments.data, arguments.work / name, STARTERS / name)
        print(f"{name}: {total_bytes(STARTERS / name) / 2**20:.1f} MiB in {STARTERS / name}")
    if total_bytes() > LARGEST:
        parser.exit(1, f"all starters together are {total_bytes() / 2**20:.1f} MiB; at most 45 MiB may be shipped\n")


if __name__ == "__main__":
    main()
