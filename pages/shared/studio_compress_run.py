"""The table of a compression run: size, speed and accuracy of each variant, and whether it may be promoted."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio import compression
from core.services.studio.views import RunView, VariantView
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_place import go
from pages.shared.studio_words import FINISHED, named, share
from pages.shared.wording import plain, size


def table(app: Application, actor: Actor, run: RunView) -> None:
    with errors_shown():
        found = compression.compression_table(app, actor, run.id)
        if not found:
            st.caption(tr("studio.compress.nothing_yet"))
            return
        first = found[0]
        with st.container(key=f"variants-{run.id}", gap="xxsmall"):
            for line in found:
                _line(line, first, over=run.state in FINISHED)
        st.caption(tr("studio.compress.measured"))


def _line(line: VariantView, first: VariantView, *, over: bool) -> None:
    original = line is first
    with st.container(key=f"row-variant-{line.variant}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if original:
                st.badge(tr("studio.compress.original"), color="gray")
            else:
                st.badge(
                    tr("studio.models.gate_passed" if line.passed else "studio.models.gate_failed"),
                    color="green" if line.passed else "red",
                    icon=":material/check:" if line.passed else ":material/block:",
                )
            st.markdown(f"**{named('studio.variants', line.variant)}**", width="content")
            if line.version_id and not original and over:
                st.button(
                    tr("studio.compress.open"),
                    key=f"variant-{line.version_id}",
                    type="tertiary",
                    icon=":material/deployed_code:",
                    on_click=go,
                    args=("models",),
                    kwargs={"model": line.version_id},
                )
        smaller = f" ({first.size_bytes / line.size_bytes:.1f}×)" if line.size_bytes and not original else ""
        faster = line.texts_per_second / first.texts_per_second if first.texts_per_second else 0.0
        facts = [
            f"{tr('studio.compress.size')} {size(line.size_bytes)}{smaller}",
            f"{tr('studio.compress.speed')} {line.texts_per_second:,.0f}" + ("" if original else f" ({faster:.2f}×)"),
            f"{tr('studio.compress.accuracy')} {share(line.accuracy)}",
        ]
        if not original:
            facts.append(tr("studio.compress.lost", points=_signed(-100 * line.lost)))
        st.caption(" · ".join(facts))
        if line.note:
            st.caption(plain(line.note))


def _signed(points: float) -> str:
    """ "+1.3", "−0.4", and "0.0" for what rounds to nothing."""
    rounded = round(points, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"
