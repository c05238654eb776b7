"""Demo links on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from core.access.actor import Actor
from core.bootstrap import build
from core.cli.main import cli
from core.services import knowledge
from core.services.links import guests
from core.settings import Settings

Run = Callable[..., str]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PILOTLIGHT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("PILOTLIGHT_INDEX_DIR", str(settings.index_dir))
    monkeypatch.setenv("PILOTLIGHT_DATABASE_URL", settings.database_url)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["links", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_a_link_is_made_listed_and_revoked(run: Run, settings: Settings) -> None:
    app = build(settings)
    knowledge.create_knowledge_base(app, Actor(1, "command-line"), "Help")
    assert "no demo links" in run("list")
    made = json.loads(
        run("make", "Acme", "-k", "Help", "--messages", "5", "--origin", "https://pilot.example", "--json")
    )
    assert made["address"].startswith("https://pilot.example/d/")
    token = made["address"].rsplit("/", 1)[1]
    assert guests.find_link(app, token, "192.0.2.1").most_messages == 5
    listed = run("list", "--json")
    assert json.loads(listed)[0]["state"] == "open"
    assert token not in listed
    assert "已撤销" in run("revoke", str(made["id"]), "--language", "zh")
    assert "Revoked" in run("list")
    app.database.engine.dispose()
