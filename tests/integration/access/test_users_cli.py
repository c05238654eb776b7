"""The commands of people, run as a person runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli.main import cli
from core.errors import BadInput, NotFound
from core.services.people import links, signing_in
from tests.conftest import ROOT

PASSWORD = "violet lamp by the sea"


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PILOTLIGHT_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("PILOTLIGHT_INDEX_DIR", str(tmp_path / "indexes"))
    monkeypatch.setenv("PILOTLIGHT_DATABASE_URL", database_url)
    monkeypatch.setenv("PILOTLIGHT_PUBLIC_URL", "https://pilot.example.org/")
    monkeypatch.chdir(ROOT)
    return tmp_path


def run(*arguments: str, typed: str = "") -> str:
    result = CliRunner().invoke(cli, ["users", *arguments], input=typed, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_owner_an_invitation_a_new_password_and_a_locked_account(place: Path) -> None:
    from core.bootstrap import build
    from core.settings import load_settings

    run("create-owner", "--email", "Ada@example.org", "--password-stdin", typed=f"{PASSWORD}\n")
    assert run("list").split() == ["1", "ada@example.org", "owner"]
    app = build(load_settings())
    link = run("invite", "--email", "bo@example.org", "--role", "agent")
    found = re.fullmatch(r"https://pilot\.example\.org/join\?token=(\S+)\n", link)
    assert found
    links.accept_invitation(app, found[1], PASSWORD + " too")
    token = run("reset", "--email", "bo@example.org").strip().partition("token=")[2]
    links.reset_password(app, token, PASSWORD + " anew")
    assert signing_in.sign_in(app, "bo@example.org", PASSWORD + " anew", browser="b")
    run("disable", "--email", "bo@example.org")
    assert "bo@example.org\tagent\tdisabled" in run("list")
    with pytest.raises(BadInput):
        signing_in.sign_in(app, "bo@example.org", PASSWORD + " anew", browser="b")
    run("enable", "--email", "bo@example.org")
    assert signing_in.sign_in(app, "bo@example.org", PASSWORD + " anew", browser="b")
    with pytest.raises(NotFound, match="no member"):
        run("disable", "--email", "eve@example.org")


def test_a_password_is_never_an_argument(place: Path) -> None:
    with pytest.raises(BadInput, match="--password-stdin"):
        run("create-owner", "--email", "ada@example.org")
