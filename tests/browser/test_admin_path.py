"""Admin from one end to the other: a key that is used, its figures, a limit, privacy, a person, the audit log."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LONG, key, make_base, starting
from tests.conftest import NewDatabase
from tests.servers import Server, fresh_web

PERSON = "wilhelmina@example.com"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Server]:
    """A web app on fresh data of its own, without a worker and without accounts: the local owner's."""
    with new_database() as database_url, fresh_web(tmp_path_factory.mktemp("admin"), database_url) as web:
        yield web


@pytest.fixture
def page(chromium: Any, place: Server) -> Iterator[Page]:
    context = chromium.new_context(locale="en-US", base_url=place.url, timezone_id="UTC", accept_downloads=True)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def section(page: Page, name: str) -> None:
    page.locator(key("admin-section")).get_by_role("radio", name=name).click()


def press(page: Page, name: str) -> None:
    page.locator(key(name)).get_by_role("button").first.click()


def saved(page: Page, name: str) -> bytes:
    """The file of a download button."""
    with page.expect_download(timeout=LONG) as coming:
        page.locator(key(name)).get_by_role("button").first.click()
    return Path(coming.value.path()).read_bytes()


def ask(place: Server, secret: str, question: str) -> httpx.Response:
    with httpx.Client(base_url=f"{place.url}/v1", headers={"Authorization": f"Bearer {secret}"}, timeout=240) as api:
        number = api.get("/knowledge-bases").json()["data"][0]["id"]
        return api.post(f"/knowledge-bases/{number}/ask", json={"question": question})


def test_admin_from_a_key_to_the_audit_log(page: Page, place: Server) -> None:
    page.goto("/knowledge")
    make_base(page, "Help")

    page.goto("/admin")
    section(page, "Keys")
    expect(page).to_have_url(f"{place.url}/admin?show=keys")
    page.locator(f"{key('api-name')} input").fill("Shop front")
    press(page, "api-make")
    secret = page.locator(key("api-made")).get_by_test_id("stCode").first.inner_text().strip()
    assert secret.startswith("plk_")
    answer = ask(place, secret, f"I am {PERSON}. When are refunds paid?")
    assert answer.status_code == 200, answer.text
    assert answer.json()["refusal"]["reason"] == "nothing_indexed"
    press(page, "api-copied")
    expect(page.locator(starting("row-key-"))).to_contain_text("· used")

    section(page, "Usage")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.locator(f"{key('quota-most')} input").fill("1")
    page.locator(f"{key('quota-most')} input").press("Tab")
    press(page, "quota-set")
    expect(page.locator(starting("row-quota-"))).to_contain_text("1 used")
    refused = ask(place, secret, "And when do parcels arrive?")
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")

    section(page, "Privacy")
    page.locator(key("privacy-mask_training")).locator("label").first.click()
    expect(page.get_by_text("Saved").first).to_be_visible()
    days = page.locator(f"{starting('privacy-days-')} input").first
    days.fill("30")
    days.press("Tab")
    press(page, "privacy-days-save")
    expect(page.locator(key("privacy-days-save")).get_by_role("button")).to_be_disabled()
    page.locator(f"{key('privacy-words')} input").fill(PERSON)
    page.locator(key("card-person")).get_by_role("button", name="Find").click()
    export = zipfile.ZipFile(io.BytesIO(saved(page, "privacy-export")))
    assert any(PERSON in export.read(name).decode("utf-8", "replace") for name in export.namelist())
    press(page, "privacy-erase")
    press(page, "privacy-erase-now")
    expect(page.locator(key("privacy-erase"))).to_have_count(0)  # it is done
    page.locator(f"{key('privacy-words')} input").fill(PERSON)
    page.locator(key("card-person")).get_by_role("button", name="Find").click()
    expect(page.locator(key("card-person"))).to_contain_text("Nothing")

    section(page, "Audit")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.locator(f"{key('audit-who')} input").fill("nobody of this name")
    page.locator(f"{key('audit-who')} input").press("Enter")
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    page.locator(f"{key('audit-who')} input").fill("")
    page.locator(f"{key('audit-who')} input").press("Enter")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    lines = list(csv.DictReader(io.StringIO(saved(page, "audit-csv").decode("utf-8-sig"))))
    said = {line["action"] for line in lines}
    assert {"key.made", "quota.set", "privacy.changed", "person.erased"} <= said, said
    press(page, "audit-verify")
    expect(
        page.get_by_text("unbroken").or_(page.locator('[data-testid="stAlertContentSuccess"]')).first
    ).to_be_visible()
