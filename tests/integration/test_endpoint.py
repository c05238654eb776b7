"""The endpoint path against real servers: ``transformers serve`` with a model that knows nothing, and rude sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.assistant.wording import stream_wording
from core.errors import Unavailable
from core.models.chat import build_chat, speak
from core.settings import Settings
from core.types import Rung
from tests.tiny_models import tiny_gpt2
from tests.unit.llm.builders import found, quoted

PASSAGES = found("Items may be returned within 30 days of delivery. Refunds take 5 business days.")
QUESTION = "How long do refunds take?"


def settings(base_url: str, model: str = "tiny", **more: object) -> Settings:
    values = {"llm": "endpoint", "llm_model": model, "llm_base_url": base_url, "llm_timeout": 20, "llm_max_tokens": 60}
    return Settings(**{**values, **more}, _env_file=None)  # type: ignore[arg-type]


def ask(base_url: str, model: str = "tiny", **more: object) -> str:
    """Streams an answer to its end; the code of the Unavailable that ends it."""
    chat = build_chat(settings(base_url, model, **more))
    assert chat is not None
    run = stream_wording(chat, QUESTION, PASSAGES, quoted(PASSAGES), "en")
    with pytest.raises(Unavailable) as trouble:
        list(run)
    assert run.answer.text == quoted(PASSAGES).text
    for language in ("en", "zh"):
        assert trouble.value.sentence(language)
    return trouble.value.code


# --- transformers serve ---


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``transformers serve`` on a free port; stopped at the end, whatever happened."""
    pytest.importorskip("fastapi", reason="transformers serve needs fastapi: pip install -r requirements-dev.txt")
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--default-seed", "1"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        _wait_until_healthy(port, process, log)
        yield f"http://127.0.0.1:{port}/v1", process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"transformers serve ended at once:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"transformers serve did not become healthy:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.mark.server
def test_transformers_serve_from_first_token_to_its_end(tmp_path: Path) -> None:
    folder = tiny_gpt2(tmp_path / "tiny")
    with serving(folder, tmp_path / "serve.log") as (base_url, process):
        chat = build_chat(settings(base_url, str(folder)))
        assert chat is not None

        pieces = list(speak(chat, [("user", QUESTION)]))  # type: ignore[list-item]
        assert len(pieces) > 3, "tokens come one after the other"

        run = stream_wording(chat, QUESTION, PASSAGES, quoted(PASSAGES), "en")
        assert {checked.state for checked in run} == {"quoted"}, "gibberish is dropped"
        assert run.dropped >= 1
        assert run.answer.rung is Rung.DOCUMENT
        assert run.answer.text == quoted(PASSAGES).text
        assert run.answer.citations

        stopped: list[str] = []
        for piece in speak(chat, [("user", QUESTION)], cancelled=lambda: len(stopped) >= 2):  # type: ignore[list-item]
            stopped.append(piece)
        assert len(stopped) == 2, "stop in the middle"
        assert list(speak(chat, [("user", QUESTION)])), "and the next question is answered"  # type: ignore[list-item]

        assert ask(base_url, "another-model") in {"llm.rejected", "llm.model_unknown"}

        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert ask(base_url, str(folder)) == "llm.unreachable"


# --- servers that misbehave ---


def read_request(connection: socket.socket) -> None:
    """The whole of it: closing a socket with unread bytes would reset the connection instead of ending it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A socket on 127.0.0.1 whose every connection goes through ``behave``."""
    server = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                read_request(connection)
                behave(connection)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    finally:
        ended.set()
        server.close()


def reply(status: str, body: str, kind: str = "application/json", extra: str = "") -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n{extra}"
    return lambda connection: connection.sendall(f"{head}Connection: close\r\n\r\n{body}".encode())


def chunk(text: str) -> str:
    choice = f'{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}'
    return f'data: {{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{choice}]}}\n\n'


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def hang(connection: socket.socket) -> None:
    """Says nothing until the client has had enough."""
    connection.settimeout(20)
    while connection.recv(65536):
        pass


def begin_and_hang(connection: socket.socket) -> None:
    connection.sendall(STREAM + chunk("Refunds ").encode())
    hang(connection)


def test_a_server_that_never_answers_is_given_up_after_the_timeout() -> None:
    calls: list[int] = []

    def behave(connection: socket.socket) -> None:
        calls.append(1)
        hang(connection)

    with raw_server(behave) as base_url:
        assert ask(base_url, llm_timeout=0.5) == "llm.timeout"
    assert len(calls) == 1, "a timeout is not tried again: the person has waited long enough"


def test_a_server_that_falls_silent_in_the_middle() -> None:
    with raw_server(begin_and_hang) as base_url:
        assert ask(base_url, llm_timeout=0.5) == "llm.timeout"


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        (reply("401 Unauthorized", '{"error":{"message":"bad key sk-secret"}}'), "llm.key"),
        (reply("403 Forbidden", "{}"), "llm.key"),
        (reply("404 Not Found", '{"error":{"message":"no model"}}'), "llm.model_unknown"),
        (reply("400 Bad Request", '{"error":{"message":"too long"}}'), "llm.rejected"),
        (reply("429 Too Many Requests", "{}", extra="Retry-After: 600\r\n"), "llm.busy"),
        (reply("500 Internal Server Error", "oops", "text/plain", "Retry-After: 0\r\n"), "llm.failing"),
        (reply("200 OK", "<html>Welcome</html>", "text/html"), "llm.garbled"),
        (reply("200 OK", "data: {not json\n\n", "text/event-stream"), "llm.garbled"),
        (reply("200 OK", 'data: {"hello": 1}\n\ndata: [DONE]\n\n', "text/event-stream"), "llm.empty"),
        (reply("200 OK", "data: [DONE]\n\n", "text/event-stream"), "llm.garbled"),
        (lambda connection: None, "llm.unreachable"),
        (lambda connection: connection.sendall(b"\x00\xff\x00 this is not http"), "llm.unreachable"),
    ],
)
def test_whatever_comes_back_is_one_clear_sentence(behave: Callable[[socket.socket], None], code: str) -> None:
    with raw_server(behave) as base_url:
        assert ask(base_url) == code


def test_nothing_of_the_key_or_the_servers_words_is_shown() -> None:
    with raw_server(reply("401 Unauthorized", '{"error":{"message":"bad key sk-secret"}}')) as base_url:
        chat = build_chat(settings(base_url, llm_api_key="sk-secret"))
        assert chat is not None
        with pytest.raises(Unavailable) as trouble:
            list(speak(chat, [("user", "?")]))  # type: ignore[list-item]
    assert "sk-secret" not in trouble.value.sentence("en") + str(trouble.value) + repr(chat)


def test_a_server_busy_for_a_moment_is_asked_once_more() -> None:
    answers = [
        reply("429 Too Many Requests", "{}", extra="Retry-After: 0\r\n"),
        lambda connection: connection.sendall(STREAM + (chunk("Fine.") + "data: [DONE]\n\n").encode()),
    ]
    with raw_server(lambda connection: answers.pop(0)(connection)) as base_url:
        chat = build_chat(settings(base_url))
        assert chat is not None
        assert "".join(speak(chat, [("user", "?")])) == "Fine."  # type: ignore[list-item]


def test_no_model_and_a_local_one(tmp_path: Path) -> None:
    assert build_chat(Settings(_env_file=None)) is None
    (tmp_path / "my-model").mkdir()
    local = build_chat(Settings(llm="local", llm_model="my-model", models_dir=tmp_path, _env_file=None))
    assert getattr(local, "model_name", "") == str(tmp_path / "my-model")
