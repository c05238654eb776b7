"""A small example data set, so that the first training needs no file: the demo's reviews with three labels."""

from __future__ import annotations

import csv
import io

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.demo import FOLDER
from core.services.studio import data_sets
from core.services.views import Upload
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_place import go

REVIEWS = FOLDER / "reviews.csv"
# Held out: enough rows for a verdict, which the usual tenth of 200 is not.
SPLIT = {"validation": 0.15, "test": 0.25}
LABELS = {"1": "negative", "2": "negative", "3": "neutral", "4": "positive", "5": "positive"}


def button(app: Application, actor: Actor) -> None:
    if REVIEWS.is_file() and st.button(
        tr("studio.data.example"), key="data-example", icon=":material/science:", help=tr("studio.data.example_help")
    ):
        with errors_shown():
            make(app, actor)
            st.rerun()


def make(app: Application, actor: Actor) -> int:
    """Queues the example data set and opens it; the job's id."""
    name = tr("studio.data.example_name")
    job = data_sets.start_data_set(
        app,
        actor,
        name,
        "text_classification",
        Upload("reviews.csv", _labelled()),
        {"text": "text", "label": "label"},
        {"note": tr("studio.data.example_note"), "split": SPLIT},
    )
    made = next((one for one in data_sets.list_data_sets(app, actor) if one.name == name), None)
    go("data", data=made.id if made else None, file=None)
    return job


def _labelled() -> bytes:
    """The reviews as text and label: stars made into three opinions."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["text", "label"])
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            writer.writerow([row["text"], LABELS[row["rating"]]])
    return out.getvalue().encode()
