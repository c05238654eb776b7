# ruff: noqa: E501 - a pattern is easier to check on one line
"""Personal data that is made of words: postal addresses with a house number, names after a title or a label.

Names in running text are left alone on purpose: without a model that knows names, guessing would mask products.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"

# --- addresses ---

_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Terrace|Place|Pl|Parkway|Pkwy|Way|"
    r"Highway|Hwy|Crescent|Close|Gardens|Mews)"
)
_ENGLISH_ADDRESS = re.compile(
    r"(?<![\w.,$€£-])\d{1,5}[A-Z]?[ \t]+(?:(?:N|S|E|W|NE|NW|SE|SW)\.?[ \t]+)?"
    rf"(?:[A-Z][A-Za-z0-9'’.-]{{1,20}}[ \t]+){{1,4}}{_STREET}\b(?:\.(?=[ \t,]+[A-Z#\d]))?"
    r"(?:[ \t]+(?:North|South|East|West|Central|NE|NW|SE|SW)\b)?"
    r"(?:,?[ \t]+(?:Apt|Apartment|Suite|Ste|Unit|Floor|Flat|Room)\.?[ \t]?[\dA-Z-]{1,6}\b|,?[ \t]+#[\dA-Z-]{1,6}\b)?"
    r"(?:(?:,[ \t]+[A-Z][A-Za-z .'-]{1,30}?){0,3},?[ \t]+(?:[A-Z]{2}[ \t]+\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?[ \t]?\d[A-Z]{2})\b)?"
)
# Characters that end what stands before a place ("please send to", "it is", "changed to") and hardly begin a place.
_PART = f"(?:(?![在至到是住寄送了请把址给我的应该改为回])[{_HAN}])"
_NUMBER = r"\d{1,5}"
_NAMED = f"(?:[{_HAN}]{{1,10}}?(?:中心|大厦|广场|小区|花园|公寓|大楼|家园|写字楼|商厦|科技园|工业园|产业园|城))"
_INNER = (
    rf"(?:\s?(?:{_NAMED}|(?:{_NUMBER}|[一二三四五六七八九十]{{1,3}}|[A-Za-z]\d{{0,2}})(?:号楼|号院|号|弄|幢|栋|座|楼|层|室|单元|户|门))){{0,6}}"
    rf"(?:\d{{2,5}}(?![\d号年月日元米]))?"
)
_ADMIN = rf"(?:{_PART}{{2,7}}?(?:省|自治区))?(?:{_PART}{{2,8}}?(?:市|自治州|盟))?(?:{_PART}{{1,7}}?(?:区|县|旗))?(?:{_PART}{{1,7}}?(?:街道|镇|乡))?"
_CHINESE_ADDRESSES = (
    re.compile(rf"{_ADMIN}{_PART}{{1,10}}?(?:大道|大街|(?<![公铁线])路|街|巷|弄|胡同)(?:[东西南北中]{{1,2}}段?)?{_NUMBER}(?:号|弄|巷)(?!线|以|前|后|开|发|到|起|这|我){_INNER}"),
    re.compile(rf"{_ADMIN}{_PART}{{1,10}}?(?:小区|花园|公寓|家园|苑|新村|里)(?:[一二三四五六七八九十]区)?{_NUMBER}(?:栋|幢|座|号楼|号院){_INNER}"),
)  # fmt: skip
# A cheap look before the patterns above, which try every character as a beginning.
_ADDRESS_HINT = re.compile(r"(?:路|街|道|巷|弄|胡同|小区|花园|公寓|家园|苑|村|里|区)(?:[东西南北中]{1,2}段?)?\d")
_LEAD_IN = re.compile(rf"^[{_HAN}]{{0,6}}?(?:位于|坐落于?|就在|设在|还有|来到)(?=[{_HAN}]{{2}})")

# --- names ---

_WORD = r"[A-ZÀ-ÖØ-Þ][\w'’]*(?:-[A-ZÀ-ÖØ-Þ][\w'’]*)*"
_PARTICLES = r"(?:(?:van|von|de|del|der|den|di|da|la|bin|ibn|al|el)[ \t]+){0,2}"
_NAME = rf"{_PARTICLES}{_WORD}(?:[ \t]+{_PARTICLES}{_WORD}){{0,3}}"
_ENGLISH_NAMES = (
    re.compile(rf"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof)\b\.?[ \t]+(?P<name>{_NAME})"),
    re.compile(rf"\b(?:Miss|Professor|Doctor|Madame)[ \t]+(?P<name>{_NAME})"),
    re.compile(rf"\b(?:Attn|ATTN)\.?[ \t]+(?P<name>{_NAME})"),
    re.compile(rf"(?i:\b(?:my|his|her) (?:full |first |last )?name(?:'s| is|’s) )(?P<name>{_NAME})"),
    re.compile(
        rf"(?:^|(?<=[\n.;,:|!?(]))\s*(?i:(?:full |first |last |given |family |customer |client |patient |contact |recipient |"
        rf"card ?holder |account holder )?name|recipient|attn|attention|contact(?: person)?|consignee|card ?holder|addressee)"
        rf"[ \t]*(?:[:：=]|[ \t]-[ \t])[ \t]*(?P<name>{_NAME})"
    ),
)
_NAME_HINT = re.compile(
    r"(?i)\bm(?:r|rs|s|x|iss|adame)\b|\bdr\b|prof|doctor|name|recipient|att|contact|consignee|holder|addressee"
)
_NOT_A_NAME = frozenset(
    "Unknown None Null N/A NA Yes No The This That Not Please Your Our My It Dear Sir Madam Us Support Sales Team Customer "
    "Wireless Mouse You I".split()
)
_COMPOUND = "欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|令狐|慕容|夏侯|长孙|端木|宇文|轩辕|南宫|独孤|西门|闻人"
_SINGLE = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏"
    "韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申"
    "欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车"
)
_SURNAME = rf"(?:{_COMPOUND}|[{_SINGLE}])"
# Surnames that are also the end of everyday words (基金, 谢谢, 启蒙): they count only where nothing Chinese stands before.
_ALSO_WORDS = frozenset(
    "时车路成安高任向游白段于关辛房谢田文金方华司常简蒙全平易管明封英康万千程龙游毛石马包卓党尚欧谷古曲时毕"
)
_OPENERS = "是找叫给跟请"  # after these a name may begin though they are Chinese too
_NEVER_IN_NAME = frozenset(
    "的了是被给与和为在个要有不把从到苦谢键系间管女男总比拿求副来去着过这那之也都就很会能做让找对说骨头快递送餐骑务级员客"
    "行队部厂店事你我他您们请问好没叫看听想买卖用前后上下里外每各某本该此项目"
)
_HAN_TITLE = re.compile(
    r"先生|女士|小姐|太太|经理|老师|医生|主任|律师|教授|师傅|同学|阿姨|大夫|总监|主管|总(?=[，,。、！!：:你您好]|合同|让|$)"
)
# Words that begin like a name of two characters before a title.
_NO_NAME = frozenset(
    "课程 高级 高中 高等 高校 安全 资金 现金 地方 对方 官方 工程 流程 责任 信任 由于 关于 对于 汽车 文科 数学 英语 语文 华文 成人 "
    "及时 任课 班主 文学 平安 历史 金装 温大 金融 石油 房产 白衣 万能 常务 时任 龙头 欧美 简易 田径 路过 车间 毕业 古代".split()
)
_HAN_LABEL = re.compile(
    r"(?:(?:客户|患者|顾客|会员|收件人|收货人|联系人|真实)?姓名|收件人|收货人|寄件人|联系人|持卡人|开户人|户名)(?:\s*[:：=]\s*|\s+|是|为)|(?:本人|客户|患者|顾客)姓名|我的名字(?:是|叫)\s*|我叫(?!了|车|外|你|他)|我姓"
)
_BOUNDARY = re.compile(
    rf"[^{_HAN}]|$|电话|手机|地址|身份|邮箱|先生|女士|小姐|银行|卡号|收$|号码|住|要|想|是|的|已|在|来自|昨|今"
)


def addresses(text: str) -> Iterator[Span]:
    """Postal addresses with a street or an estate and a house number, as far as patterns can tell."""
    yield from (match.span() for match in _ENGLISH_ADDRESS.finditer(text))
    if _ADDRESS_HINT.search(text) is None:
        return
    for pattern in _CHINESE_ADDRESSES:
        for match in pattern.finditer(text):
            lead = _LEAD_IN.match(match.group())
            yield match.start() + (lead.end() if lead else 0), match.end()


def names(text: str) -> Iterator[Span]:
    """Names that a title (Mr, 先生) or a label (Name:, 姓名：, my name is) announces."""
    for pattern in _ENGLISH_NAMES if _NAME_HINT.search(text) else ():
        for match in pattern.finditer(text):
            if match.group("name").split()[0] not in _NOT_A_NAME:
                yield match.span("name")
    yield from _titled(text)
    yield from _labelled(text)


def _titled(text: str) -> Iterator[Span]:
    """The name that ends where a Chinese title begins: a surname alone, or a surname and one or two characters."""
    for title in _HAN_TITLE.finditer(text):
        end = title.start()
        longest = 2 if title.group() == "总" else 3
        fitting = [start for start in range(max(0, end - longest), end) if _is_name(text, start, end)]
        opened = [
            start
            for start in fitting
            if start == 0 or not re.match(f"[{_HAN}]", text[start - 1]) or text[start - 1] in _OPENERS
        ]
        best = opened or [start for start in fitting if text[start] not in _ALSO_WORDS or _starts_compound(text, start)]
        if best and (title.group() != "总" or re.fullmatch(_SURNAME, text[best[0] : end])):
            yield best[0], end


def _starts_compound(text: str, start: int) -> bool:
    return text[start : start + 2] in _COMPOUND.split("|")


def _is_name(text: str, start: int, end: int) -> bool:
    surname = re.compile(_SURNAME).match(text, start, end)
    if surname is None or text[start : start + 2] in _NO_NAME:
        return False
    given = text[surname.end() : end]
    return len(given) <= 2 and all("\u4e00" <= char <= "\u9fff" and char not in _NEVER_IN_NAME for char in given)


def _labelled(text: str) -> Iterator[Span]:
    for label in _HAN_LABEL.finditer(text):
        surname = re.compile(_SURNAME).match(text, label.end())
        if surname is None:
            continue
        if label.group() == "我姓":
            yield surname.span()
            continue
        end = surname.end()
        while end < min(len(text), surname.end() + 2) and not _BOUNDARY.match(text, end):
            end += 1
        if end > surname.end():
            yield label.end(), end
