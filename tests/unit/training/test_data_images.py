"""Pictures as a data set: archives, folders and tables of pixels, and what is wrong with them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInput
from core.training.datasets.images import ImageOptions, build_image_version
from core.training.datasets.lint import lint_version
from core.training.datasets.mapping import ColumnMapping
from core.training.datasets.splitting import SPLITS
from core.training.datasets.store import read_images, read_version, version_folder
from core.training.datasets.tables import ReadOptions, read_table
from core.training.watch import Quiet

QUIET = Quiet(1e9)
PIXELS = ColumnMapping(task="image", label="label")


def picture(seed: int, size: int = 12) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def members(count: int = 40) -> dict[str, bytes]:
    return {f"set/{'cat' if n % 2 else 'dog'}/{n:03d}.png": picture(n) for n in range(count)}


def test_an_archive_with_a_folder_a_label(tmp_path: Path) -> None:
    found = members()
    found["set/cat/copy.png"] = found["set/cat/001.png"]
    found["set/dog/broken.png"] = b"\x89PNG not a picture"
    found["__MACOSX/set/cat/._001.png"] = b"junk"
    found["set/readme.txt"] = b"text"
    path = archive(tmp_path / "pets.zip", found)
    options = ImageOptions(size=12, channels=1)
    version = build_image_version(path, "pets.zip", tmp_path / "v", QUIET, options=options)
    assert version.labels == ("cat", "dog")
    assert version.dropped == {"duplicate": 1, "unreadable_image": 1}
    assert version.read == version.kept + 2 == 42
    folder = version_folder(tmp_path / "v", version.id)
    assert read_version(folder) == version
    loaded = {name: read_images(folder, name) for name in SPLITS}
    assert sum(len(classes) for _, classes in loaded.values()) == 40
    assert loaded["train"][0].shape == (32, 12, 12, 1)
    originals = {np.asarray(Image.open(io.BytesIO(found[name]))).tobytes() for name in members()}
    assert {image.tobytes() for images, _ in loaded.values() for image in images} == originals
    again = build_image_version(path, "pets.zip", tmp_path / "v", QUIET, options=options)
    assert again == version
    assert {finding.code for finding in lint_version(folder, version, QUIET)} == {"small_split"}


def test_a_folder_and_a_table_of_pixels_hold_the_same(tmp_path: Path) -> None:
    lines = ["label," + ",".join(f"p{n}" for n in range(144))]
    for name, content in members().items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        pixels = np.asarray(Image.open(io.BytesIO(content))).reshape(-1)
        lines.append(",".join([path.parent.name, *map(str, pixels)]))
    (tmp_path / "pixels.csv").write_text("\n".join(lines))
    table = read_table(tmp_path / "pixels.csv", "pixels.csv", ReadOptions(), QUIET)
    one = build_image_version(tmp_path / "files", "files", tmp_path / "v", QUIET, options=ImageOptions(size=12))
    two = build_image_version(table, "pixels.csv", tmp_path / "v", QUIET, mapping=PIXELS)
    assert one.class_counts == two.class_counts
    folders = [version_folder(tmp_path / "v", version.id) for version in (one, two)]
    for name in SPLITS:
        counts = [len(read_images(folder, name)[1]) for folder in folders]
        assert counts[0] == counts[1]


def test_rows_of_pixels_that_cannot_be_are_dropped(tmp_path: Path) -> None:
    rows = [f"{n % 2}," + ",".join(str((n * 37 + p) % 256) for p in range(16)) for n in range(30)]
    rows[3] = "1," + ",".join(["300"] * 16)
    rows[4] = "0," + ",".join(["nan"] * 16)
    rows[5] = "," + ",".join(["5"] * 16)
    (tmp_path / "p.csv").write_text("label," + ",".join(f"p{n}" for n in range(16)) + "\n" + "\n".join(rows))
    table = read_table(tmp_path / "p.csv", "p.csv", ReadOptions(), QUIET)
    version = build_image_version(table, "p.csv", tmp_path / "v", QUIET, mapping=PIXELS)
    assert version.dropped == {"no_label": 1, "not_a_number": 2}
    assert version.dropped_lines["not_a_number"] == [["p.csv", 5], ["p.csv", 6]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no zip at all", "data.image_archive"),
        ({"a.png": picture(1)}, "data.no_images"),
        ({"x/notes.txt": b"text"}, "data.no_images"),
        ({f"only/{n}.png": picture(n) for n in range(5)}, "data.one_class"),
        ({f"{n}/broken.png": b"junk" for n in range(5)}, "data.no_images"),
        ({f"{n}/one.png": picture(n) for n in range(2)}, "data.too_few_rows"),
    ],
)
def test_bad_archives_end_in_a_sentence(tmp_path: Path, content: bytes | dict[str, bytes], code: str) -> None:
    path = tmp_path / "a.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        archive(path, content)
    with pytest.raises(BadInput) as caught:
        build_image_version(path, "a.zip", tmp_path / "v", QUIET, options=ImageOptions(size=12))
    assert caught.value.code == code
    assert len(caught.value.sentence("zh")) > 15
    assert not list((tmp_path / "v").glob("*"))


def test_a_cut_archive_is_no_archive(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.zip", members()).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read as a ZIP"):
        build_image_version(tmp_path / "a.zip", "a.zip", tmp_path / "v", QUIET)


def test_columns_that_make_no_square(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("label,a,b,c\n1,2,3,4\n0,5,6,7\n")
    table = read_table(tmp_path / "p.csv", "p.csv", ReadOptions(), QUIET)
    with pytest.raises(BadInput, match="3 columns beside label"):
        build_image_version(table, "p.csv", tmp_path / "v", QUIET, mapping=PIXELS)
    with pytest.raises(BadInput, match="cannot be 500"):
        ImageOptions(size=500)
