"""A report as one HTML file that needs nothing else: no script, no font, no picture from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from core.evaluation.fairness import Gap
from core.evaluation.intervals import Interval
from core.training.reports.charts import DotRow, dots, reliability_chart
from core.training.reports.report import Cell, Report, SideReport
from core.training.reports.wording import bounds, difference, figure, model_name, percent, say, sentence

MATRIX = 15  # labels up to which the whole confusion matrix is drawn
TOP_CONFUSIONS = 30
_DOT_CLASSES = 30
_MEASURES = (
    "accuracy", "f1_macro", "precision_macro", "recall_macro", "auc", "log_loss", "brier", "calibration_error",
)  # fmt: skip
_STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b2430;--quiet:#5b6675;--line:#d9dee5;--before:#8a94a3;
--after:#1f6feb;--good:#1a7f4b;--bad:#b42318;--cell:31,111,235}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6eaf0;--quiet:#a0abb9;--line:#333c47;--before:#8893a2;
--after:#6ea8ff;--good:#5fd39a;--bad:#ff8d80;--cell:110,168,255}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--paper);
color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif}
h1{font-size:1.7rem;margin:0}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}p{margin:.5rem 0}.quiet{color:var(--quiet)}
.verdict{border-left:5px solid var(--after);padding:.7rem 1rem;margin:1.2rem 0;font-size:1.1rem;
background:rgba(var(--cell),.08)}
.verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}li{margin:.3rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600}td small{color:var(--quiet)}.good{color:var(--good)}
.bad{color:var(--bad)}p.verdict{color:var(--ink)}.matrix td{text-align:center;border:1px solid var(--line)}
.matrix a{color:inherit;display:block;text-decoration:none}details{border-bottom:1px solid var(--line);padding:.35rem 0}
summary{cursor:pointer}details li{overflow-wrap:anywhere}svg{max-width:100%;height:auto;font:13px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .small{font-size:11px;fill:var(--quiet)}.grid{stroke:var(--line)}
.ideal{stroke:var(--quiet);stroke-dasharray:4 4}line.before,polyline.before{stroke:var(--before)}
line.after,polyline.after{stroke:var(--after)}line.before,line.after{stroke-width:2}polyline{fill:none;stroke-width:2}
circle.before{fill:var(--before)}circle.after{fill:var(--after)}.key i{display:inline-block;width:.8em;height:.8em;
border-radius:50%;margin:0 .3em 0 1em}@media print{details{break-inside:avoid}}
"""


def to_html(report: Report, language: str) -> str:
    """The page in ``language`` ("en", "zh"). Whatever came from data is escaped."""
    sections = [
        _measures(report, language),
        _classes(report, language),
        _confusion(report, language),
        _calibration(report, language),
        _slices(report, language),
        _forgetting(report, language),
        _folds(report, language),
        _fairness(report, language),
        _data(report, language),
    ]
    title = f"{say(language, 'title')} {report.name}"
    return (
        f'<!doctype html><html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        # Nothing may be fetched, whatever a text of the data manages to look like.
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"{_head(report, language)}{''.join(sections)}</body></html>\n"
    )


def _head(report: Report, language: str) -> str:
    outcome = report.verdict.key.removeprefix("verdict.")
    tone = {"learned": " good", "learned_little": " good", "worse": " bad", "no_better_than_guessing": " bad"}
    notes = "".join(f"<li>{escape(sentence(note, language))}</li>" for note in report.notes)
    return (
        f"<h1>{escape(say(language, 'title'))}</h1>"
        f'<p class="quiet">{escape(say(language, "lead", name=report.name, rows=report.rows))}</p>'
        f'<p class="verdict{tone.get(outcome, "")}">{escape(sentence(report.verdict, language))}</p>'
        f"<h2>{escape(say(language, 'section.notes'))}</h2><ul>{notes}</ul>"
    )


def _measures(report: Report, language: str) -> str:
    others = [report.before, *report.others]
    heads = [say(language, "column.measure"), *(_side_name(report, side, language) for side in (*others, report.after))]
    comparison = report.comparisons[0]
    rows = []
    for measure in _MEASURES:
        cells = [_measured(side, measure, language) for side in (*others, report.after)]
        change = comparison.differences.get(measure)
        rows.append([escape(say(language, f"measure.{measure}")), *cells, _change(change, language, measure)])
    shown = [DotRow(say(language, f"measure.{name}"), report.before.intervals[name], report.after.intervals[name])
             for name in report.after.intervals]  # fmt: skip
    chart = dots(shown, say(language, "section.measures"))
    return _section("measures", language, _table([*heads, say(language, "column.change")], rows), _key(language), chart)


