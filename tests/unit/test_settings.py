"""Settings: unknown keys refused, cross-checks, and README tables that say what the class says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_bind_to_this_machine_only() -> None:
    assert load_settings().host == "127.0.0.1"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTLIGHT_PORT", "9000")
    assert load_settings().port == 9000


def test_an_unknown_key_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTLIGHT_PROT", "9000")
    with pytest.raises(BadInput, match="PILOTLIGHT_PROT"):
        load_settings()


def test_an_unknown_key_in_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PILOTLIGHT_PROT=1\nOTHER=2\n")
    with pytest.raises(BadInput, match="PILOTLIGHT_PROT"):
        load_settings()


def test_a_value_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTLIGHT_PORT", "seventy")
    with pytest.raises(BadInput, match="port"):
        load_settings()


def test_an_endpoint_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTLIGHT_LLM", "endpoint")
    with pytest.raises(BadInput, match="llm_base_url"):
        load_settings()


def test_a_key_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTLIGHT_LLM_API_KEY", "sk-very-secret")
    assert "sk-very-secret" not in repr(load_settings())


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_lists_every_setting_with_its_default(readme: str) -> None:
    rows = dict(re.findall(r"^\| `(PILOTLIGHT_[A-Z_]+)` \| (.*?) \|", (ROOT / readme).read_text("utf-8"), re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        text = "" if value is None or value == "" else str(value).lower() if isinstance(value, bool) else str(value)
        expected[f"{PREFIX}{name}".upper()] = f"`{text}`" if text else "–"
    assert rows == expected
