# ruff: noqa: E501 - a pattern is easier to check on one line
"""The date a document prints about itself. Pure: text in, date out.

Only a labelled date counts ("Last updated: 1 March 2025", "本政策自2025年3月1日起施行"): any other date may be about
anything. Where labels of one kind name different days, or a day could be read two ways (03/04/2025), nothing is certain
and nothing is found. A later kind wins: when it was revised says more than when it was first issued.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from core.types import TableSpan

FIRST_YEAR = 1990
AHEAD = timedelta(days=550)  # terms are announced before they are in force, but not years before
HEAD, TAIL = 4000, 2500  # characters at the start and the end of the text: where documents speak of themselves
TITLE = 800  # characters in which a date on a line of its own is that of the document, as on a letter

_MONTHS = {
    name: number
    for number, names in enumerate(
        "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|october oct|"
        "november nov|december dec".split("|"),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)[a-z]*\.?,?\s+)?"
_HAN_DIGITS = dict(zip("〇零○一二三四五六七八九", (0, 0, 0, *range(1, 10)), strict=True))
_HAN = "〇零○一二三四五六七八九十"

_DATE = (
    r"(?:(?P<y1>(?:19|20)\d\d)\s*[-/.]\s*(?P<m1>\d{1,2})\s*[-/.]\s*(?P<d1>\d{1,2})(?!\d)"
    rf"|{_WEEKDAY}(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m2>{_MONTH})\.?,?\s+(?P<y2>(?:19|20)\d\d)(?!\d)"
    rf"|{_WEEKDAY}(?P<m3>{_MONTH})\.?\s+(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y3>(?:19|20)\d\d)(?!\d)"
    r"|(?P<y4>(?:19|20)\d\d)\s*年\s*(?P<m4>\d{1,2})\s*月(?:\s*(?P<d4>\d{1,2})\s*[日号])?"
    rf"|(?P<y5>[{_HAN}]{{4}})\s*年\s*(?P<m5>[{_HAN}]{{1,3}})\s*月(?:\s*(?P<d5>[{_HAN}]{{1,3}})\s*[日号])?"
    rf"|(?P<m6>{_MONTH})\.?,?\s+(?P<y6>(?:19|20)\d\d)(?!\d)"
    r"|(?P<a7>\d{1,2})\s*[/.]\s*(?P<b7>\d{1,2})\s*[/.]\s*(?P<y7>(?:19|20)\d\d)(?!\d))"
)
_START = r"(?:^|[\n|;；·•(（\[【])[ \t　*_#>]*"
_TO = r"[\s*_]*[:：|\-–]?[\s*_]*"
_SELF = r"\b(?:this|these|the present|our)\s+(?:[\w-]+\s+){0,3}?(?:polic(?:y|ies)|terms|conditions|document|notice|agreement|page|guide|guidelines|manual|handbook|statement|rules|version|edition|leaflet|price list|tariff|regulations?)\b[^.\n]{0,40}?\s"
_SELF_ZH = r"本(?:《[^》\n]{1,30}》)?(?:隐私|服务|退换货|售后|使用|用户)?(?:政策|条款|办法|规定|规则|协议|通知|公告|手册|指南|说明|声明|制度|价目表|文件|文档|细则|规范|章程|须知|页面|版本)[^。\n]{0,12}?"

# Kinds of label in the order of what they say about how recent the text is.
_KINDS: tuple[tuple[str, ...], ...] = (
    (  # revised
        _START + r"(?:(?:date\s+of\s+)?(?:last|latest|most\s+recent)\s+(?:update[d]?|revis(?:ed|ion)|modified|modification|change[d]?|amended|edited|review(?:ed)?)|(?:revis(?:ed|ion)|updated?|amended|modified)(?:\s+(?:date|on))?)(?:\s+(?:on|date|at))?" + _TO + r"(?:on\s+)?" + _DATE,
        _SELF + r"(?:last\s+)?(?:updated|revised|modified|amended|changed)\s+(?:last\s+)?(?:on|in)\s+" + _DATE,
        _START + r"(?:最后|最近|最新)?(?:一次)?(?:更新|修订|修改|修正|改版)(?:日期|时间|于|日)?" + _TO + _DATE,
        _SELF_ZH + r"(?:最后|最近)?(?:一次)?(?:更新|修订|修改)(?:日期|时间)?(?:于|为|是|：|:)\s*" + _DATE,
        _START + _DATE + r"\s*(?:最后|最新)?(?:更新|修订|修改|改版|第[一二三四五六七八九十\d]+次修订)",
    ),
    (  # in force
        _START + r"(?:effective(?:\s+(?:date|from|as\s+of|on|since))?|date\s+of\s+effect|in\s+force\s+(?:since|from)|valid\s+(?:from|as\s+of)|applies\s+from|as\s+of)" + _TO + r"(?:is\s+)?" + _DATE,
        _SELF + r"(?:(?:is|are|become[s]?|takes?|come[s]?)\s+)?(?:effective|effect|into\s+(?:force|effect)|in\s+force|valid|apply|applies)\s+(?:from|on|as\s+of|since)\s+" + _DATE,
        _START + r"(?:生效|施行|实施|执行|启用|适用)(?:日期|时间|日)?" + _TO + _DATE,
        r"(?:" + _START + r"|" + _SELF_ZH + r")(?:自|从|于)\s*" + _DATE + r"\s*(?:起|开始)?(?:正式)?(?:生效|施行|实施|执行|适用|启用)",
        _START + _DATE + r"\s*(?:起|开始)(?:正式)?(?:生效|施行|实施|执行|适用|启用)",
    ),
    (  # issued
        _START + r"(?:(?:date\s+of\s+)?(?:issue[d]?|publication|published|release[d]?|posted)(?:\s+date)?(?:\s+on)?|version\s+date|document\s+date|dated|date)" + _TO + _DATE,
        _START + r"(?:发布|公布|发行|出版|签发|印发|制定|编制|版本|文档|发文|成文)(?:日期|时间|于|日)" + _TO + _DATE,
        _START + r"(?:日期|时间)" + _TO + _DATE,
        _START + _DATE + r"\s*(?:发布|印发|公布|制定)",
        _START + r"(?:version|edition|issue|release|rev(?:ision|\.)?)\s+(?:of|no\.?\s*\d[\w.]*|v?\d[\w.]*)\s*[,·•|–—(-]?\s*(?:of\s+)?" + _DATE,
        _START + r"(?:[^\n。]{0,16}版|版本\s*[vV]?[\d.]+)\s*[·•|,，:：（(\s]\s*" + _DATE,
    ),
)  # fmt: skip
_LONE = re.compile(r"(?:^|\n)[ \t　*_#>]*" + _DATE + r"[ \t　*_.]*(?=\n|$)", re.I)
_PATTERNS = tuple(tuple(re.compile(pattern, re.I) for pattern in kind) for kind in _KINDS)


def printed_date(text: str, *, today: date, tables: Sequence[TableSpan] = ()) -> str | None:
    """The ISO date (``2025-03-01``, or ``2025-03`` where no day is printed) that ``text`` gives itself, if certain.

    Rows of a table whose columns have names speak of what stands in the row, not of the document.
    """
    ends = [(0, len(text))] if len(text) <= HEAD + TAIL else [(0, HEAD), (len(text) - TAIL, len(text))]
    places = [_without(text, start, end, tables) for start, end in ends]
    for kind, patterns in enumerate((*_PATTERNS, (_LONE,))):
        looked_at = [places[0][:TITLE]] if kind == len(_PATTERNS) else places
        matches = [match for place in looked_at for pattern in patterns for match in pattern.finditer(place)]
        days = {_day(match, today) for match in matches}
        if None in days:
            return None  # a date that cannot be read for certain stands where the document's own would
        if days:
            return _agreed({day for day in days if day}, newest=kind == 0)
    return None


def _without(text: str, start: int, end: int, tables: Sequence[TableSpan]) -> str:
    """``text[start:end]``, at the start of a line, with the rows of tables that name their columns blanked out."""
    part = text[start:end]
    for table in tables:
        low, high = max(start, table.start) - start, min(end, table.end) - start
        if table.header and low < high:
            part = part[:low] + re.sub(r"[^\n]", " ", part[low:high]) + part[high:]
    return part if start == 0 else "\n" + part


def _agreed(found: set[str], *, newest: bool) -> str | None:
    """The one date that all say; a month agrees with a day in it. A list of revisions is as recent as its last."""
    days = {day for day in found if not any(other != day and other.startswith(day) for other in found)}
    if len(days) == 1:
        return days.pop()
    return max(days) if newest else None


def _day(match: re.Match[str], today: date) -> str | None:
    """The matched date in ISO; None when it is none, is ambiguous, or lies where no document's date does."""
    got = {name: value for name, value in match.groupdict().items() if value}
    if "a7" in got:
        first, second, year = int(got["a7"]), int(got["b7"]), int(got["y7"])
        if first <= 12 and second <= 12 and first != second:
            return None
        month, day = (second, first) if first > 12 else (first, second)
        return _checked(year, month, day, today)
    style = next(name[1] for name in got)
    year, month = _number(got[f"y{style}"]), _number(got[f"m{style}"])
    return _checked(year, month, _number(got.get(f"d{style}", "")), today)


def _number(text: str) -> int:
    """Digits, a month's name, or Chinese numerals (二〇二五, 十二, 二十一); 0 for none."""
    lowered = text.lower().rstrip(".")
    if lowered in _MONTHS:
        return _MONTHS[lowered]
    if not text or text.isdigit():
        return int(text or 0)
    if "十" not in text:
        return int("".join(str(_HAN_DIGITS[char]) for char in text))
    tens, _, ones = text.partition("十")
    return 10 * (_HAN_DIGITS.get(tens, 1) if tens else 1) + (_HAN_DIGITS.get(ones, 0) if ones else 0)


def _checked(year: int, month: int, day: int, today: date) -> str | None:
    try:
        whole = date(year, month, day or 1)
    except ValueError:
        return None
    if year < FIRST_YEAR or whole > today + AHEAD:
        return None
    return whole.isoformat() if day else whole.isoformat()[:7]
