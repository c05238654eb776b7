"""The hard facts of a sentence: amounts, durations, percentages, dates, times of day, weekdays, codes, addresses.

Both languages and both ways of writing a number meet in one form: "thirty days", "30-day", "三十天" and "３０天" are
the same value. Works on text that ``core.text.words.simplify`` has folded; offsets are into ``Values.text``, not into
the original.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from core.text.words import simplify

Bound = Literal["", "le", "ge", "before", "after"]
Side = Literal["", "low", "high"]

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {w: i for i, w in enumerate(_NUMBERS.split())} | {w: 20 + 10 * i for i, w in enumerate(_TENS)}
_YEAR = "january february march april may june july august september october november december"
_MONTHS = tuple(_YEAR.split())
_MONTH = "|".join([*_MONTHS, *(m[:3] for m in _MONTHS), "sept"])
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# unit -> (kind, factor to the kind's own unit): minutes for what a clock measures, months for what a calendar does
_UNITS: tuple[tuple[str, str, float], ...] = (
    (r"(?:business|working|work)[ -]?days?|个?工作日", "workday", 1),
    (r"seconds?|secs?|秒钟?", "minutes", 1 / 60),
    (r"minutes?|mins?|分钟", "minutes", 1),
    (r"hours?|hrs?|个?小时|个?钟头", "minutes", 60),
    (r"days?|天|日(?!期|元)", "minutes", 1440),
    (r"weeks?|个?星期|个?礼拜|周(?!岁|年)", "minutes", 10080),
    (r"months?|个月", "months", 1),
    (r"years?|周?年", "months", 12),
    (r"%|percent|per cent|percentage points?|个百分点", "percent", 1),
    (r"us dollars?|dollars?|usd|美元|美金", "usd", 1),
    (r"euros?|eur|欧元", "eur", 1),
    (r"pounds?|gbp|英镑", "gbp", 1),
    (r"港元|港币|hkd", "hkd", 1),
    (r"日元|yen|jpy", "jpy", 1),
    (r"元|块钱?|人民币|rmb|cny|yuan", "cny", 1),
    (r"折", "zhe", 1),
    (r"tb|gb|mb|kb", "size", 1),
    (r"kg|kilograms?|公斤|千克", "kg", 1),
    (r"km|kilomet(?:er|re)s?|公里", "km", 1),
    (r"cm|centimet(?:er|re)s?|厘米", "cm", 1),
    (r"degrees?|°c?|摄氏度|度", "degree", 1),
    (r"times|次", "times", 1),
)
_SIGNS = {"$": "usd", "us$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "£": "gbp", "gbp": "gbp"}
_SIGNS |= {"¥": "cny", "rmb": "cny", "cny": "cny", "hk$": "hkd"}
_UNIT = "|".join(f"(?P<u{i}>{pattern})" for i, (pattern, _, _) in enumerate(_UNITS))
_AFTER_UNIT = r"(?![a-z])"
_SIGN = r"(?P<sign>hk\$|us\$|[$€£¥]|(?<![a-z])(?:usd|eur|gbp|rmb|cny)\s?)?\s*"
_JOIN = r"\s*(?:-|–|—|~|to|and|至|到)\s*"
_AMOUNT = re.compile(
    rf"{_SIGN}(?<![\d.])(?P<low>\d+(?:\.\d+)?)(?:(?P<join>{_JOIN})[$€£¥]?(?P<high>\d+(?:\.\d+)?))?"
    rf"(?:\s*-?\s*(?:{_UNIT}){_AFTER_UNIT})?"
)
_ZH_COUNTED = (
    r"(?=\s*(?:个?工作日|秒|分钟|个?小时|个?钟头|天|日|个?星期|个?礼拜|周|个月|月|年|美元|美金|欧元|英镑|港元|元|块|折|公斤|公里"
    r"|厘米|度|次|人|名|位|台|件|条|张|页|倍|级|款|个|项|点|号|份|层|种|[-~至到][零一二两三四五六七八九十\d]))"
)
_ZH_NUMBER = re.compile(rf"(?<![周期拜第])[零〇一二两三四五六七八九十百千万亿]+{_ZH_COUNTED}")
_ZH_LONG = re.compile(r"[一二两三四五六七八九][十百千万亿][零〇一二两三四五六七八九十百千万亿]*|十[一二三四五六七八九]")
_ZH_ARTICLE = re.compile(r"一(?=个(?!月|星期|小时|工作|礼拜)|种|款|位|份|样|台|件|条|张|项|点|层|级)")
_NEXT_WORD = "|".join([*_WORDS, "hundred", "thousand", "million"])
_EN_NUMBER = re.compile(rf"\b(?:{'|'.join(_WORDS)})(?:(?:[- ]|\sand\s)(?:{_NEXT_WORD}))*\b")
_EN_UNIT_NEXT = re.compile(r"[- ](?:business|working|day|week|month|year|hour|minute|second|percent|dollar|euro|time)")
_CODE = re.compile(
    r"(?<![a-z0-9])(?!(?:usd|rmb|cny|eur|gbp)\s?\d)[a-z]{1,12}-?\d[a-z0-9]*(?:[-.][a-z0-9]+)*"
    r"|v?\d+(?:\.\d+){2,}"
)
_ADDRESS = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+|https?://[^\s,，。)）]+|www\.[^\s,，。)）]+")
_PERIOD = re.compile(
    r"(?:\b(?:per|each|every|a|an)\s|/\s?)(day|week|month|year|hour|minute|user|seat)\b|\b(dai|week|month|year|annual|hour)ly\b"
    r"|每个?(天|日|周|星期|月|年|小时|人|分钟)"
)
_PERIOD_NAMES = {"dai": "day", "annual": "year", "天": "day", "日": "day", "周": "week", "星期": "week", "月": "month"}
_PERIOD_NAMES |= {"年": "year", "小时": "hour", "人": "user", "分钟": "minute", "seat": "user"}

_PRE: tuple[tuple[str, Bound], ...] = (
    (r"(?:no|not|never) (?:more|longer|later|higher) than|(?:not|n't) exceed(?:ing)?|不(?:超过|高于|多于|大于)", "le"),
    (r"(?:no|not|never) (?:less|fewer|lower|earlier) than|不(?:少于|低于|小于)", "ge"),
    (r"within|up to|at (?:the )?most|max(?:imum)?(?: of)?|under|below|until|by", "le"),
    (r"(?:less|fewer|lower|shorter) than", "le"),
    (r"最多|最长|最高|至多|少于|低于|不足|不到|小于|最晚|截至", "le"),
    (r"at (?:the )?least|min(?:imum)?(?: of)?|(?:more|longer|higher|greater) than|over|above|exceed(?:s|ing)?", "ge"),
    (r"至少|最少|最低|超过|大于|高于|多于|满", "ge"),
    (r"after|later than", "after"),
    (r"before|prior to", "before"),
)
_POST: tuple[tuple[str, Bound], ...] = (
    (r"or (?:less|fewer|under|below)|以内|之内|内|以下|at (?:the )?most", "le"),
    (r"or (?:more|over|above|longer)|and (?:above|over|up|more)|\+|及?以上|或以上|起", "ge"),
    (r"after|later|后|之后|以后", "after"),
    (r"before|前|之前|以前", "before"),
)
_PRE_RE = tuple((re.compile(rf"(?:{p})\s*(?:about |around |the |约)?[$€£¥]?$"), b) for p, b in _PRE)
_POST_RE = tuple((re.compile(rf"^\s*(?:{p})"), b) for p, b in _POST)


@dataclass(frozen=True, slots=True)
class Value:
    """One fact: ``kind`` (minutes, months, workday, percent, usd, ..., num, date, clock, weekday, code, period)."""

    kind: str
    value: float | str | tuple[int | None, int | None, int | None]
    start: int
    end: int
    bound: Bound = ""
    side: Side = ""


@dataclass(frozen=True, slots=True)
class Values:
    """``text``: folded, numbers as digits. ``rest``: the same with every value blanked out (same length)."""

    text: str
    rest: str
    items: tuple[Value, ...]


def values(text: str) -> Values:
    """Finds the hard facts of ``text``."""
    folded = _digits(simplify(text))
    finder = _Finder(folded)
    finder.find(_ADDRESS, lambda m: ("code", m.group().rstrip(".")))
    _find_dates(finder)
    _find_clocks(finder)
    _find_weekdays(finder)
    finder.find(_CODE, lambda m: ("code", m.group().replace("-", "")))
    finder.find(_PERIOD, _period)
    for match in _AMOUNT.finditer(finder.rest):
        finder.amount(match)
    return Values(folded, finder.rest, tuple(sorted(finder.items, key=lambda v: v.start)))


class _Finder:
    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = text
        self.items: list[Value] = []

    def find(self, pattern: re.Pattern[str], make: object) -> None:
        for match in list(pattern.finditer(self.rest)):
            kind, value = make(match)  # type: ignore[operator]
            self.add(kind, value, match.start(), match.end())

    def add(self, kind: str, value: object, start: int, end: int, side: Side = "", unit_end: int | None = None) -> None:
        left, right = max(0, start - 28), unit_end or end
        pre = next(((m, b) for p, b in _PRE_RE if (m := p.search(self.text[left:start]))), None)
        post = next(((m, b) for p, b in _POST_RE if (m := p.search(self.text[right : right + 14]))), None)
        bound: Bound = pre[1] if pre else post[1] if post else ""
        self.items.append(Value(kind, value, start, end, bound, side))  # type: ignore[arg-type]
        # The words of the bound go with the value: "at least" must not be asked for a second time as words.
        self._blank(left + pre[0].start() if pre else start, right + post[0].end() if post and not pre else end)

    def _blank(self, start: int, end: int) -> None:
        self.rest = self.rest[:start] + " " * (end - start) + self.rest[end:]

    def amount(self, match: re.Match[str]) -> None:
        at = next((i for i in range(len(_UNITS)) if match.group(f"u{i}")), None)
        kind, factor = ("num", 1.0) if at is None else _UNITS[at][1:]
        if sign := (match.group("sign") or "").strip():
            kind, factor = _SIGNS[sign], 1.0
        if kind == "size":
            kind = match.group(0).strip()[-2:]
        low = float(match.group("low"))
        if match.group("high") is None:
            year = kind == "num" and 1900 <= low <= 2099 and low == int(low)
            value: object = (int(low), None, None) if year else round(low * factor, 4)
            self.add("date" if year else kind, value, match.start(), match.end())
            return
        middle = match.start("join")
        self.add(kind, round(low * factor, 4), match.start(), middle, "low", match.end())
        self.add(kind, round(float(match.group("high")) * factor, 4), middle, match.end(), "high")


def _period(match: re.Match[str]) -> tuple[str, str]:
    name = next(group for group in match.groups() if group)
    return "period", _PERIOD_NAMES.get(name, name)


def _find_dates(finder: _Finder) -> None:
    def ymd(m: re.Match[str]) -> tuple[str, object]:
        year, month, day = (m.groupdict().get(name) for name in ("y", "m", "d"))
        number = None
        if month:
            number = int(month) if month.isdigit() else next(i for i, n in enumerate(_MONTHS, 1) if n[:3] == month[:3])
        return "date", (int(year) if year else None, number, int(day) if day else None)

    for pattern in _DATES:
        finder.find(pattern, ymd)


_DATES = tuple(
    re.compile(p)
    for p in (
        r"(?<!\d)(?P<y>(?:19|20)\d{2})\s*(?:年|[-/.])\s*(?P<m>\d{1,2})\s*(?:月|[-/.])\s*(?P<d>\d{1,2})\s*(?:日|号)?(?!\d)",
        rf"\b(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>(?:19|20)\d{{2}}))?\b",
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{_MONTH})\b\.?(?:,? (?P<y>(?:19|20)\d{{2}}))?",
        rf"\b(?P<m>{_MONTH})\.? (?P<y>(?:19|20)\d{{2}})\b",
        r"(?P<y>(?:19|20)\d{2})年(?P<m>\d{1,2})月",
        r"(?<!\d)(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]",
        r"(?<=每月)(?P<d>\d{1,2})[日号]",
        r"(?<!\d)(?P<m>\d{1,2})月份?(?!内)",
        r"(?<!\d)(?P<y>(?:19|20)\d{2})年",
        rf"\b(?P<m>{'|'.join(m for m in _MONTHS if m not in ('may', 'march'))})\b",
    )
)


def _find_clocks(finder: _Finder) -> None:
    def clock(m: re.Match[str]) -> tuple[str, float]:
        hour, rest = int(m.group("h")), m.groupdict().get("min")
        minute = 30 if rest == "半" else int(rest or 0)
        part = (m.groupdict().get("part") or "").replace(".", "")
        if part in ("pm", "下午", "晚上") and hour < 12:
            hour += 12
        if part == "am" and hour == 12:
            hour = 0
        return "clock", float(hour * 60 + minute)

    for pattern in _CLOCKS:
        finder.find(pattern, clock)


_CLOCKS = (
    re.compile(r"(?<!\d)(?P<h>\d{1,2}):(?P<min>[0-5]\d)\s*(?P<part>[ap]\.?m\b\.?)?"),
    re.compile(r"(?<!\d)(?P<h>\d{1,2})\s?(?P<part>[ap]\.?m\b\.?)"),
    re.compile(r"(?P<part>上午|下午|晚上|早上|中午|凌晨)?(?<!\d)(?P<h>\d{1,2})点(?P<min>半|[0-5]?\d(?=分))?分?"),
)


def _find_weekdays(finder: _Finder) -> None:
    finder.find(_WEEKDAY_EN, lambda m: ("weekday", float(_WEEKDAYS.index(m.group(1)))))
    finder.find(_WEEKDAY_ZH, lambda m: ("weekday", float("一二三四五六日".index(m.group(1).replace("天", "日")))))


_WEEKDAY_EN = re.compile(rf"\b({'|'.join(_WEEKDAYS)})s?\b")
_WEEKDAY_ZH = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天])(?!天)")


def _digits(text: str) -> str:
    """Number words of both languages as digits; thousands separators removed."""
    text = re.sub(r"(?<=\d)[,，](?=\d{3}(?!\d))", "", text)
    text = re.sub(r"百分之([零〇一二两三四五六七八九十百\d.]+)", lambda m: f"{_zh(m.group(1))}%", text)
    text = re.sub(r"([一二三四五六七八九])([一二三四五六七八九])折", _discount, text)
    text = re.sub(r"半(?=年|小时|天)", "0.5", re.sub(r"半个(?=月|小时)", "0.5个", text))
    text = _ZH_ARTICLE.sub("", text)
    text = _ZH_NUMBER.sub(lambda m: _zh(m.group()), text)
    text = _ZH_LONG.sub(lambda m: _zh(m.group()), text)
    text = re.sub(r"(\d+(?:\.\d+)?)\s?(万|亿|千|百)", _scaled, text)
    return _EN_NUMBER.sub(_english, text)


def _discount(match: re.Match[str]) -> str:
    """八五折 is 8.5 of ten."""
    return f"{_DIGITS[match.group(1)]}.{_DIGITS[match.group(2)]}折"


def _scaled(match: re.Match[str]) -> str:
    factor = {"百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}[match.group(2)]
    return f"{float(match.group(1)) * factor:g}" if factor < 10_000 else str(round(float(match.group(1)) * factor))


def _zh(numeral: str) -> str:
    """三千二百 -> 3200; a numeral that is none (百, 千万 as a word) stays as it is."""
    if re.fullmatch(r"[\d.]+", numeral):
        return numeral
    if len(numeral) > 1 and all(c in _DIGITS for c in numeral):
        return "".join(str(_DIGITS[c]) for c in numeral)
    total, section, digit = 0, 0, 0
    for char in numeral:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _POWERS:
            section += (digit or (1 if char == "十" else 0)) * _POWERS[char]
            digit = 0
        else:
            total += (section + digit) * (10_000 if char == "万" else 100_000_000)
            section = digit = 0
    number = total + section + digit
    return str(number) if number or numeral in "零〇" else numeral


def _english(match: re.Match[str]) -> str:
    words = re.split(r"[- ]+", match.group().replace(" and ", " "))
    if words == ["one"] and not _EN_UNIT_NEXT.match(match.string[match.end() :]):
        return "one"
    total, current = 0, 0
    for word in words:
        if word in _WORDS:
            current += _WORDS[word]
        elif word == "hundred":
            current = (current or 1) * 100
        else:
            total += (current or 1) * (1000 if word == "thousand" else 1_000_000)
            current = 0
    return str(total + current)


def matches(claim: Value, source: Value) -> bool:
    """Whether ``source`` states what ``claim`` states: the same fact, bounded the same way."""
    if not _same_fact(claim, source):
        return False
    if source.side and not claim.side:
        return claim.bound == ("ge" if source.side == "low" else "le")
    if claim.kind in ("period", "weekday", "code", "clock"):
        return True
    if claim.bound == source.bound:
        return True
    return claim.bound in ("", "le") and source.bound in ("", "le")


def _same_fact(claim: Value, source: Value) -> bool:
    if claim.kind == "date" and source.kind == "date":
        pairs = zip(claim.value, source.value, strict=True)  # type: ignore[arg-type]
        return all(mine is None or mine == theirs for mine, theirs in pairs)
    if isinstance(claim.value, float | int) and isinstance(source.value, float | int):
        kinds = claim.kind == source.kind or (claim.kind == "num" and source.kind not in ("clock", "weekday"))
        return kinds and abs(claim.value - source.value) < 1e-6
    return claim.kind == source.kind and claim.value == source.value


def same_kind(one: Value, other: Value) -> bool:
    """Whether two values compete for the same place in a sentence (two prices, two durations)."""
    return one.kind == other.kind or {one.kind, other.kind} <= {"minutes", "months", "workday"}
