"""Office files, pages and mail that were written to harm: entities, files of this machine, addresses, scripts."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from core.documents.load import load
from core.errors import DocumentError
from tests.unit.documents import makers

MAIN = {"docx": "word/document.xml", "pptx": "ppt/slides/slide1.xml", "xlsx": "xl/worksheets/sheet1.xml"}
MAKERS: dict[str, Callable[[Path], Path]] = {"docx": makers.docx, "pptx": makers.pptx, "xlsx": makers.xlsx}
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol" * 10}">' for n in range(10))


class Outside(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Outside.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!ENTITY x 'fetched'>")

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def with_entities(kind: str, folder: Path, definitions: str, entity: str) -> Path:
    """An office file whose main part declares ``definitions`` and says ``entity`` in its first text."""
    whole = MAKERS[kind](folder / f"whole.{kind}")
    target = folder / f"hostile.{kind}"
    changed = False
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in source.namelist():
            data = source.read(name)
            if name == MAIN[kind]:
                text = data.decode("utf-8")
                start = text.index("?>") + 2 if text.startswith("<?xml") else 0
                root = text[start:].lstrip()[1:].split()[0].split(">")[0]
                text = f"{text[:start]}<!DOCTYPE {root} [{definitions}]>{text[start:]}"
                tag = {"docx": "w:t>", "pptx": "a:t>", "xlsx": "t>"}[kind]
                at = text.index(">", text.index(f"<{tag}")) + 1
                data = (text[:at] + entity + text[at:]).encode()
                changed = True
            made.writestr(name, data)
    assert changed, f"{kind} files of the tests no longer hold {MAIN[kind]}"
    return target


def text_of(path: Path) -> str:
    """What is read, or the code of the refusal."""
    try:
        return load(path, path.name).text
    except DocumentError as error:
        return error.code


@pytest.mark.parametrize("kind", sorted(MAIN))
def test_entities_do_not_multiply(kind: str, tmp_path: Path) -> None:
    """The billion laughs: ten lines of XML that say three gigabytes."""
    assert text_of(with_entities(kind, tmp_path, LAUGHS, "&l9;")).count("lol") < 1000


@pytest.mark.parametrize("kind", sorted(MAIN))
def test_no_file_of_this_machine_is_read(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-secret-of-this-machine")
    path = with_entities(kind, tmp_path, f'<!ENTITY x SYSTEM "{secret.as_uri()}">', "&x;")
    assert "the-secret-of-this-machine" not in text_of(path)


@pytest.mark.parametrize("kind", sorted(MAIN))
def test_no_address_is_asked(kind: str, tmp_path: Path, outside: str) -> None:
    definitions = f'<!ENTITY % all SYSTEM "{outside}/all.dtd"> %all; <!ENTITY y SYSTEM "{outside}/y">'
    text_of(with_entities(kind, tmp_path, definitions, "&y;"))
    assert Outside.asked == []


def test_a_page_is_read_without_its_scripts_and_asks_for_nothing(tmp_path: Path, outside: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        f"""<html><head><script src="{outside}/a.js"></script><link rel=stylesheet href="{outside}/b.css">
        <meta http-equiv=refresh content="0;url={outside}/c"><base href="{outside}/"></head>
        <body><p>Returns within 30 days.</p><script>document.write("stolen")</script>
        <img src="{outside}/d.png" onerror="alert('stolen')"><iframe src="{outside}/e"></iframe>
        <style>p:after {{ content: "stolen" }}</style><noscript>stolen</noscript></body></html>""",
        encoding="utf-8",
    )
    text = text_of(path)
    assert "Returns within 30 days." in text
    assert "stolen" not in text
    assert Outside.asked == []


def test_a_mail_is_read_without_asking_for_its_pictures(tmp_path: Path, outside: str) -> None:
    path = tmp_path / "mail.eml"
    path.write_text(
        "From: a@example.org\nSubject: Hello\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
        f'<p>The lamp is broken.</p><img src="{outside}/pixel.gif"><script>alert("stolen")</script>',
        encoding="utf-8",
    )
    text = text_of(path)
    assert "The lamp is broken." in text
    assert "stolen" not in text
    assert Outside.asked == []
