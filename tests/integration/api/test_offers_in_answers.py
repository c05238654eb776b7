"""The HTTP answer of a knowledge base that offers items, and the click that is reported as an event."""

from __future__ import annotations

from core.services import chat_offers
from core.services.recommend.catalogues import find_catalogue
from core.services.recommend.serving import person_events
from tests.integration.api.conftest import Service


def test_an_answer_carries_offers_while_the_owner_wants_them(service: Service) -> None:
    owner, kb = service.shop.owner(), service.shop.kb
    number = find_catalogue(service.app, owner, "Shop")
    address, question = f"/knowledge-bases/{kb}/ask", {"question": "How long is the warranty of Lamp lamp-3?"}
    with service.client() as client:
        assert client.post(address, json=question).json()["offers"] == []
        chat_offers.set_offers(service.app, owner, kb, number)
        try:
            answer = client.post(address, json=question).json()
            serious = client.post(address, json={"question": "Lamp lamp-3 is on fire, is that the warranty?"}).json()
        finally:
            chat_offers.set_offers(service.app, owner, kb, None)
        assert answer["offers"][0]["item"] == "lamp-3"
        assert answer["offers"][0]["why"] == "asked"
        assert serious["offers"] == []
        event = {"person": "caller", "item": "lamp-3", "kind": "clicked"}
        assert client.post("/events", json={"catalogue": "Shop", "events": [event]}).json()["recorded"] == 1
    assert person_events(service.app, owner, number, "caller")[0].kind == "clicked"
