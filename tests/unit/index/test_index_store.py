"""A version on disk is whole or is not opened: killed builds, flipped bytes, cut and missing files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import IndexDamaged
from core.index.store import (
    MANIFEST,
    new_version,
    open_array,
    open_version,
    remove_version,
    save_array,
    sweep,
    version_folder,
)

ROOT = Path(__file__).resolve().parents[3]
FILES = ("numbers.npy", "words.txt")


def write(folder: Path, number: int = 7) -> Path:
    facts: dict[str, object] = {}
    with new_version(folder, facts) as building:
        save_array(building, "numbers", np.full(100, number))
        (building / "words.txt").write_text("eins\nzwei", encoding="utf-8")
        facts["rule"] = "exact"
    return folder


def test_what_was_written_is_what_is_opened(tmp_path: Path) -> None:
    folder = write(version_folder(tmp_path, 3, 12))
    assert folder == tmp_path / "3" / "12"
    manifest = open_version(folder)
    assert set(manifest.files) == set(FILES)
    assert manifest.facts == {"rule": "exact"}
    assert open_array(folder, "numbers").tolist() == [7] * 100


def write_and_fail(folder: Path) -> None:
    with new_version(folder, {}) as building:
        save_array(building, "numbers", np.zeros(1))
        raise RuntimeError("no space left")


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "remove", "empty"])
def test_damage_to_any_file_is_seen(tmp_path: Path, name: str, damage: str) -> None:
    folder = write(tmp_path / "1" / "1")
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        place = content.index(b"exact") if name == MANIFEST else len(content) // 2
        content[place] ^= 1
    damaged = {"flip": content, "cut": content[:-3], "grow": content + b"x", "empty": b""}
    path.unlink()
    if damage != "remove":
        path.write_bytes(bytes(damaged[damage]))
    with pytest.raises(IndexDamaged) as caught:
        open_version(folder)
    assert caught.value.values["file"] == name
    assert name in caught.value.sentence("zh")


def test_a_forged_manifest_is_seen(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    body = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    body["facts"]["rule"] = "other"
    (folder / MANIFEST).write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(IndexDamaged):
        open_version(folder)


def test_length_is_checked_even_without_checksums(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    with (folder / "words.txt").open("a", encoding="utf-8") as file:
        file.write("drei")
    with pytest.raises(IndexDamaged):
        open_version(folder, verify=False)


def test_a_build_that_fails_leaves_nothing_and_the_old_version_stays(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    with pytest.raises(RuntimeError, match="no space"):
        write_and_fail(folder)
    assert [entry.name for entry in folder.parent.iterdir()] == ["1"]
    assert open_array(folder, "numbers")[0] == 7


def test_a_damaged_version_is_replaced_by_its_rebuild(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    (folder / "words.txt").unlink()
    write(folder, 8)
    open_version(folder)
    assert open_array(folder, "numbers")[0] == 8
    assert [entry.name for entry in folder.parent.iterdir()] == ["1"]


def test_sweep_removes_what_nobody_needs(tmp_path: Path) -> None:
    for version in (1, 2, 3):
        write(tmp_path / "1" / str(version))
    (tmp_path / "1" / ".4.dead.unfinished").mkdir()
    (tmp_path / "1" / "notes").mkdir()
    assert sweep(tmp_path / "1", keep={2, 3}) == [".4.dead.unfinished", "1"]
    assert sorted(entry.name for entry in (tmp_path / "1").iterdir()) == ["2", "3", "notes"]
    assert sweep(tmp_path / "absent", keep=()) == []
    remove_version(tmp_path / "1" / "2")
    remove_version(tmp_path / "1" / "2")
    assert not (tmp_path / "1" / "2").exists()


BUILD = """
import sys, time
from pathlib import Path
import numpy as np
from core.index.store import new_version, save_array
with new_version(Path(sys.argv[1]), {}) as building:
    save_array(building, "numbers", np.full(100, 8))
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_build_killed_half_way_is_never_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    for target in (folder, tmp_path / "1" / "2"):
        process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(target)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    assert open_array(folder, "numbers")[0] == 7
    open_version(folder)
    with pytest.raises(IndexDamaged):
        open_version(tmp_path / "1" / "2")
    assert len(list((tmp_path / "1").iterdir())) == 3
    sweep(tmp_path / "1", keep={1})
    assert [entry.name for entry in (tmp_path / "1").iterdir()] == ["1"]


def test_readers_of_a_removed_version_finish_undisturbed(tmp_path: Path) -> None:
    folder = write(tmp_path / "1" / "1")
    numbers = open_array(folder, "numbers")
    remove_version(folder)
    time.sleep(0)
    assert numbers.sum() == 700
