"""deploy/nginx.conf made to run from a folder of the tests: other ports, a certificate of its own, several servers."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def certificate(folder: Path) -> None:
    """cert.pem and key.pem for localhost, signed by nobody."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def nginx_file(folder: Path, *, port: int, plain_port: int, servers: Sequence[int]) -> Path:
    """The main file to start nginx with. Every place that is changed must be there to be changed."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    upstream = "".join(f"    server 127.0.0.1:{one} max_fails=1 fail_timeout=5s;\n" for one in servers)
    for old, new in (
        ("    server 127.0.0.1:8501 max_fails=3 fail_timeout=10s;\n", upstream),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("server_name pilotlight.example.com;", "server_name localhost;"),
        ("/etc/ssl/pilotlight/fullchain.pem", str(folder / "cert.pem")),
        ("/etc/ssl/pilotlight/privkey.pem", str(folder / "key.pem")),
    ):
        assert old in text, f"deploy/nginx.conf no longer holds {old!r}"
        text = text.replace(old, new)
    (folder / "pilotlight.conf").write_text(text, encoding="utf-8")
    scratch = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\ndaemon off;\nevents {{}}\nhttp {{\n"
        f"  log_format where '$upstream_addr $status $request';\n  access_log {folder}/access.log where;\n{scratch}\n"
        f"  include {folder}/pilotlight.conf;\n}}\n",
        encoding="utf-8",
    )
    return main
