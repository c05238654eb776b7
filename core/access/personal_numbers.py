# ruff: noqa: E501 - a pattern is easier to check on one line
"""Personal data that is made of digits and signs: addresses of mail and machines, telephones, identity, bank numbers.

Every finder takes text whose full-width forms were folded (``core.access.privacy.fold``) and yields spans into it.
Numbers with check digits must pass them; numbers without any must not stand in a place where people write other things.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import date

Span = tuple[int, int]

_LETTER = "A-Za-z0-9À-ÖØ-öø-ɏЀ-ӿ"
_EMAIL = re.compile(
    rf"(?<![{_LETTER}._%+-])[{_LETTER}](?:[{_LETTER}._%+&'-]{{0,62}}[{_LETTER}_+-])?"
    rf"@(?:[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?\.){{1,8}}[A-Za-z]{{2,24}}(?![{_LETTER}-])"
)

# Words before a number that say that it is another thing's number.
_OTHER_NUMBER = re.compile(
    r"(?:订单号?|单号|流水号?|编号|编码|会员号|卡号|税号|群号|条码|序列号|运单|批号|账号|积分|"
    r"order|tracking|invoice|ticket|serial|sku|isbn|batch|part|ref(?:erence)?|imei)\W{0,3}(?:no|number|num|id|号|为|是|is|#)?[\W_]{0,3}$",
    re.IGNORECASE,
)
_MOBILE = re.compile(
    r"(?<![A-Za-z0-9+])(?<!\d[.,-])(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d|[.,]\d|[A-Za-z])"
)
_LANDLINE = re.compile(
    r"(?<![A-Za-z0-9+])(?<!\d[.,/-])(?:\(0\d{2,3}\) ?|0(?:10|2\d|[3-9]\d\d)[ -])[2-9]\d{2,3}[ -]?\d{4}(?!\d|[.,-]\d|[A-Za-z])"
)
_INTERNATIONAL = re.compile(
    r"(?<![A-Za-z0-9+])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,5}(?!\d|[.,]\d)"
)
_AMERICAN = re.compile(
    r"(?<![A-Za-z0-9+])(?<!\d[.,/ -])(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]\d{4}(?!\d|[-.,]\d|[A-Za-z])"
)
_LABELLED = re.compile(
    r"(?i:(?<![a-z])(?:phone|telephone|tel|landline|mobile|cell|whatsapp|fax|call|ring)(?![a-z])|电话|手机|座机|传真|致电|拨打|联系方式)"
    r"[^\d\n+()]{0,14}(?P<number>\(?\d[\d ().-]{5,17}\d)(?!\d|[.,]\d|[A-Za-z])"
)
_PHONE_HINT = re.compile(r"\d[\d ().-]{5}")
# Numbers that belong to a company's counter and not to a person.
_SERVICE = re.compile(r"^(?:86)?(?:[48]00\d{7}|95\d{3}\d{0,3}|1?8(?:00|33|44|55|66|77|88)\d{7}|1[0-2]\d{1,3})$")
_DATE = re.compile(r"^(?:19|20)\d{2}[-./ ]?(?:0[1-9]|1[0-2])[-./ ]?(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?$")

_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_CARD = re.compile(r"(?<![\dA-Za-z])(?<!\d[.,/+-])\d(?:[ -]?\d){12,18}(?![\dA-Za-z/]|-\d|[.,]\d)")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
# Length of the whole number by country (SWIFT IBAN registry).
_IBAN_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22,
    "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30,
    "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VG": 24, "XK": 20,
}  # fmt: skip

_IPV4 = re.compile(
    r"(?a)(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?![\w-]|\.\d)"
)
_IPV6 = re.compile(r"(?a)(?<![\w:.])[0-9A-Fa-f:]{9,39}(?![\w:.]*\w)")
_VERSION_BEFORE = re.compile(
    r"(?i)(?:\bv|\bver|version|firmware|release|chapter|section|clause|版本号?|固件|第|升级到)\W{0,3}$"
)
_VERSION_AFTER = re.compile(r"(?i)\s{0,2}(?:版|节|章|条|version|release)")
_IP_BEFORE = re.compile(r"(?i)(?:\bip\b|address|server|host|dns|服务器|地址)\W{0,6}$")


def emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def phones(text: str) -> Iterator[Span]:
    """Chinese mobile and landline, international with +, North American, and any number that a label calls one."""
    if _PHONE_HINT.search(text) is None:
        return
    for pattern in (_MOBILE, _LANDLINE, _INTERNATIONAL, _AMERICAN):
        for match in pattern.finditer(text):
            if _is_phone(text, *match.span()):
                yield match.span()
    for match in _LABELLED.finditer(text):
        if _is_phone(text, *match.span("number")):
            yield match.span("number")


def _is_phone(text: str, start: int, end: int) -> bool:
    digits = re.sub(r"\D", "", text[start:end])
    if not 7 <= len(digits) <= 15 or _SERVICE.match(digits) or len(set(digits)) == 1:
        return False
    if text[start] != "+" and _DATE.match(text[start:end]):
        return False
    return text[start] == "+" or not _OTHER_NUMBER.search(text[max(0, start - 24) : start])


def identity_numbers(text: str) -> Iterator[Span]:
    """GB 11643-1999: region, birthday, order, check character by ISO 7064 MOD 11-2."""
    for match in _IDENTITY.finditer(text):
        if identity_is_valid(match.group()):
            yield match.span()


def identity_is_valid(number: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(d) * w for d, w in zip(number, weights, strict=False)) % 11]
    if number[-1].upper() != check:
        return False
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14])).year >= 1900
    except ValueError:
        return False


def bank_cards(text: str) -> Iterator[Span]:
    """Card numbers of the known issuers that pass ISO/IEC 7812's check digit."""
    for match in _CARD.finditer(text):
        if card_is_valid(match.group()):
            yield match.span()


_ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2[2-7]"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"30|36|38|39"), (14, 16)),
    (re.compile(r"35"), (16,)),
    (re.compile(r"6011|65|64[4-9]"), (16, 19)),
    (re.compile(r"62|60|81"), (16, 17, 18, 19)),
)


def card_is_valid(written: str) -> bool:
    digits = re.sub(r"\D", "", written)
    groups = [len(group) for group in re.split(r"[ -]", written)]
    even = all(size == 4 for size in groups[:-1]) and groups[-1] <= 4
    if len(groups) > 1 and not even and groups not in ([4, 6, 5], [4, 6, 4], [6, 13]):
        return False
    issued = any(len(digits) in lengths and start.match(digits) for start, lengths in _ISSUERS)
    return issued and len(set(digits)) > 1 and luhn(digits)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B check digit."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def ibans(text: str) -> Iterator[Span]:
    """ISO 13616: length by country, check digits by ISO 7064 MOD 97-10."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTH.get(match.group()[:2].upper())
        if length is None:
            continue
        end = _consume(text, match.start(), length)
        if end and iban_is_valid(re.sub(r"[ -]", "", text[match.start() : end])):
            yield match.start(), end


def _consume(text: str, start: int, length: int) -> int:
    """End of ``length`` letters and digits from ``start`` with single separators between; 0 when there are not as many."""
    seen, at = 0, start
    while seen < length:
        if at < len(text) and text[at].isascii() and text[at].isalnum():
            seen += 1
        elif not (at < len(text) and text[at] in " -" and text[at - 1] not in " -"):
            return 0
        at += 1
    return 0 if at < len(text) and text[at].isascii() and text[at].isalnum() else at


def iban_is_valid(number: str) -> bool:
    moved = number[4:] + number[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def machine_addresses(text: str) -> Iterator[Span]:
    """IPv4 and IPv6. Four small numbers joined by dots are taken for a version unless the place says otherwise."""
    for match in _IPV4.finditer(text):
        before, after = text[max(0, match.start() - 16) : match.start()], text[match.end() : match.end() + 10]
        if _VERSION_BEFORE.search(before) or _VERSION_AFTER.match(after):
            continue
        if all(len(part) == 1 for part in match.group().split(".")) and not _IP_BEFORE.search(before):
            continue
        yield match.span()
    if text.count(":") >= 3:
        for match in _IPV6.finditer(text):
            end = match.start() + len(match.group().rstrip(":"))
            if _is_ipv6(text[match.start() : end]):
                yield match.start(), end


def _is_ipv6(text: str) -> bool:
    if len([group for group in text.split(":") if group]) < 4 or not re.search(r"\d", text):
        return False
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False
