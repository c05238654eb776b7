"""What golden questions teach a knowledge base: fusion weights, a confidence model of its own, and their use."""

from __future__ import annotations

import random

import numpy as np
import pytest

from core.assistant.confidence import EVIDENCE, probability, shipped
from core.db.tables import KnowledgeBase
from core.services import calibration, golden, knowledge
from core.services.application import Application
from core.services.calibration import Case
from core.services.ladder import consider
from core.services.learning import better_model
from core.services.spoken import Clock
from tests.integration.services.conftest import Shop, publish_texts

# Each text answers its own question in other words and holds the words of another one, so that words mislead.
TOPICS = (
    ("return", "A refund is paid when goods are returned within a month. Bills are red.", "How do I get my money?"),
    ("parcel", "Shipping takes three days by courier. Get the money ready.", "When will the package arrive?"),
    ("power", "Charge it overnight with the adapter. A package will arrive.", "How is the battery loaded?"),
    ("people", "Our staff speak Norwegian. The battery is loaded.", "Which tongue do workers use?"),
    ("invoice", "Invoices are sent at the end of a month. Workers use a tongue.", "What about bills?"),
)


def settings_of(app: Application, shop: Shop) -> dict[str, object]:
    with app.database.read(shop.workspace) as rows:
        return dict(rows.get(KnowledgeBase, shop.kb).settings)


def ask_often(app: Application, shop: Shop, *, document: str | None = None, times: int = 5) -> None:
    for number in range(times):
        for name, _, question in TOPICS:
            golden.save_golden(
                app,
                shop.owner(),
                shop.kb,
                question=f"{question} ({number})",
                answer="",
                document=document or f"{name}.md",
            )


def test_the_first_gate_learns_fusion_weights_and_searches_use_them(app: Application, shop: Shop) -> None:
    ask_often(app, shop)
    publish_texts(app, shop, **{name: text for name, text, _ in TOPICS})
    weights = settings_of(app, shop)["weights"]
    opened = app.indexes.live(shop.workspace, shop.kb)
    assert isinstance(weights, dict)
    assert opened is not None
    assert weights["en"] > 0.5
    assert opened.search(TOPICS[0][2]).weight == pytest.approx(weights["en"])


def test_too_few_questions_leave_the_fusion_as_it_was(app: Application, shop: Shop) -> None:
    ask_often(app, shop, times=3)
    publish_texts(app, shop, **{name: text for name, text, _ in TOPICS})
    assert "weights" not in settings_of(app, shop)


def test_questions_that_name_no_document_of_ours_teach_no_weight(app: Application, shop: Shop) -> None:
    ask_often(app, shop, document="elsewhere.pdf")
    publish_texts(app, shop, **{name: text for name, text, _ in TOPICS})
    assert "weights" not in settings_of(app, shop)


def cases(rule: str, count: int = 160) -> list[Case]:
    """Evidence of which only the last number decides (``rule`` "last"), or nothing does ("luck")."""
    chance = random.Random(5)
    made = []
    for _ in range(count):
        numbers = np.array([chance.gauss(0, 1) for _ in EVIDENCE])
        right = numbers[-1] > 0 if rule == "last" else chance.random() < 0.5
        made.append(
            Case(
                probability(numbers, shipped("confidence")),
                bool(right),
                True,
                tuple(float(n) for n in numbers),
                "confidence",
            )
        )
    return made


def test_a_model_of_its_own_is_taken_where_it_is_better_on_unseen_questions() -> None:
    learnt = better_model(cases("last"), 0.2)
    assert learnt is not None
    model, unseen = learnt
    right = [case.right for case in cases("last")]
    assert np.mean([u for u, r in zip(unseen, right, strict=True) if r]) > 0.2 + np.mean(
        [u for u, r in zip(unseen, right, strict=True) if not r]
    )
    assert model.coefficients[-1] > shipped("confidence").coefficients[-1]


def test_a_handful_of_questions_makes_no_model() -> None:
    assert better_model(cases("last", 90), 0.2) is None
    assert better_model([], 0.2) is None


def test_the_stored_model_decides_and_another_encoders_does_not(app: Application, lamps: Shop) -> None:
    question = "How long is the warranty of a lamp?"

    def certain() -> float:
        return consider(app, lamps.workspace, lamps.kb, question, clock=Clock()).certain

    before = consider(app, lamps.workspace, lamps.kb, question, clock=Clock())
    base = shipped(before.kind)
    coefficients = dict(zip(base.names, base.coefficients, strict=True))
    own = {"coefficients": coefficients, "intercept": base.intercept - 3.0, "encoder": app.settings.encoder}
    knowledge.update_settings(app, lamps.owner(), lamps.kb, confidence={before.kind: own})
    assert certain() < before.certain - 0.05
    knowledge.update_settings(app, lamps.owner(), lamps.kb, confidence={before.kind: {**own, "encoder": "another"}})
    assert certain() == pytest.approx(before.certain)


def test_a_run_that_calibrates_stores_what_it_learnt(app: Application, lamps: Shop) -> None:
    owner = lamps.owner()
    for number in range(20):
        golden.save_golden(app, owner, lamps.kb, question=f"How long is the warranty? {number}", answer="24 months")
        golden.save_golden(app, owner, lamps.kb, question=f"Who painted the shop {number} years ago?", answerable=False)
    run = golden.run_golden(app, owner, lamps.kb, calibrate=True)
    stored = settings_of(app, lamps)
    assert run.calibration["questions"] == 40
    assert isinstance(stored["confidence"], dict)
    with app.database.read(lamps.workspace) as rows:
        base = rows.get(KnowledgeBase, lamps.kb)
        assert run.calibration["threshold"] == calibration.threshold_of(app, base)
    # What is asked now gets the confidence that the run judged by.
    asked = consider(app, lamps.workspace, lamps.kb, "How long is the warranty? 3", clock=Clock())
    assert asked.certain == pytest.approx(run.lines[6].confidence)
