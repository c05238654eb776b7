"""Long work and its ends, clicked in a real browser: cancel, a file of the wrong type, publishing past the gate."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import NewBrowser
from tests.browser.steps import LONG, document_row, go_to, key, make_base, starting, upload
from tests.servers import Server


def long_text(sections: int) -> bytes:
    """Far more to embed than anybody needs to find a button."""
    lines = [
        f"Section {n}. The device number {n} is kept in room {n % 17} and is cleaned every {n % 9 + 1} days. "
        f"Whoever takes it out writes the name of the customer and the date of return into the book of room {n % 17}. "
        * 4
        for n in range(sections)
    ]
    return "\n\n".join(lines).encode()


def test_a_running_job_is_cancelled_and_earlier_files_stay(server: Server, new_browser: NewBrowser) -> None:
    page = new_browser()
    page.goto("/knowledge")
    make_base(page, "Cancelled")
    upload(page, notes__md=b"# Notes\n\nThe spare key hangs behind the door.", long__txt=long_text(6_000))
    job = page.locator(starting("job-ingest"))
    expect(job.get_by_text("Added")).to_be_visible(timeout=LONG)
    expect(job.get_by_text("Embedding").first).to_be_visible(timeout=LONG)
    job.get_by_role("button", name="Cancel").click(force=True)  # drawn anew each second, so it never stands still

    ended = page.locator(starting("job-ingest")).filter(has_text="long.txt")
    expect(ended.get_by_text("Cancelled").first).to_be_visible(timeout=LONG)
    expect(ended.get_by_role("button", name="Try again")).to_be_visible()
    expect(document_row(page, "notes.md").get_by_text("Published")).to_be_visible(timeout=LONG)
    page.reload()
    expect(document_row(page, "notes.md").get_by_text("Published")).to_be_visible()
    expect(document_row(page, "long.txt")).to_have_count(0)


def test_a_file_that_is_not_what_its_name_says_is_refused_with_a_sentence(
    server: Server, new_browser: NewBrowser, handbook_pdf: bytes
) -> None:
    page = new_browser()
    page.goto("/knowledge")
    make_base(page, "Wrong type")
    upload(page, Letter__docx=handbook_pdf, Notes__md=b"# Notes\n\nThe spare key hangs behind the door.")
    job = page.locator(starting("job-ingest"))
    expect(job).to_contain_text("Letter.docx is named as DOCX, but its content is PDF.", timeout=LONG)
    expect(job).to_contain_text("Rename it so that the ending fits, or upload the file that was meant.")
    expect(document_row(page, "Notes.md").get_by_text("Published")).to_be_visible(timeout=LONG)
    expect(document_row(page, "Letter.docx")).to_have_count(0)


def test_a_draft_that_breaks_a_golden_question_is_published_only_when_the_owner_insists(
    server: Server, new_browser: NewBrowser
) -> None:
    page = new_browser()
    page.goto("/knowledge")
    make_base(page, "Gate")
    plans = b"# Plans\n\nThe Team plan costs 49 EUR a month and has ten seats.\n"
    upload(page, Plans__md=plans)
    expect(document_row(page, "Plans.md").get_by_text("Published")).to_be_visible(timeout=LONG)

    go_to(page, "Quality")
    page.get_by_role("radio", name="Golden questions").click()
    page.locator(key("golden-add")).get_by_role("button").click()
    page.locator(key("golden-q-0")).get_by_role("textbox").fill("What does the Team plan cost a month?")
    page.locator(key("golden-d-0")).get_by_role("textbox").fill("Plans.md")
    page.locator(key("golden-a-0")).get_by_role("textbox").fill("49 EUR")
    page.locator(key("golden-save-0")).get_by_role("button").click()
    expect(page.locator(starting("row-golden-"))).to_contain_text("What does the Team plan cost a month?")

    go_to(page, "Knowledge")
    upload(page, Plans__md=plans.replace(b"49 EUR", b"59 EUR"))
    bar = page.locator(key("publish-bar"))
    expect(bar).to_contain_text("1 golden question that passed before would now fail", timeout=LONG)
    expect(bar).to_contain_text("What does the Team plan cost a month?")
    expect(document_row(page, "Plans.md").get_by_text("In the draft")).to_be_visible()

    bar.locator(key("publish")).get_by_role("button").click()
    expect(page.get_by_text("Not published: 1 golden question would break.")).to_be_visible(timeout=LONG)
    expect(bar).to_be_visible()

    bar.locator(key("override")).get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Publish all the same?")
    dialog.locator(key("override-yes")).get_by_role("button").click()
    expect(page.get_by_text("Answers come from the new version now.")).to_be_visible(timeout=LONG)
    expect(bar).to_have_count(0)
    expect(document_row(page, "Plans.md").get_by_text("Published")).to_be_visible()
