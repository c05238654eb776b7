"""The real server, the real worker and a real Chromium, on a temporary data folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from core.models.hub import ModelHub
from tests.browser.steps import LONG, document_row, make_base, upload
from tests.conftest import ROOT, NewDatabase
from tests.servers import Server, fresh_web, lend_models, stop

NewBrowser = Callable[..., Any]
CHROMIUM = Path("/usr/bin/chromium")
# What Chromium reports when a page of a Streamlit app is opened by its address: its client looks for the app's root by
# asking for two files that are only there. Nothing of ours.
STREAMLIT_LOOKS_FOR_ITS_ROOT = ("/_stcore/health", "/_stcore/host-config")
# Streamlit forgets a picture with the run that drew it: a browser that asks later (its drawer is closed) gets 404.
A_PICTURE_OF_AN_EARLIER_RUN = "/media/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM.exists():
                item.add_marker(
                    pytest.mark.skip(reason="no Chromium; install it with: sudo apt-get install -y chromium")
                )


@pytest.fixture(scope="session", autouse=True)
def _exported_models(models: ModelHub, model_folder: Path) -> None:
    """Exporting an encoder takes half a minute of processor a server, and is tested elsewhere."""
    models.encoder()
    lend_models(model_folder / "models")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("browser")
    with new_database() as database_url, fresh_web(data, database_url) as found:
        with (data / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "core", "worker"], cwd=ROOT, env=found.environment, stdout=log, stderr=log
            )
        yield found
        stop(worker)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # a cold server on a busy machine takes its time
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_browser(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """A browser of its own (cookies, storage) with one open tab; its console must stay without errors."""
    contexts: list[Any] = []
    problems: list[str] = []

    def make(locale: str = "en-US", width: int = 1280, height: int = 900) -> Any:
        context = chromium.new_context(
            locale=locale, viewport={"width": width, "height": height}, base_url=server.url, timezone_id="UTC"
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if _is_ours(message) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def _is_ours(message: Any) -> bool:
    place = str(message.location.get("url", ""))
    if place.endswith(STREAMLIT_LOOKS_FOR_ITS_ROOT) or A_PICTURE_OF_AN_EARLIER_RUN in f"{place} {message.text}":
        return False
    return bool(message.type == "error")


@pytest.fixture(scope="session")
def handbook_pdf() -> bytes:
    """Three pages of an invented lamp maker's handbook, with text in a real text layer."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen import canvas

    pages = [
        [
            "Refunds",
            "",
            "Refunds are paid within 5 working days after the returned lamp has arrived.",
            "The money goes back to the card that was used.",
        ],
        ["Prices", "", "The Aurora plan costs 20 EUR a month.", "Students pay 12 EUR a month for the Aurora plan."],
        ["Shipping", "", "Parcels to Norway take 8 days.", "Express parcels are not offered on weekends."],
    ]
    out = BytesIO()
    drawn = canvas.Canvas(out, pagesize=A4)
    for lines in pages:
        drawn.setFont("Helvetica-Bold", 18)
        drawn.drawString(72, 770, lines[0])
        drawn.setFont("Helvetica", 12)
        for number, line in enumerate(lines[1:]):
            drawn.drawString(72, 740 - 20 * number, line)
        drawn.showPage()
    drawn.save()
    return out.getvalue()


@pytest.fixture(scope="session")
def ready(chromium: Any, server: Server, handbook_pdf: bytes) -> str:
    """A knowledge base with one uploaded PDF, made through the page; its name."""
    from playwright.sync_api import expect

    context = chromium.new_context(locale="en-US", base_url=server.url)
    page = context.new_page()
    page.goto("/knowledge")
    make_base(page, "Lamp help")
    upload(page, Handbook__pdf=handbook_pdf)
    expect(document_row(page, "Handbook.pdf").get_by_text("Published")).to_be_visible(timeout=LONG)
    context.close()
    return "Lamp help"
