"""Search words: what lexical retrieval and answer selection compare.

Chinese is folded from Traditional to Simplified (OpenCC) and cut by jieba in search mode; English is lower-cased and
stemmed (Snowball). Both run over the same text, so a mixed sentence yields both.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache, lru_cache
from typing import Any

HAN_RUN = re.compile(r"[㐀-䶿一-鿿豈-﫿]+")
LATIN_WORD = re.compile(r"[a-z0-9](?:[a-z0-9.,'’+%-]*[a-z0-9%+])?")
_PIECE = re.compile(r"[㐀-䶿一-鿿豈-﫿]+|[^\W_㐀-䶿一-鿿豈-﫿]+(?:[.'’][^\W_㐀-䶿一-鿿豈-﫿]+)*")
_LOCAL = threading.local()

# Raise it when search_words or index_words cuts or folds differently: indexes then cut their passages anew.
WORDS_VERSION = 2

_STOP_EN = """
a an and are as at be but by can could did do does for from had has have how i if in into is it its me my no not of on
or our shall should so such that the their them then there these they this to us was we were what when where which who
why will with would you your
"""
_STOP_ZH = """
的 了 吗 呢 吧 啊 呀 是 在 和 与 及 或 也 都 就 而 被 把 对 从 到 于 之 其 这 那 哪 什么 怎么 怎样 如何
为何 为什么 哪些 哪个 哪里 谁 几 多少 一个 我 你 您 他 她 它 我们 你们 他们 请问 请 有 没有 可以 能 会 要 想
"""
STOP_EN = frozenset(_STOP_EN.split())
STOP_ZH = frozenset(_STOP_ZH.split())


@cache
def _simplifier() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


@cache
def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba


def _stemmer() -> Any:
    # PyStemmer objects are not thread-safe: one a thread.
    if not hasattr(_LOCAL, "stemmer"):
        import Stemmer

        _LOCAL.stemmer = Stemmer.Stemmer("english")
    return _LOCAL.stemmer


def simplify(text: str) -> str:
    """NFKC, Traditional characters folded to Simplified, lower case. May change the length: for matching only."""
    return str(_simplifier().convert(unicodedata.normalize("NFKC", text))).lower()


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def search_words(text: str, *, stop: bool = True) -> list[str]:
    """The words of ``text`` for matching, in order, repeated as they repeat, without stop words unless told."""
    words: list[str] = []
    for piece in _PIECE.findall(simplify(text)):
        if "㐀" <= piece[0] <= "鿿" or "豈" <= piece[0] <= "﫿":
            cut = _jieba().cut_for_search(piece)
            words.extend(word for word in cut if not (stop and word in STOP_ZH))
        elif not (stop and piece in STOP_EN):
            words.append(_stem(piece))
    return words


def index_words(text: str) -> list[str]:
    """What the lexical index holds and is asked for: search words and, for Chinese, characters and pairs of them.

    Customers and manuals cut and choose words differently (保修 and 质保), but share characters. A Chinese name of four
    characters yields seven of these, a number or a Latin word one: beside Chinese these are repeated, to weigh alike.
    Text without Chinese yields its search words alone. The marks keep the three kinds apart.
    """
    folded = simplify(text)
    extra: list[str] = []
    for run in HAN_RUN.findall(folded):
        extra.extend("#" + character for character in run)
        extra.extend("#" + run[i : i + 2] for i in range(len(run) - 1))
    if extra:
        extra.extend(mark + piece for piece in LATIN_WORD.findall(folded) for mark in "#@")
    return search_words(text) + extra
