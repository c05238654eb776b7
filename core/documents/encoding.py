"""Bytes to text: byte order mark, UTF-8, UTF-16 without a mark, then the legacy Chinese and Western encodings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import DocumentError

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE = 1 << 20
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffe\uffff]")
# Everyday characters: text decoded by the wrong Chinese encoding is full of rare ones instead.
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成"
    "方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位"
    "次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感"
    "這個們來時會說對為國過發後經麼學當沒動還進樣開無長機關點業間問應頭體見產與話給門聲論處義氣題兒電數報請單務費約訂購貨"
    "，。、：；！？（）《》“”　0123456789"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and the encoding it was in."""

    text: str
    encoding: str


def decode(data: bytes, name: str, declared: str = "") -> Decoded:
    """The text of ``data``. ``declared`` is the charset that the file names, tried after marks and UTF-8.

    Raises DocumentError ``documents.not_text`` where no encoding gives readable text.
    """
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _checked(_try(data, codec), codec, name)
    text = _try(data, "utf-8")
    if text is not None and "\x00" not in text[:4096]:
        return _checked(text, "utf-8", name)
    guess = _utf16(data) or _declared(data, declared) or _legacy(data)
    if guess is None:
        raise DocumentError("documents.not_text", name=name)
    return _checked(guess.text, guess.encoding, name)


def looks_like_text(data: bytes) -> bool:
    """May a file that starts with ``data`` be text in some encoding?"""
    if any(data.startswith(mark) for mark, _ in _MARKS):
        return True
    if _utf16(data) is not None:
        return True
    control = sum(1 for byte in data if byte < 9 or 14 <= byte < 27 or 27 < byte < 32)
    return control * 200 <= len(data)


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _checked(text: str | None, encoding: str, name: str) -> Decoded:
    if text is None or (text and len(_CONTROL.findall(text[:_SAMPLE])) * 100 > min(len(text), _SAMPLE)):
        raise DocumentError("documents.not_text", name=name)
    return Decoded(text.removeprefix("\ufeff"), encoding)


def _utf16(data: bytes) -> Decoded | None:
    """UTF-16 without a mark: one of the two byte columns is mostly zero (Latin) or the decoded text is Chinese."""
    if len(data) < 4 or len(data) % 2:
        return None
    sample = data[: 1 << 16]
    zeros = (sample[0::2].count(0), sample[1::2].count(0))
    half = len(sample) // 2
    for codec, column in (("utf-16-le", zeros[1]), ("utf-16-be", zeros[0])):
        if column < max(1, half // 50):
            continue
        text = _try(data, codec)
        if text is not None and _readable(text[:_SAMPLE]) > 0.9:
            return Decoded(text, codec)
    return None


def _readable(text: str) -> float:
    known = sum(
        1 for c in text if c.isspace() or " " <= c <= "~" or "\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef"
    )
    return known / max(1, len(text))


def _declared(data: bytes, declared: str) -> Decoded | None:
    codec = declared.strip().strip("\"'").lower()
    if codec in ("gb2312", "gbk", "gb_2312-80", "x-gbk"):
        codec = "gb18030"
    if not codec or codec in ("utf-8", "utf8"):
        return None
    text = _try(data, codec)
    return None if text is None else Decoded(text, codec)


def _legacy(data: bytes) -> Decoded | None:
    """GB18030 and Big5 weighed by how everyday their characters are; otherwise what charset-normalizer says."""
    western = _western(data[:_SAMPLE])
    if western is not None and (text := _try(data, western)) is not None:
        return Decoded(text, western)
    best: Decoded | None = None
    best_score = 0.0
    for codec in ("gb18030", "big5"):
        text = _try(data, codec)
        if text is None:
            continue
        score = _chinese_score(text[:_SAMPLE])
        if score > best_score:
            best, best_score = Decoded(text, codec), score
    if best is not None and best_score >= 0.12:
        return best
    from charset_normalizer import from_bytes

    match = from_bytes(data[:_SAMPLE]).best()
    if match is not None:
        text = _try(data, match.encoding)
        if text is not None and _letters(text[:_SAMPLE]) > 0.5:
            return Decoded(text, match.encoding)
    return best if best_score >= 0.05 else None


def _western(sample: bytes) -> str | None:
    """cp1252 where accented letters stand alone between plain ones: Chinese encodings use pairs of high bytes."""
    high = [byte for byte in sample if byte > 127]
    alone = len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", sample))
    letters = sum(
        1 for byte in high if byte >= 0xC0 or byte in b"\x80\x85\x91\x92\x93\x94\x96\x97\xa0\xa3\xa7\xa9\xae\xb0\xb7"
    )
    return (
        "cp1252"
        if high and alone * 10 >= len(high) * 8 and letters * 10 >= len(high) * 9 and len(high) * 4 < len(sample)
        else None
    )


def _chinese_score(text: str) -> float:
    wide = [c for c in text if ord(c) > 127]
    if not wide:
        return 0.0
    odd = sum(1 for c in wide if "\ue000" <= c <= "\uf8ff" or "\u0100" <= c <= "\u1fff")
    return (sum(1 for c in wide if c in _COMMON) - 2 * odd) / len(wide)


def _letters(text: str) -> float:
    return sum(1 for c in text if c.isalnum() or c.isspace() or c in ".,;:!?-'\"()") / max(1, len(text))
