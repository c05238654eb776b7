"""ZIPs: good members come out, bad ones alone carry an error, attacks refuse the whole archive and leave nothing."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import makers
import pytest

from core.documents.archive import Limits, members
from core.documents.load import load
from core.errors import DocumentError

MIB = 1024 * 1024


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(DocumentError) as caught:
        list(members(path, limits))
    assert caught.value.sentence("zh")
    return caught.value.code


def test_members_come_out_with_their_folders_and_without_litter(tmp_path: Path) -> None:
    office = makers.docx(tmp_path / "w.docx").read_bytes()
    path = makers.zip_of(
        tmp_path / "a.zip",
        {"docs/a.txt": b"hello", "w.docx": office, "__MACOSX/docs/._a.txt": b"x", ".DS_Store": b"x", "docs/": b""},
    )
    seen: list[Path] = []
    for member in members(path):
        assert member.error is None
        seen.append(member.path)
        assert load(member.path, member.name.rsplit("/", 1)[-1]).text
    assert len(seen) == 2
    assert not any(path.exists() for path in seen)


def test_gbk_names(tmp_path: Path) -> None:
    name = "产品/退款说明.txt"
    data = zip_bytes({"n" * len(name.encode("gbk")): b"hello"})
    (tmp_path / "a.zip").write_bytes(data.replace(b"n" * len(name.encode("gbk")), name.encode("gbk")))
    assert [member.name for member in members(tmp_path / "a.zip")] == [name]


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/etc/passwd", "C:\\evil.txt", "..\\evil.txt"])
def test_traversal(tmp_path: Path, name: str) -> None:
    path = makers.zip_of(tmp_path / "a.zip", {"good.txt": b"hello", name: b"evil"})
    assert refused(path) == "documents.zip_traversal"


def test_links(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link.txt")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert refused(tmp_path / "a.zip") == "documents.zip_link"


def test_bomb_by_ratio(tmp_path: Path) -> None:
    assert refused(makers.zip_of(tmp_path / "a.zip", {"a.txt": b"0" * (20 * MIB)})) == "documents.zip_bomb"


def test_bomb_by_sum(tmp_path: Path) -> None:
    path = makers.zip_of(tmp_path / "a.zip", {f"{n}.txt": bytes(range(256)) * 400 for n in range(20)})
    assert refused(path, Limits(max_total_bytes=MIB)) == "documents.zip_bomb"


def test_bomb_that_declares_a_small_size(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"a.txt": b"0" * (20 * MIB)}))
    size = (20 * MIB).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    # Python stops at the declared size and finds the checksum wrong: the member is bad, nothing was unpacked.
    found = list(members(tmp_path / "a.zip"))
    assert [member.error.code for member in found if member.error] == ["documents.corrupt"]


def test_nested_bomb_spends_the_same_budget(tmp_path: Path) -> None:
    inner = zip_bytes({f"{n}.txt": bytes(range(256)) * 2000 for n in range(3)})
    path = makers.zip_of(tmp_path / "a.zip", {f"{n}.zip": inner for n in range(4)})
    assert refused(path, Limits(max_total_bytes=4 * MIB)) == "documents.zip_bomb"


def test_too_many_files(tmp_path: Path) -> None:
    path = makers.zip_of(tmp_path / "a.zip", {f"{n}.txt": b"x" for n in range(11)})
    assert refused(path, Limits(max_files=10)) == "documents.zip_too_many"


def test_nested_archives_are_opened_to_the_depth(tmp_path: Path) -> None:
    deepest = zip_bytes({"deep.txt": b"deep"})
    inner = zip_bytes({"in.txt": b"inner", "deepest.zip": deepest})
    path = makers.zip_of(tmp_path / "a.zip", {"inner.zip": inner})
    found = {member.name: member.error.code if member.error else None for member in members(path)}
    assert found == {"inner.zip/in.txt": None, "inner.zip/deepest.zip": "documents.zip_too_deep"}


def test_a_bad_member_does_not_stop_the_others(tmp_path: Path) -> None:
    data = bytearray(zip_bytes({"a.txt": b"hello " * 50, "secret.txt": b"x", "big.txt": b"y" * 5000, "b.txt": b"fine"}))
    central = data.rfind(b"PK\x01\x02", 0, data.rfind(b"secret.txt"))
    data[central + 8] |= 1  # the encrypted bit
    first = data.find(b"a.txt") + 5
    data[first + 1] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    found = {
        m.name: m.error.code if m.error else "ok" for m in members(tmp_path / "a.zip", Limits(max_member_bytes=4000))
    }
    assert found == {
        "a.txt": "documents.corrupt",
        "secret.txt": "documents.encrypted",
        "big.txt": "documents.too_large",
        "b.txt": "ok",
    }


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no archive")
    assert refused(tmp_path / "a.zip") == "documents.corrupt"
