"""Writes requirements*.txt: the exact versions installed here of everything requirements*.in needs, directly or not.

Run ``python -m tools.lock`` in an environment in which the new versions are installed and the tests pass.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

# The Makefile puts the one in the other's place; both have the same version.
STANDS_FOR = {"opencv-python": "opencv-python-headless"}
ROOT = Path(__file__).resolve().parent.parent


def direct(file: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Name to version of everything ``wanted`` needs in this environment."""
    versions: dict[str, str] = {}
    queue = [(requirement, "") for requirement in wanted]
    seen: set[tuple[str, str]] = set()
    while queue:
        requirement, _ = queue.pop()
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        try:
            found = distribution(STANDS_FOR.get(key, requirement.name))
        except PackageNotFoundError as error:
            raise SystemExit(f"{requirement.name} is not installed here; install it, then lock again") from error
        # A local build tag ("+cpu") is a choice of this machine's index, not of the product.
        versions[key] = found.version.split("+")[0]
        for extra in {"", *requirement.extras}:
            if (key, extra) in seen:
                continue
            seen.add((key, extra))
            for text in found.requires or []:
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate({**default_environment(), "extra": extra}):
                    queue.append((child, extra))
    return versions


def write(source: str, target: str, minus: dict[str, str]) -> dict[str, str]:
    versions = closure(direct(ROOT / source))
    lines = [f"# made by `python -m tools.lock` from {source}: change that file, not this one"]
    lines += ["-r requirements.txt"] if minus else []
    lines += [f"{name}=={version}" for name, version in sorted(versions.items()) if name not in minus]
    (ROOT / target).write_text("\n".join(lines) + "\n")
    return versions


if __name__ == "__main__":
    base = write("requirements.in", "requirements.txt", {})
    write("requirements-dev.in", "requirements-dev.txt", base)
