"""Pages driven without a browser, on a real application in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Protocol

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.bootstrap import runner
from core.services import knowledge
from core.services.application import Application
from core.services.ingest import start_ingest
from core.services.views import Upload
from pages.shared.application import use_application
from tests.conftest import ROOT

FRAME = ROOT / "pages" / "shared" / "frame.py"
VISITOR = "visitor-of-the-app-tests-0000"
HANDBOOK = (
    "# Money\n\n## Refunds\n\nRefunds are paid within 5 working days after the returned lamp has arrived. "
    "The money goes back to the card that was used.\n\n## Prices\n\nStudents pay 12 EUR a month instead of 20 EUR.\n\n"
    "# Shipping\n\nParcels to Norway take 8 days. Express parcels are not offered on weekends.\n"
)


class OpenPage(Protocol):
    def __call__(self, name: str, *, locale: str = "en-US", visitor: str = VISITOR, **state: object) -> AppTest: ...


@pytest.fixture
def open_page(app: Application) -> Iterator[OpenPage]:
    """Opens a page by its name through the real frame, as a browser with this locale and visitor would."""
    use_application(app)

    def open_it(name: str, *, locale: str = "en-US", visitor: str = VISITOR, **state: object) -> AppTest:
        test = AppTest.from_file(str(FRAME), default_timeout=30)
        test.context["locale"] = locale
        test.session_state["visitor"] = visitor
        for key, value in state.items():
            test.session_state[key] = value
        test.run()
        if name != "home":
            test.switch_page(f"../{name}.py").run()
        assert not test.exception
        return test

    yield open_it
    use_application(None)


@pytest.fixture
def me(owner: Actor) -> Actor:
    """The owner as the pages' tests see them: with the visitor id that open_page uses."""
    return replace(owner, visitor=VISITOR)


@pytest.fixture
def work(app: Application) -> Callable[[int], None]:
    """Runs a job here, as the worker would."""
    return lambda job_id: runner(app).run(job_id)


@pytest.fixture
def handbook(app: Application, me: Actor, work: Callable[[int], None]) -> int:
    """A knowledge base with one published document; its id."""
    number = knowledge.create_knowledge_base(app, me, "Help")
    work(start_ingest(app, me, number, [Upload("handbook.md", HANDBOOK.encode())]))
    return number


@pytest.fixture
def pdf() -> Callable[[str], bytes]:
    """A one-page PDF that says this."""

    def make(text: str) -> bytes:
        from reportlab.pdfgen import canvas

        out = BytesIO()
        page = canvas.Canvas(out)
        for number, line in enumerate(text.splitlines()):
            page.drawString(72, 760 - 18 * number, line)
        page.save()
        return out.getvalue()

    return make


def texts(test: AppTest) -> str:
    """Everything a page says, as one text (without the escapes of Markdown)."""
    parts = [*test.markdown, *test.caption, *test.title, *test.subheader, *test.error, *test.warning, *test.info]
    parts += [*test.success, *test.text]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")
