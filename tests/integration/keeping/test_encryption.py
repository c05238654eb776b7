"""With a key nothing that a person said stands readable in database or files, and everything works as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.access.actor import Actor
from core.access.encryption import CHUNK, Cipher, hidden, key_of_file, new_key, shown
from core.bootstrap import build
from core.db.portable import lines, shapes, snapshot
from core.db.tables import Message
from core.errors import BadInput, Unavailable
from core.services import conversations, files, handoff
from core.services.application import Application
from core.services.keeping.backup import back_up
from core.services.keeping.restore import restore
from core.services.keeping.rotation import rotate
from core.services.source import source
from core.services.views import Upload
from core.settings import Settings
from tests.environment import environment_of
from tests.integration.services.conftest import CHINESE, RETURNS, Shop, lower_the_bar, open_shop, publish_texts, say

ROOT = Path(__file__).resolve().parents[3]
Make = Callable[[Settings], Application]
OLD, NEW = new_key(), new_key()
SECRETS = ["Wilhelmina", "returned within 30 days", "灯具自签收之日起", "original means of payment"]
ASKED = "I am Wilhelmina. How long can I return a lamp?"


def with_key(settings: Settings, *keys: str) -> Settings:
    return Settings(**{**settings.model_dump(), "encryption_key": ",".join(keys)}, _env_file=None)


def filled(app: Application) -> tuple[Shop, Actor, int]:
    shop = open_shop(app, "lumen")
    publish_texts(app, shop, returns=RETURNS, 退货=CHINESE)
    lower_the_bar(app, shop)
    ann = shop.customer("ann")
    talk = conversations.start_conversation(app, ann, shop.kb)
    say(app, ann, talk, ASKED)
    handoff.request_person(app, ann, talk, contact="wilhelmina@example.com")
    return shop, ann, talk


def stored(app: Application) -> str:
    """Every row as it stands in the database, and the originals as they stand on the disk."""
    with snapshot(app.database.engine) as connection:
        rows = b"".join(line for shape in shapes() for line in lines(connection, shape))
    originals = b"".join(path.read_bytes() for path in app.settings.files_dir.rglob("*") if path.is_file())
    return (rows + originals).decode("utf-8", "replace")


def test_what_people_said_is_readable_in_the_product_only(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    shop, ann, talk = filled(app)
    content = stored(app)
    assert [secret for secret in SECRETS if secret in content] == []
    assert "退货" in content  # names of documents stay readable
    views = conversations.messages(app, ann, talk)
    assert views[0].text == ASKED
    assert "30 days" in views[1].text
    assert views[1].answer is not None
    assert "30 days" in source(app, ann, views[1].answer.citations[0]).quote
    assert [one.id for one in conversations.list_conversations(app, ann, search="WILHELM")] == [talk]
    assert conversations.list_conversations(app, ann, search="nothing") == []
    assert handoff.list_handoffs(app, shop.agent())[0].contact == "wilhelmina@example.com"


def test_switched_on_rotated_and_switched_off_again(settings: Settings, make_application: Make) -> None:
    plain = make_application(settings)
    shop, ann, talk = filled(plain)
    assert all(secret in stored(plain) for secret in SECRETS)
    before = [(view.text, view.answer) for view in conversations.messages(plain, ann, talk)]

    for keys in ([OLD], [NEW, OLD]):
        app = make_application(with_key(settings, *keys))
        assert rotate(app, shop.owner()) > 5
        assert rotate(app, shop.owner()) == 0
        assert [(view.text, view.answer) for view in conversations.messages(app, ann, talk)] == before
        assert [secret for secret in SECRETS if secret in stored(app)] == []
    only_new = make_application(with_key(settings, NEW))  # the old key is not needed any more
    assert [(view.text, view.answer) for view in conversations.messages(only_new, ann, talk)] == before
    assert rotate(only_new, shop.owner(), decrypt=True) > 5
    again = make_application(settings)
    assert [(view.text, view.answer) for view in conversations.messages(again, ann, talk)] == before
    assert "enc1." not in stored(again)


def test_a_missing_or_wrong_key_is_said_at_the_start_and_loses_nothing(
    settings: Settings, make_application: Make, tmp_path: Path, empty_place: Settings
) -> None:
    app = make_application(with_key(settings, OLD))
    shop, ann, talk = filled(app)
    before = stored(app)
    with pytest.raises(Unavailable, match="no key"):
        build(settings)
    with pytest.raises(Unavailable, match="encrypted with the key"):
        build(with_key(settings, NEW))
    with pytest.raises(BadInput, match="no encryption key"):
        build(with_key(settings, "too-short"))
    assert stored(app) == before

    made = back_up(app, shop.owner(), tmp_path / "all.tar.gz")  # stays encrypted, and needs its key
    restore(empty_place, made.path)
    with pytest.raises(Unavailable, match="no key"):
        build(empty_place)
    assert conversations.messages(make_application(with_key(empty_place, OLD)), ann, talk)[0].text == ASKED


def test_a_rotation_that_is_killed_goes_on(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    shop, ann, talk = filled(app)
    with app.database.write(shop.workspace) as rows:
        rows.add_all([Message(conversation_id=talk, role="customer", text=f"secret {n}") for n in range(4000)])
    keys = {"ENCRYPTION_KEY": f"{NEW},{OLD}"}
    environment = environment_of(settings.data_dir.parent, settings.database_url, **keys) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "core", "keys", "rotate"]
    process = subprocess.Popen(command, cwd=settings.data_dir, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "changed" in process.stdout.readline()  # a first column is done, the messages are on their way
    process.send_signal(signal.SIGKILL)
    process.wait()
    both = make_application(with_key(settings, NEW, OLD))
    assert len(conversations.messages(both, ann, talk, limit=5000)) > 4000  # readable in between
    assert rotate(both, shop.owner()) > 0
    assert conversations.messages(make_application(with_key(settings, NEW)), ann, talk)[0].text


def test_who_writes_while_keys_rotate_is_not_overwritten(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, NEW, OLD))
    older = make_application(with_key(settings, OLD, NEW))
    shop, _, talk = filled(older)
    with older.database.write(shop.workspace) as rows:
        mine = [rows.add(Message(conversation_id=talk, role="customer", text="0")).id for _ in range(300)]
    stop = threading.Event()
    said: dict[int, str] = {}

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            for one in mine[::30]:
                with older.database.write(shop.workspace) as rows:
                    rows.get(Message, one).text = str(turn)
                said[one] = str(turn)

    writer = threading.Thread(target=write)
    writer.start()
    rotate(app, shop.owner())
    stop.set()
    writer.join()
    with app.database.read(shop.workspace) as rows:
        assert {one: rows.get(Message, one).text for one in said} == said


def test_a_changed_row_or_file_is_noticed(settings: Settings, make_application: Make) -> None:
    app = make_application(with_key(settings, OLD))
    _, ann, talk = filled(app)
    with app.database.engine.begin() as connection:
        title = connection.execute(sa.text("SELECT title FROM conversation")).scalar_one()
        connection.execute(sa.text("UPDATE message SET text = :t WHERE role = 'customer'"), {"t": title})
    with pytest.raises(Unavailable, match=r"message\.text"):
        conversations.messages(app, ann, talk)
    path = next(path for path in app.settings.files_dir.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Unavailable), files.original(app.settings, path.name):
        pass


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_files_come_back_whole_or_not_at_all(settings: Settings, size: int) -> None:
    given_settings = with_key(settings, OLD)
    content = os.urandom(size)
    digest, _ = files.store(given_settings, Upload("x.bin", content))
    path = files.stored_path(given_settings, digest)
    with files.original(given_settings, digest) as plain:
        assert plain.read_bytes() == content
    assert not plain.exists()
    assert key_of_file(path)
    for shorter in {path.stat().st_size - 1, 21 + CHUNK + 16, 21}:
        if shorter < path.stat().st_size:
            cut = path.with_name("cut")
            cut.write_bytes(path.read_bytes()[:shorter])
            with pytest.raises(Unavailable):
                list(Cipher([OLD]).decrypt_file(cut))


@hypothesis_settings(max_examples=150, deadline=None)
@given(text=st.text() | st.text().map(lambda t: f"enc1.{t}") | st.text().map(lambda t: f"enc1.plain.{t}"))
def test_every_text_comes_back(text: str) -> None:
    cipher = Cipher([OLD])
    assert shown(cipher, hidden(cipher, text, "p"), "p") == text
    assert shown(None, hidden(None, text, "p"), "p") == text
    assert shown(Cipher([NEW, OLD]), hidden(cipher, text, "p"), "p") == text