def _side_name(report: Report, side: SideReport, language: str) -> str:
    name = model_name(side.name, language)
    if side is report.before:
        return f"{say(language, 'column.before')} ({name})"
    return f"{say(language, 'column.after')} ({name})" if side is report.after else name


def _measured(side: SideReport, measure: str, language: str) -> str:
    value = side.calibration_error if measure == "calibration_error" else getattr(side.scores, measure)
    shown = escape(figure(measure, value, language))
    interval = side.intervals.get(measure)
    return f"{shown} <small>{bounds(interval, measure)}</small>" if interval else shown


def _change(change: Interval | None, language: str, measure: str = "accuracy") -> str:
    if change is None:
        return ""
    tone = "good" if change.above_zero else "bad" if change.below_zero else "quiet"
    return (
        f'<span class="{tone}">{escape(difference(measure, change.value, language))}</span> '
        f"<small>{bounds(change, measure, change=True)}</small>"
    )


def _classes(report: Report, language: str) -> str:
    names = ("label", "precision", "recall", "f1", "before", "rows", "predicted")
    heads = [say(language, f"column.{name}") for name in names]
    heads[4] = f"{say(language, 'column.f1')}, {say(language, 'column.before').lower()}"
    rows = [
        [
            escape(after.label),
            *(escape(percent(value, language)) for value in (after.precision, after.recall, after.f1, before.f1)),
            str(after.rows),
            str(after.predicted),
        ]
        for before, after in zip(report.before.scores.classes, report.after.scores.classes, strict=True)
    ]
    return _section("classes", language, _table(heads, rows))


def _confusion(report: Report, language: str) -> str:
    if report.multi_label:
        return ""
    wrong = sorted((cell for cell in report.cells if cell.gold != cell.predicted), key=lambda cell: -cell.rows)
    if len(report.labels) <= MATRIX:
        right = [cell for cell in report.cells if cell.gold == cell.predicted]
        lead = f'<p class="quiet">{escape(say(language, "confusion_lead"))}</p>{_matrix(report, language)}'
        shown = [*wrong, *right]
    else:
        lead = f'<p class="quiet">{escape(say(language, "confusion_top"))}</p>'
        shown = wrong[:TOP_CONFUSIONS]
    return _section("confusion", language, lead, *(_cell(report, cell, language) for cell in shown))


def _matrix(report: Report, language: str) -> str:
    counts = {(cell.gold, cell.predicted): cell.rows for cell in report.cells}
    totals = [scores.rows for scores in report.after.scores.classes]
    corner = f"{say(language, 'column.gold')} ↓ {say(language, 'column.predicted')} →"
    lines = ["".join(f"<th>{escape(text)}</th>" for text in (corner, *report.labels))]
    for gold, label in enumerate(report.labels):
        cells = [f"<th>{escape(label)}</th>"]
        for predicted in range(len(report.labels)):
            count = counts.get((gold, predicted), 0)
            depth = count / totals[gold] if totals[gold] else 0.0
            shown = f'<a href="#cell-{gold}-{predicted}">{count}</a>' if count else ""
            cells.append(f'<td style="background:rgba(var(--cell),{depth * 0.75:.2f})">{shown}</td>')
        lines.append("".join(cells))
    return f'<div class="wide"><table class="matrix">{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def _cell(report: Report, cell: Cell, language: str) -> str:
    gold, predicted = report.labels[cell.gold], report.labels[cell.predicted]
    key = "cell_right" if cell.gold == cell.predicted else "cell"
    examples = "".join(
        f"<li>{escape(one.text)} <small>{escape(percent(one.probability, language))}, "
        f"{escape(say(language, 'example_row', row=one.row + 1))}</small></li>"
        for one in cell.examples
    )
    summary = escape(say(language, key, gold=gold, predicted=predicted, rows=cell.rows))
    return f'<details id="cell-{cell.gold}-{cell.predicted}"><summary>{summary}</summary><ul>{examples}</ul></details>'


def _calibration(report: Report, language: str) -> str:
    title = say(language, "section.calibration")
    chart = reliability_chart(report.before.curve, report.after.curve, title, say(language, "ideal"))
    names = ("promised", "happened", "rows")
    rows = [
        [escape(percent(one.promised, language)), _share(one.happened, language), str(one.rows)]
        for one in report.after.curve
    ]
    heads = [say(language, f"column.{name}") for name in names]
    return _section("calibration", language, _key(language), chart, _table(heads, rows))


