# ruff: noqa: E501 - a pattern is easier to check on one line
"""Secrets by their shape, with check digits where there are any."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from core.documents.screen_instructions import parts


@dataclass(frozen=True, slots=True)
class _Shape:
    detail: str
    pattern: re.Pattern[str]
    hint: tuple[str, ...] = ()  # the text must hold one of these (cheap to look for) before the pattern is tried
    check: Callable[[re.Match[str]], bool] = lambda match: True


_PLACEHOLDER = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|•{3,}|\.{3,}|<.*>|\[.*\]|\{.*\}|\$\{?.*|%.*%|(?:your|my|the|some|new|old|example|sample|test|dummy|change|"
    r"placeholder|redacted|secret|password|passwd|none|null|empty|required|optional|here|example)[\w-]*)$|[*•]{4,}|x{5,}"
)
_KEYWORD = (
    r"(?:pass(?:word|wd|code|phrase)?|pwd|secret(?:[_ -]?key)?|api[_ -]?key|access[_ -]?(?:key|token)|auth[_ -]?token|token|"
    r"client[_ -]?secret|口令|密码|密碼|密钥|密鑰|秘钥)"
)


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812 check digit."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2 or not _luhn(digits):
        return False
    groups = [len(group) for group in re.split(r"[ -]", match.group())]
    even = all(size == 4 for size in groups[:-1]) and groups[-1] <= 4
    if (
        len(groups) > 1 and not even and groups not in ([4, 6, 5], [4, 6, 4], [6, 13])
    ):  # so are telephone numbers written
        return False
    # Issuers' prefixes (Visa, Mastercard, American Express, Discover, JCB, Diners, UnionPay): a tracking number has none.
    issued = re.match(r"4|5[1-5]|2[2-7]|3[47]|35|36|30|6(?:011|5|2|4[4-9])", digits) is not None
    lengths = {"4": (13, 16, 19), "5": (16,), "2": (16,), "3": (14, 15, 16), "6": (16, 17, 18, 19)}
    return issued and len(digits) in lengths[digits[0]]


def _cn_id(match: re.Match[str]) -> bool:
    """GB 11643-1999: region, birthday, order, check character by ISO 7064 MOD 11-2."""
    number = match.group().upper()
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if number[-1] != "10X98765432"[sum(int(d) * w for d, w in zip(number, weights, strict=False)) % 11]:
        return False
    try:
        return 1900 <= date(int(number[6:10]), int(number[10:12]), int(number[12:14])).year <= 2100
    except ValueError:
        return False


def _ssn(match: re.Match[str]) -> bool:
    area, group, serial = match.group("a"), match.group("g"), match.group("s")
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return False
    before = match.string[max(0, match.start() - 60) : match.start()].lower()
    return match.group() != "123-45-6789" and not re.search(
        r"(?:phone|tel|fax|order|part|serial|sku|invoice)[^\n]{0,20}$", before
    )


def _value(match: re.Match[str]) -> bool:
    """Is what stands after "password:" a password and not a sentence about passwords?"""
    value = match.group("value")
    if _PLACEHOLDER.search(value) or re.search(r"[\u3400-\u9fff]", value):
        return False
    kinds = sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]"))
    if re.fullmatch(r"https?://\S*|[\d/.-]+(?:days?|hours?|minutes?|chars?)?|[A-Za-z]+[.,;]?", value):
        return value.isdigit() and len(value) >= 6
    return kinds >= 2 and bool(re.search(r"\d|[!@#$%^&*]", value))


def _random(match: re.Match[str]) -> bool:
    body = match.group()
    return len(set(body)) >= 10 and not _PLACEHOLDER.search(body)


_SHAPES = (
    _Shape("private_key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,8000}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?"), ("PRIVATE KEY",)),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"), ("AKIA", "ASIA")),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])sk-(?:proj-|ant-|svcacct-|or-)?[A-Za-z0-9_-]{20,}"), ("sk-",), _random),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"), ("_live_", "_test_"), _random),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,})"), ("gh", "glpat-"), _random),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])xox[abposr]-[A-Za-z0-9-]{20,}"), ("xox",)),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"), ("AIza",)),
    _Shape("api_key", re.compile(r"(?<![A-Za-z0-9])(?:LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{28,36}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"), ("LTAI", "AKID", "hf_", "npm_", "pypi-", "SG."), _random),
    _Shape("jwt", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"), ("eyJ",)),
    _Shape("password", re.compile(rf"(?i)(?<![a-z0-9]){_KEYWORD}\s*(?:is|are|为|是)?\s*[:=：＝]\s*[\"'“`]?(?P<value>[^\s\"'”`|，。；,;]{{6,120}})"), ("pass", "pwd", "secret", "key", "token", "口令", "密码", "密碼", "密钥", "密鑰", "秘钥"), _value),
    _Shape("password", re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:(?P<value>[^\s:/@]{4,100})@[\w.-]+"), ("://",), lambda m: not _PLACEHOLDER.search(m.group("value"))),
    _Shape("cn_id_number", re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"), (), _cn_id),
    _Shape("card_number", re.compile(r"(?<![\d.,/+-])(?:\d[ -]?){12,18}\d(?![\d/-]|[.,]\d)"), (), _card),
    _Shape("us_ssn", re.compile(r"(?<![\d-])(?P<a>\d{3})-(?P<g>\d{2})-(?P<s>\d{4})(?![\d-])"), (), _ssn),
)  # fmt: skip


def find_secrets(text: str) -> list[tuple[str, int, int]]:
    """Detail code, start and end of each secret, in order, none inside another."""
    return [(detail, base + start, base + end) for base, part in parts(text) for detail, start, end in _find(part)]


def _find(text: str) -> list[tuple[str, int, int]]:
    lowered = text.lower()
    found: list[tuple[str, int, int]] = []
    for shape in _SHAPES:
        if shape.hint and not any(hint.lower() in lowered for hint in shape.hint):
            continue
        for match in shape.pattern.finditer(text):
            if shape.check(match):
                span = match.span("value") if "value" in match.re.groupindex else match.span()
                found.append((shape.detail, *span))
    found.sort(key=lambda item: (item[1], -item[2]))
    kept: list[tuple[str, int, int]] = []
    for item in found:
        if not kept or item[1] >= kept[-1][2]:
            kept.append(item)
    return kept


def mask(text: str) -> str:
    """``text`` with every secret in it replaced by dots."""
    for _, start, end in reversed(find_secrets(text)):
        text = f"{text[:start]}{'•' * min(12, end - start)}{text[end:]}"
    return text
