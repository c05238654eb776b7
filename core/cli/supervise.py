"""Web app and worker as two child processes: started together, restarted when they die, stopped together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from core.settings import Settings
from core.text.catalogue import translate

ROOT = Path(__file__).resolve().parent.parent.parent
STOP_WAIT = 15.0  # seconds for a child to end by itself before it is killed
QUICK_DEATH = 10.0  # a child that dies sooner than this after its start is restarted a bounded number of times
MOST_QUICK_DEATHS = 3


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = field(default=0)

    def start(self) -> None:
        # A session of its own: Ctrl-C in the terminal reaches only the supervisor, which stops children in order.
        self.process = subprocess.Popen(self.command, cwd=ROOT, start_new_session=True)
        self.started = time.monotonic()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def web_command(settings: Settings) -> list[str]:
    return [
        sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"),
        "--server.address", settings.host,
        "--server.port", str(settings.port),
        "--server.headless", "true",
        "--server.maxUploadSize", str(settings.max_file_mb),
        "--logger.level", settings.log_level.lower(),
    ]  # fmt: skip


def supervise(settings: Settings) -> int:
    """Runs until a signal or until a child cannot be kept alive; returns the exit code."""
    from core.bootstrap import prepare

    if _taken(settings):
        print(translate("en", "cli.port_taken", host=settings.host, port=settings.port), file=sys.stderr)
        return 1
    prepare(settings)
    children = [Child("worker", [sys.executable, "-m", "core", "worker"]), Child("web", web_command(settings))]
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for child in children:
        child.start()
    code = 0
    announced = False
    try:
        while not stopping:
            time.sleep(0.2)
            announced = announced or _announce(settings)
            if any(not _keep(child) for child in children):
                code = 1
                break
    finally:
        for child in reversed(children):
            child.stop()
    print(translate("en", "cli.stopped"))
    return code


def _keep(child: Child) -> bool:
    """Restarts a dead child; False when it keeps dying at once."""
    assert child.process is not None
    if child.process.poll() is None:
        return True
    child.quick_deaths = child.quick_deaths + 1 if time.monotonic() - child.started < QUICK_DEATH else 0
    if child.quick_deaths >= MOST_QUICK_DEATHS:
        print(translate("en", "cli.keeps_dying", name=child.name, code=child.process.returncode), file=sys.stderr)
        return False
    child.start()
    return True


def address_of(settings: Settings) -> str:
    """Where this machine reaches the web app."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # nosec B104: compared with, not bound to
    return f"http://{host}:{settings.port}"


def answers(settings: Settings) -> bool:
    """Whether the web app at the configured address serves ``/healthz``."""
    try:
        with urllib.request.urlopen(f"{address_of(settings)}/healthz", timeout=3) as answer:  # nosec B310: our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _announce(settings: Settings) -> bool:
    if not answers(settings):
        return False
    print(translate("en", "cli.ready", address=address_of(settings)), flush=True)
    return True


def _taken(settings: Settings) -> bool:
    import socket

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            return True
    return False