def _slices(report: Report, language: str) -> str:
    if not report.slices:
        return ""
    heads = [say(language, f"column.{name}") for name in ("kind", "before", "after", "change", "rows")]
    named = [(say(language, f"slice.{one.family}.{one.name}"), one) for one in report.slices]
    rows = [
        [
            escape(name),
            _share(one.before, language),
            _share(one.after, language),
            _change(one.change, language),
            str(one.rows),
        ]
        for name, one in named
    ]
    chart = dots([DotRow(name, one.before, one.after) for name, one in named], say(language, "section.slices"))
    return _section("slices", language, _table(heads, rows), _key(language), chart)


def _forgetting(report: Report, language: str) -> str:
    if not report.forgetting:
        return ""
    heads = [say(language, f"column.{name}") for name in ("skill", "before", "after", "change", "rows")]
    rows = []
    for one in report.forgetting:
        measure = "accuracy" if one.share else "loss"
        values = [escape(figure(measure, value, language)) for value in (one.before, one.after)]
        tone = "bad" if one.worse else "quiet"
        change = difference(measure, one.change.value, language)
        rows.append(
            [
                escape(model_name(one.name, language)),
                *values,
                f'<span class="{tone}">{escape(change)}</span>',
                str(one.rows),
            ]
        )
    return _section("forgetting", language, _table(heads, rows))


def _folds(report: Report, language: str) -> str:
    if not report.folds:
        return ""
    heads = [say(language, f"column.{name}") for name in ("measure", "mean", "deviation", "each")]
    rows = [
        [
            escape(say(language, f"measure.{one.measure}")),
            escape(figure(one.measure, one.mean, language)),
            escape(figure(one.measure, one.deviation, language)),
            escape(" · ".join(figure(one.measure, value, language) for value in one.values)),
        ]
        for one in report.folds
    ]
    return _section("folds", language, _table(heads, rows))


def _fairness(report: Report, language: str) -> str:
    parts = []
    for one in report.fairness:
        rates = ("selected", "true_positive", "false_positive", "accuracy")
        heads = [say(language, f"column.{name}", label=one.label) for name in rates]
        rows = [
            [
                escape(group.group),
                *(_share(getattr(group, rate), language) for rate in rates),
                str(group.rows),
            ]
            for group in one.groups
        ]
        gaps = {gap.rate: _gap(gap, language) for gap in one.gaps}
        rows.append([escape(say(language, "column.gap")), *(gaps.get(rate, "") for rate in rates), ""])
        parts.append(f"<h3>{escape(one.column)}</h3>")
        parts.append(_table([say(language, "column.group"), *heads, say(language, "column.rows")], rows))
        if one.selection_ratio is not None:
            ratio = percent(one.selection_ratio, language)
            parts.append(f"<p>{escape(say(language, 'selection_ratio', label=one.label, ratio=ratio))}</p>")
    return _section("fairness", language, *parts) if parts else ""


def _gap(gap: Gap, language: str) -> str:
    tone = "bad" if gap.sure else "quiet"
    shown = escape(difference("accuracy", gap.difference.value, language))
    return f'<span class="{tone}">{shown}</span> <small>{bounds(gap.difference, change=True)}</small>'


def _data(report: Report, language: str) -> str:
    rows = [[escape(str(name)), escape(str(value))] for name, value in report.data.items()]
    return _section("data", language, _table([], rows)) if rows else ""


def _share(interval: Interval | None, language: str) -> str:
    if interval is None:
        return escape(say(language, "none"))
    return f"{escape(percent(interval.value, language))} <small>{bounds(interval)}</small>"


def _key(language: str) -> str:
    names = (("before", say(language, "column.before")), ("after", say(language, "column.after")))
    dotted = "".join(f'<i style="background:var(--{kind})"></i>{escape(name)}' for kind, name in names)
    return f'<p class="key">{dotted}</p>'


def _section(key: str, language: str, *parts: str) -> str:
    return f"<section><h2>{escape(say(language, f'section.{key}'))}</h2>{''.join(parts)}</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """``rows`` hold HTML, ``heads`` plain text."""
    return f'<div class="wide"><table>{"".join(_lines(heads, rows))}</table></div>'


def _lines(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    if heads:
        yield f"<tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
