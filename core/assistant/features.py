"""What can be read off a question without any model: its words, its characters, and the kind of thing it asks for.

Everything is compared *folded* (NFKC, Simplified, lower case). Chinese is matched by the question's words as
substrings and by character bigrams, so passages need no word segmentation at question time; English by stems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.text.language import has_han
from core.text.words import HAN_RUN, LATIN_WORD, search_words, simplify


class Kind(StrEnum):
    """What a question asks for."""

    NUMBER = "number"
    WHEN = "when"
    WHO = "who"
    WHERE = "where"
    WHY = "why"
    MONEY = "money"
    DURATION = "duration"
    YES_NO = "yes_no"
    OTHER = "other"


_TOKEN = re.compile(r"[㐀-䶿一-鿿豈-﫿]|[a-z0-9](?:[a-z0-9.,'’+%-]*[a-z0-9%+])?")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

_ZH_DIGIT = "[零〇一二两三四五六七八九十百千万亿半]"
_EN_NUMBER = (
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|"
    r"hundred|thousand|million|billion|half|third|quarter|once|twice|second|fifth|sixth|seventh|eighth|ninth|tenth)\b"
)
_MONTH = r"january|february|march|april|may|june|july|august|september|october|november|december"
_DAY = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_TIME_UNIT = (
    r"(?:秒|分钟|小时|个?工作日|天|日|周|星期|个月|月|年|(?:business |working |calendar )?"
    r"(?:second|minute|hour|day|week|month|year|min|hr)s?\b)"
)
_SURNAME = (
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
    "钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤]"
)
# What a sentence must hold to be able to answer a question of that kind.
ANSWERS: dict[Kind, re.Pattern[str]] = {
    Kind.NUMBER: re.compile(rf"\d[\d.,]*|{_ZH_DIGIT}+|{_EN_NUMBER}"),
    Kind.WHEN: re.compile(
        r"\d{2,4}\s*年|\d+\s*[月日号]|\d+\s*世纪|[一二三四五六七八九十]+[年月日]|世纪|年代|时期|年间|末年"
        r"|初年|星期|周[一二三四五六日]"
        rf"|\d{{1,2}}:\d{{2}}|\b1\d{{3}}\b|\b20\d\d\b|\b(?:{_MONTH}|{_DAY}|century|morning|evening|noon|midnight)\b"
        r"|\b(?:a\.?m|p\.?m)\b|\b(?:days?|weeks?|hours?|months?|years?)\b"
    ),
    Kind.WHO: re.compile(
        r"·|先生|女士|教授|博士|总统|皇帝|国王|首相|将军|导演|主教|公爵|王子|公主|部长|主席|作者|家族|团队|部门"
        rf"|{_SURNAME}[一-鿿]{{1,2}}|\b(?:mr|mrs|ms|dr|president|king|queen|team|manager|officer|founder|author)\b"
    ),
    Kind.WHERE: re.compile(
        r"[省市县区州国镇村乡路街岛湾洋洲山河湖港城寺院馆站]"
        r"|\b(?:in|at|near|from|to|inside|under|north|south|east|west|page|menu|settings)\b"
    ),
    Kind.WHY: re.compile(
        r"因为|由于|因此|所以|因而|为了|导致|原因|以致|使得|缘故|鉴于"
        r"|\b(?:because|due|since|so|therefore|caus(?:e|ed|es)|reasons?|in order|result)\b"
    ),
    Kind.MONEY: re.compile(
        r"[$€£¥]\s*\d[\d.,]*|\d[\d,.]*\s*(?:万|亿)?(?:元|块|美元|欧元|英镑|usd|eur|gbp|cny|rmb|dollars?"
        r"|euros?|yuan|cents?)"
        rf"|{_ZH_DIGIT}+元|\d[\d,.]*\s*%|免费|\bfree\b"
    ),
    Kind.DURATION: re.compile(
        rf"(?:\d+|{_ZH_DIGIT}+|{_EN_NUMBER})\s*(?:多|个|余|to|or|-|–|~|至|到)?\s*(?:\d+|{_ZH_DIGIT}+)?\s*{_TIME_UNIT}"
    ),
}
_ASKS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.MONEY,
        re.compile(
            r"多少钱|多少元|价格|价钱|费用|收费|几元|几块钱|怎么卖"
            r"|how much (?:does|do|is|are|will|would|for)|\b(?:price|cost|fee)s?\b"
        ),
    ),
    (
        Kind.DURATION,
        re.compile(
            r"多久|多长时间|几个?(?:工作日|月|小时|星期)|几天|多少(?:天|年|小时|个月)|几年(?!级)"
            r"|how long|how many (?:business |working )?(?:days|hours|weeks|months|years|minutes|seconds)"
        ),
    ),
    (
        Kind.WHEN,
        re.compile(
            r"什么时候|何时|哪一?[年天月日]|哪个?(?:世纪|年代|时期|朝代)|几月|几号|几点|什么时间|什么时期|何年|时间是"
            r"|\bwhen\b|(?:what|which) (?:year|date|time|day|month|century)"
        ),
    ),
    (
        Kind.NUMBER,
        re.compile(
            r"多少|第几|几[个名人种次位岁间座条届所部项层级]?|多[大高远重长宽快]"
            r"|how (?:many|much|big|large|far|tall|high|old|often|fast|heavy|deep)|what (?:percent|percentage|number)"
        ),
    ),
    (
        Kind.WHO,
        re.compile(
            r"谁|何人|哪一?[位名]|什么人|哪个人|哪些人|\bwho(?:m|se)?\b|which (?:person|president|king|author|actor)"
        ),
    ),
    (
        Kind.WHERE,
        re.compile(
            r"哪里|哪儿|何地|何处|在哪|哪一?个?(?:国家|城市|地方|地区|省|市|州|县|区|岛|洲)|哪国|什么地方|什么地区|位于"
            r"|\bwhere\b|(?:which|what) (?:country|city|state|region|place)"
        ),
    ),
    (
        Kind.WHY,
        re.compile(
            r"(?<![称作名成叫列视认定评改译誉])为什么|为什么会|为何(?![?？。]?$)|何故|原因|怎么会|因何"
            r"|\bwhy\b|what (?:caused|reason)"
        ),
    ),
    (
        Kind.YES_NO,
        re.compile(
            r"吗[?？。]?$|是否|能不能|可不可以|是不是|有没有|会不会|要不要|能否|可否"
            r"|^(?:is|are|do|does|did|can|could|may|will|would|should|has|have|was|were)\b"
        ),
    ),
)
# An attribute asked for, and the words in which answers state it: "面积" is stated in square units, "位于" with 地处.
_CUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked), re.compile(stated))
    for asked, stated in (
        (r"多高|身高|高度|\b(?:tall|high|height)\b", r"[米尺高]|\b(?:met(?:er|re)s?|feet|ft|cm|km|tall|high)\b"),
        (
            r"多大|面积|占地|\b(?:area|how (?:big|large))\b",
            r"平方|公顷|亩|面积|\b(?:square|acres?|hectares?|km2|mb|gb)\b",
        ),
        (r"多重|体重|重量|\b(?:weigh|weight|heavy)\b", r"[克斤吨]|\b(?:kg|grams?|pounds?|tons?|tonnes?)\b"),
        (
            r"多长|体长|长度|多远|\b(?:length|far|distance)\b",
            r"米|公里|公分|\b(?:met(?:er|re)s?|miles?|km|kilomet\w+)\b",
        ),
        (
            r"死|逝世|去世|卒|身亡|\b(?:die|died|death)\b",
            r"卒|逝|去世|身亡|死|病|薨|崩|\b(?:died?|death|dead|killed)\b",
        ),
        (r"出生|诞生|生于|\bborn\b", r"出生|生于|诞生|\bborn\b"),
        (
            r"位于|哪里|哪儿|何处|位置|在哪|地点|\b(?:where|located|location)\b",
            r"位于|坐落|地处|在|处|\b(?:located|based|in|at)\b",
        ),
        (r"分布|\bfound\b", r"分布|产于|见于|栖息|原生|\b(?:found|native|throughout)\b"),
        (r"为什么|原因|为何|缘故|\bwhy\b", r"因|由于|所以|导致|故|\b(?:because|due|since|caus\w+|therefore)\b"),
        (
            r"作用|用途|功能|功效|用来|\bused? (?:for|to)\b|\bpurpose\b",
            r"用于|用作|可作|用来|可以|能|供|作为|\b(?:used?|allows?|helps?)\b",
        ),
        (
            r"别名|别称|又称|又名|称为|叫什么|称之|名称|\b(?:called|known as|named?)\b",
            r"又称|又名|称|别名|俗称|名为|\b(?:called|known|named?)\b",
        ),
        (
            r"包括|哪些|有哪|\b(?:which|what) (?:kinds?|types?|are)\b|\binclude",
            r"包括|、|有|分为|\b(?:includ\w+|such as|and)\b",
        ),
        (r"特点|特征|外貌|外形|样子|形状|怎样|什么样", r"[形状色长呈为]"),
        (
            r"创立|成立|创办|建立|创建|建于|\b(?:founded|established|created|built)\b",
            r"创立|成立|创办|建立|创建|建于|始建|设立|\b(?:founded|established|created|built)\b",
        ),
        (r"多少钱|价格|费用|收入|票房|利润|\b(?:cost|price|fee|revenue|profit)", r"元|万|亿|[$€£¥%]|免费|\bfree\b"),
        (r"职务|职位|担任", r"任|职|长|主席"),
        (r"获得|奖|荣获|\b(?:award|prize|won?)\b", r"奖|获|\b(?:award\w*|prize|won)\b"),
        (
            r"影响|结果|后果|危害|\b(?:effects?|results?|consequences?)\b",
            r"影响|使|导致|造成|\b(?:caus\w+|lead|led|result\w*|affect\w*)\b",
        ),
        (
            r"怎么|如何|怎样|\bhow (?:do|can|to|should)\b",
            (
                r"点击|选择|打开|请|通过|先|然后|按|可以|\b(?:click|choose|open|select|go to|press|enter|by"
                r"|then)\b"
            ),
        ),
        (r"什么是|是什么|^what (?:is|are)\b", r"是|指|为|\b(?:is|are|means?)\b"),
    )
)
# The word a question word governs ("哪一個地區" asks for a 地区, "which plan" for a plan).
_FOCUS = re.compile(
    r"(?:哪一?[个种位名座项条部所家本次届类]?|什么|何种|何|多少|几)([一-鿿]{1,4})|(?:which|what"
    r"|how many|how much)\s+([a-z]+)"
)
_QUESTION_HAN = frozenset("什么哪谁何几吗呢怎多少为是的了在有请问")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, analysed once. ``grams``: Chinese characters and bigrams without question words, English stems."""

    text: str
    folded: str
    tokens: tuple[str, ...]  # Chinese characters and English words, in order
    words: tuple[str, ...]  # search words without repetition
    grams: frozenset[str]
    kind: Kind
    focus: str
    cues: tuple[re.Pattern[str], ...]
    numbers: frozenset[str]


