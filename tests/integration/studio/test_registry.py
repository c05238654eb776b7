"""The registry: what is listed, what serves, who meets a canary, and what may be deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.access.actor import Actor, NotAllowed, Role
from core.db.studio_tables import TrainingRun
from core.errors import BadInput, Conflict, NotFound, Unavailable
from core.models.manifest import Manifest, write_manifest
from core.services.application import Application
from core.services.studio import registry
from core.services.studio.registry import _lot
from tests.integration.services.conftest import Shop, open_shop


@pytest.fixture
def shop(app: Application) -> Shop:
    return open_shop(app, "lumen")


def sealed(app: Application, name: str, kind: str = "text_classifier") -> Path:
    folder = app.settings.data_dir / "models" / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(name.encode() * 10)
    write_manifest(folder, Manifest(kind=kind, name=name, labels=("bad", "good"), metrics={"accuracy": 0.9}))  # type: ignore[arg-type]
    return folder


def listed(app: Application, shop: Shop, name: str, **values: object) -> int:
    return registry.register_version(app, shop.workspace, name="mood", folder=sealed(app, name), **values)  # type: ignore[arg-type]


def served(app: Application, shop: Shop, key: str = "") -> int | None:
    found = registry.serving(app, shop.workspace, "sentiment", key)
    return found[0] if found else None


def test_versions_are_numbered_and_carry_their_figures(app: Application, shop: Shop) -> None:
    one, two = listed(app, shop, "a"), listed(app, shop, "b")
    views = registry.list_versions(app, shop.owner())
    assert [(v.id, v.name, v.number) for v in views] == [(two, "mood", 2), (one, "mood", 1)]
    assert views[0].metrics == {"accuracy": 0.9}
    assert views[0].size_bytes > 10


def test_a_folder_that_was_not_finished_or_was_changed_is_not_listed(app: Application, shop: Shop) -> None:
    half = app.settings.data_dir / "models" / "half"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    with pytest.raises(Unavailable):
        registry.register_version(app, shop.workspace, name="mood", folder=half)
    changed = sealed(app, "changed")
    (changed / "model.safetensors").write_bytes(b"other")
    with pytest.raises(Unavailable):
        registry.register_version(app, shop.workspace, name="mood", folder=changed)
    assert registry.list_versions(app, shop.owner()) == []


def test_promotion_and_rollback_step_by_step(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    a, b, c = (listed(app, shop, name) for name in "abc")
    assert served(app, shop) is None
    for version in (a, b, c):
        registry.promote(app, owner, "sentiment", version)
        assert served(app, shop) == version
    assert registry.roll_back(app, owner, "sentiment") == b
    assert served(app, shop) == b
    assert registry.roll_back(app, owner, "sentiment") == a
    assert served(app, shop) == a
    assert registry.roll_back(app, owner, "sentiment") is None
    assert served(app, shop) is None
    with pytest.raises(Conflict):
        registry.roll_back(app, owner, "sentiment")
    history = registry.list_promotions(app, owner, "sentiment")
    assert [line.version_id for line in history] == [a, b, c, b, a]
    assert all(line.ended_at for line in history)


def test_a_canary_takes_its_share_and_rolling_back_ends_it(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    a, b = listed(app, shop, "a"), listed(app, shop, "b")
    with pytest.raises(Conflict):
        registry.promote(app, owner, "sentiment", b, share=0.2)
    registry.promote(app, owner, "sentiment", a)
    registry.promote(app, owner, "sentiment", b, share=0.2)
    met = [served(app, shop, f"customer {n}") for n in range(500)]
    assert 60 <= met.count(b) <= 140
    assert set(met) == {a, b}
    assert [served(app, shop, f"customer {n}") for n in range(500)] == met
    assert {v.id: v.serves for v in registry.list_versions(app, owner)} == {
        b: {"sentiment": 0.2},
        a: {"sentiment": 1.0},
    }
    assert registry.roll_back(app, owner, "sentiment") == a
    assert {served(app, shop, f"customer {n}") for n in range(500)} == {a}


@pytest.mark.parametrize(
    "args", [{"encoder": "version:{id}"}, {"args": {"encoder": "version:{id}"}}, {"version_id": "{id}", "limit": 0.01}]
)
def test_a_version_that_a_waiting_run_needs_stays(app: Application, shop: Shop, args: dict[str, object]) -> None:
    one, other = listed(app, shop, "a"), listed(app, shop, "b")

    def named(value: object) -> object:
        if isinstance(value, dict):
            return {key: named(inner) for key, inner in value.items()}
        return one if value == "{id}" else str(value).replace("{id}", str(one))

    with app.database.write(shop.workspace) as rows:
        run = rows.add(TrainingRun(name="Mood", recipe="text_classifier", args=named(args)))
    with pytest.raises(Conflict, match="Mood"):
        registry.delete_version(app, shop.owner(), one)
    registry.delete_version(app, shop.owner(), other)
    with app.database.write(shop.workspace) as rows:
        rows.get(TrainingRun, run.id).state = "done"
    registry.delete_version(app, shop.owner(), one)
    assert registry.list_versions(app, shop.owner()) == []


def test_what_may_not_be_promoted(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    poor = listed(app, shop, "poor", gate={"passed": False, "lost": 0.031, "limit": 0.01})
    with pytest.raises(Conflict) as refused:
        registry.promote(app, owner, "sentiment", poor)
    assert "3.1" in str(refused.value)
    good = listed(app, shop, "good")
    for task, share in (("sentimentt", 1.0), ("generation", 1.0), ("sentiment", 0.0), ("sentiment", 1.5)):
        with pytest.raises(BadInput):
            registry.promote(app, owner, task, good, share=share)
    (app.settings.data_dir / "models" / "good" / "model.safetensors").write_bytes(b"damage")
    with pytest.raises(Unavailable):
        registry.promote(app, owner, "sentiment", good)
    assert served(app, shop) is None


def test_deleting_refuses_while_in_use(app: Application, shop: Shop) -> None:
    owner = shop.owner()
    parent = listed(app, shop, "parent")
    child = listed(app, shop, "child", parent_id=parent, variant="onnx-int8")
    registry.promote(app, owner, "sentiment", child)
    with pytest.raises(Conflict):
        registry.delete_version(app, owner, child)
    with pytest.raises(Conflict):
        registry.delete_version(app, owner, parent)
    registry.roll_back(app, owner, "sentiment")
    registry.delete_version(app, owner, child)
    assert not (app.settings.data_dir / "models" / "child").exists()
    registry.delete_version(app, owner, parent)
    with pytest.raises(NotFound):
        registry.get_version(app, owner, parent)
    assert registry.list_versions(app, owner) == []


def test_nobody_elses_models_and_not_every_role(app: Application, shop: Shop) -> None:
    rival = open_shop(app, "umbra")
    mine = listed(app, shop, "mine")
    for act in (registry.get_version, registry.delete_version, registry.version_report):
        with pytest.raises(NotFound):
            act(app, rival.owner(), mine)
    with pytest.raises(NotFound):
        registry.promote(app, rival.owner(), "sentiment", mine)
    with pytest.raises(NotAllowed):
        registry.list_versions(app, Actor(shop.workspace, "x", Role.AGENT))


@settings(max_examples=50)
@given(st.text(), st.text())
def test_a_lot_lies_between_zero_and_one_and_never_moves(task: str, key: str) -> None:
    assert 0 <= _lot(task, key) < 1
    assert _lot(task, key) == _lot(task, key)
