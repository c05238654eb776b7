"""The real app for benchmarks: web and worker processes on a temporary folder, and what they use of memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.cli.supervise import web_command
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Running:
    settings: Settings
    web: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the two processes in MiB. Shared pages of memory-mapped files count in each."""
        return {"web": resident_mb(self.web.pid), "worker": resident_mb(self.worker.pid)}


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PILOTLIGHT_")}
    return kept | {
        "PILOTLIGHT_DATA_DIR": str(settings.data_dir),
        "PILOTLIGHT_INDEX_DIR": str(settings.index_dir),
        "PILOTLIGHT_PORT": str(settings.port),
        "PILOTLIGHT_MAX_FILE_MB": str(settings.max_file_mb),
        "PILOTLIGHT_API_PER_MINUTE": str(settings.api_per_minute),
        "PILOTLIGHT_API_PER_MINUTE_ADDRESS": str(settings.api_per_minute_address),
        "PILOTLIGHT_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def running(folder: Path, **values: object) -> Iterator[Running]:
    """Starts web and worker, waits for health, stops both at the end."""
    settings = Settings(
        data_dir=folder / "var", index_dir=folder / "indexes", port=free_port(), _env_file=None, **values
    )
    env = environment(settings)
    log = (folder / "processes.log").open("ab")
    worker = subprocess.Popen([sys.executable, "-m", "core", "worker"], cwd=ROOT, env=env, stdout=log, stderr=log)
    web = subprocess.Popen(web_command(settings), cwd=ROOT, env=env, stdout=log, stderr=log)
    app = Running(settings, web, worker)
    try:
        wait_healthy(app.address)
        yield app
    finally:
        for process in (web, worker):
            process.terminate()
        for process in (web, worker):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        log.close()


def wait_healthy(address: str, seconds: float = 60) -> float:
    """Seconds until /healthz answered."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return time.monotonic() - start
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"{address}/healthz did not answer within {seconds} s")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else float("nan")