def grams(folded: str) -> frozenset[str]:
    """Chinese characters and bigrams, and English stems, of folded text."""
    found: set[str] = set()
    for run in HAN_RUN.findall(folded):
        found.update(run)
        found.update(run[i : i + 2] for i in range(len(run) - 1))
    return frozenset(found) | stems(folded)


def stems(folded: str) -> frozenset[str]:
    """Stems of the Latin words and numbers of folded text, stop words left out."""
    pieces = " ".join(LATIN_WORD.findall(folded))
    return frozenset(search_words(pieces)) if pieces else frozenset()


def tokens(folded: str) -> tuple[str, ...]:
    """Chinese characters one by one, Latin words whole, in order."""
    return tuple(_TOKEN.findall(folded))


def numbers(folded: str) -> frozenset[str]:
    """Numbers written in digits, thousands separators taken out."""
    return frozenset(re.sub(r",(?=\d{3})", "", found) for found in NUMBER.findall(folded))


def kind_of(folded: str) -> Kind:
    """What the question asks for; the first pattern that fits decides."""
    return next((kind for kind, pattern in _ASKS if pattern.search(folded)), Kind.OTHER)


@lru_cache(maxsize=512)
def analyse_question(text: str) -> Question:
    """Everything answer selection reads off a question."""
    folded = simplify(text).strip().replace("甚么", "什么")
    focus = _FOCUS.search(folded)
    asked = grams(folded)
    kept = frozenset(gram for gram in asked if not (has_han(gram) and _QUESTION_HAN & set(gram)))
    return Question(
        text=text,
        folded=folded,
        tokens=tokens(folded),
        words=tuple(dict.fromkeys(search_words(text))),
        grams=kept or asked,
        kind=kind_of(folded),
        focus=(focus.group(1) or focus.group(2)) if focus else "",
        cues=tuple(stated for asked_for, stated in _CUES if asked_for.search(folded)),
        numbers=numbers(folded),
    )
