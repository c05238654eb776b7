"""The report as one HTML file: no script, no picture or font from elsewhere, everything said in it escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.services.report.views import PilotReport
from core.services.report.words import COLOURS, Words

_STYLE = """
@page { size: A4; margin: 14mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1.5rem; color: #1C2B2E; background: #fff; font: 14px/1.5 Inter,
  'Segoe UI', Roboto, 'Helvetica Neue', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif;
  overflow-wrap: anywhere; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1rem; margin: 1.4rem 0 .5rem; }
.lead { color: #61706F; margin: .2rem 0 1rem; border-bottom: 3px solid #0B7A75; padding-bottom: .8rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .6rem; }
.figures div { border: 1px solid #DDE4E1; border-radius: .5rem; padding: .55rem .7rem; break-inside: avoid; }
.figures b { display: block; font-size: 1.35rem; line-height: 1.3; } .figures small, .note { color: #61706F; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 0 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .4rem; vertical-align: top;
  border-bottom: 1px solid #DDE4E1; }
td:not(:first-child), th:not(:first-child) { white-space: nowrap; text-align: right; }
svg { width: 100%; height: auto; display: block; } svg text { font: 11px sans-serif; fill: #1C2B2E; }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin: 0 .3rem 0 .8rem; }
"""


def as_html(report: PilotReport, language: str) -> bytes:
    """UTF-8 of a whole document."""
    words = Words(report, language)
    say = words.say
    figures = "".join(
        f"<div>{escape(name)}<b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for name, value, note in words.figures()
    )
    moods = f"<div><h2>{escape(say('sheet.moods'))}</h2>{_bars(words.moods())}</div>" if words.moods() else ""
    code = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"><title>{escape(words.title())}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body><h1>{escape(words.title())}</h1>"
        f'<p class="lead">{escape(words.period())}</p><section class="figures">{figures}</section>'
        f'<div class="pair"><div><h2>{escape(say("sheet.who"))}</h2>{_bars(words.who())}</div>{moods}</div>'
        f"<h2>{escape(say('sheet.days'))}</h2>{_days(words)}"
        f"<h2>{escape(say('sheet.unanswered'))}</h2>{_unanswered(words)}"
        f'<p class="note">{escape(words.assumption())}</p></body></html>'
    ).encode()


def _bars(rows: Sequence[tuple[str, int, str]]) -> str:
    if not rows:
        return "<p>–</p>"
    most, height = max(number for _, number, _ in rows), 24
    drawn = "".join(
        f'<text x="0" y="{at * height + 15}">{escape(name)}</text>'
        f'<rect x="130" y="{at * height + 4}" width="{190 * number / most:.1f}" height="15" rx="3" fill="{colour}"/>'
        f'<text x="{136 + 190 * number / most:.1f}" y="{at * height + 15}">{number:,}</text>'
        for at, (name, number, colour) in enumerate(rows)
    )
    return f'<svg viewBox="0 0 370 {height * len(rows)}" role="img">{drawn}</svg>'


def _days(words: Words) -> str:
    """A stacked bar a day: answered, refused, handed to a person."""
    days = words.report.days
    most = max(1, *(day.answered + day.refused + day.person for day in days))
    wide, high = 760 / len(days), 120
    parts = (("answered", "answered"), ("refused", "refused"), ("person", "person"))
    drawn = ""
    for at, day in enumerate(days):
        foot = float(high)
        for name, colour in parts:
            tall = high * getattr(day, name) / most
            foot -= tall
            if tall:
                drawn += (
                    f'<rect x="{at * wide:.2f}" y="{foot:.2f}" width="{max(wide * 0.8, 0.8):.2f}" height="{tall:.2f}" '
                    f'fill="{COLOURS[colour]}"/>'
                )
    keys = "".join(
        f'<span class="key" style="background:{COLOURS[colour]}"></span>{escape(words.say(f"day.{name}"))}'
        for name, colour in parts
    )
    first, last = days[0].day.isoformat(), days[-1].day.isoformat()
    axis = f'<text x="0" y="138">{first}</text><text x="760" y="138" text-anchor="end">{last}</text>'
    top = escape(words.say("day.most", n=most))
    return f'<p class="note">{keys} · {top}</p><svg viewBox="0 0 760 144" role="img">{drawn}{axis}</svg>'


def _unanswered(words: Words) -> str:
    if not words.report.unanswered:
        return f"<p>{escape(words.say('sheet.none_unanswered'))}</p>"
    heads = "".join(f"<th>{escape(words.say(f'open.{name}'))}</th>" for name in ("text", "times", "last"))
    rows = "".join(
        f"<tr><td>{escape(one.text)}</td><td>{one.times}</td><td>{one.last.isoformat()}</td></tr>"
        for one in words.report.unanswered
    )
    return f"<table><tr>{heads}</tr>{rows}</table>"
