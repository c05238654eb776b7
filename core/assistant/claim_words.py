"""Words that decide whether a sentence says what its source says: negations, opposites, limits, empty words.

Everything is matched on text folded by ``core.text.words.simplify`` (lower case, Simplified).
"""

from __future__ import annotations

import re

# Words with 不, 无, 没, 非, 未 in them that deny nothing.
_NO_DENIAL = re.compile(
    r"不仅|不但|不论|不管|不同|不过|不断|不久|不少于|不低于|不高于|不超过|不大于|不小于|不多于|不足|不到|不必说|无论|无线|无忧"
    r"|非常|未来|否则|不错|是否|能不能|可不可以|除非|莫过于"
    r"|no (?:more|less|fewer|later|longer|earlier) than|not (?:more|less|later) than|not only\b|not exceed\w*"
)
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nor|neither|nothing|nobody|cannot|unable|without|refuses?|denied|declined?)\b|n't\b|\bnon-?(?=[a-z])"
    r"|\b(?:prohibit|forbid|forbidden|ban|disallow)\w*"
    r"|没有|没|不|无|未|非|勿|禁止|严禁|拒绝|谢绝|杜绝|免(?=收|付|除)"
)

# Groups of words that exclude each other: a claim that uses one where its source uses another says something else.
_OPPOSITES: tuple[tuple[str, ...], ...] = (
    (r"\bbefore\b|\bprior to\b|之前|以前|前(?=取消|退|申请|提交)", r"\bafter\b|之后|以后|后(?=取消|退|申请|提交)"),
    (
        r"\bmore\b|\bover\b|\babove\b|超过|高于|大于|以上",
        r"\bless\b|\bfewer\b|\bunder\b|\bbelow\b|低于|小于|少于|不足|以下",
    ),
    (
        r"\bat least\b|\bminimum\b|至少|最少|最低|不少于|不低于",
        r"\bat most\b|\bmaximum\b|\bup to\b|最多|最高|最长|至多|不超过",
    ),
    (
        r"\bincreas\w+|\brais\w+|\brises?\b|增加|上调|提高|涨",
        r"\bdecreas\w+|\breduc\w+|\blower\w*|\bdrops?\b|减少|下调|降低|降(?!级)",
    ),
    (r"\bopen\w*|开放|营业", r"\bclos\w+|关闭|停业|休息"),
    (r"\binclud\w+|包含|包括|含(?!义)|涵盖", r"\bexclud\w+|排除|不含|不包含|不包括|不涵盖"),
    (r"\balways\b|始终|总是", r"\bnever\b|\bsometimes\b|从不|永不|有时"),
    (r"\bfree\b|免费|免运费", r"\bpaid\b|\bchargeable\b|收费|付费"),
    (r"\brequired\b|\bmandatory\b|\bmust\b|必须|必需|强制|必填", r"\boptional\b|\bvoluntary\b|可选|选填|自愿"),
    (r"\bmonthly\b|月度|按月|包月", r"\bannual(?:ly)?\b|\byearly\b|年度|按年|包年"),
    (r"\bonline\b|线上|在线", r"\boffline\b|\bin store\b|线下|门店"),
    (r"\bdomestic\b|国内|境内", r"\binternational\b|\boverseas\b|国际|境外|海外"),
    (r"\bbuyers?\b|买家|买方", r"\bsellers?\b|卖家|卖方|商家"),
    (r"\bmanual(?:ly)?\b|手动|人工", r"\bautomatic(?:ally)?\b|自动"),
    (r"\benabl\w+|\bturn(?:ed)? on\b|启用|开启|打开", r"\bdisabl\w+|\bturn(?:ed)? off\b|停用|禁用|关闭"),
    (r"\baccept\w*|接受|受理", r"\breject\w*|\brefus\w+|拒绝|不接受"),
    (r"\binside\b|以内|之内", r"\boutside\b|以外|之外"),
    (r"\bupgrad\w+|升级", r"\bdowngrad\w+|降级"),
    (r"\bfirst\b|首次|第一", r"\blast\b|末次|最后"),
    (r"\bearl(?:y|ier)\b|提前|提早", r"\blate(?:r|ly)?\b|延后|推迟|逾期"),
    (r"\bunused\b|\bunopened\b|\bnew\b|未使用|未拆封|全新", r"(?<!un)\bused\b|\bopened\b|已使用|已拆封|二手"),
)
OPPOSITES = tuple(tuple(re.compile(side) for side in pair) for pair in _OPPOSITES)
UNIVERSAL = re.compile(
    r"\b(?:all|every|any|each|always|every(?:one|thing|body)|any(?:one|thing|time))\b"
    r"|所有|全部|一律|任何|全场|随时"
)
ONLY = re.compile(r"\b(?:only|solely|exclusively|just)\b|仅|只(?!需|要)|唯一")
DUTY = re.compile(
    r"\b(?:must|mandatory|obliged|obligatory|have to|has to|required?|requires)\b"
    r"|必须|务必|必需|强制|须"
)
EXCEPTION = re.compile(r"\b(?:unless|except(?:ing|ion)?|excluding|other than|apart from)\b|除非|除外|除了|例外")
CONDITION = re.compile(r"\b(?:if|provided|as long as)\b|如果|若(?!干)|倘若|前提|只要|的话")
PASSIVE = re.compile(r"\bby\b|\b(?:is|are|was|were|be|been|being)\b|被|由")
QUESTION = re.compile(r"[?？]\s*[\"'”’）)]*\s*$")
POINTS = re.compile(r"\b(?:it|them|this|that|these|those)\W*$|(?:它|它们|这个|那个)\W*$")
PRONOUN = re.compile(r"^\W*(?:it|they|this|these|that|those|he|she|both)\b|^\W*(?:它|其|该|此|这|两者)")

# What these words add no source has to state. Stems as ``search_words`` gives them.
_BENIGN_EN = """
pleas get got receiv offer provid avail also howev therefor accord passag within up least most minimum maximum max min
over about around onli just simpli through via per between cost price each everi regard them one than take
need customer client user person peopl us ours yourself upon onc then until by must may might would possibl abl use all
ani alway
"""
_BENIGN_ZH = """
即可 可 即 将 会 能够 享 享受 可享 进行 提供 支持 需要 需 时 期 期限 内 后 前 中 起 为 并 且 其中 相关 根据 按照 客户
用户 顾客 您好 以 被 由 所 至 则 还 均 各 有 无需 最多 最少 至少 超过 不 不是 不会 不能 不可 不可以 无 没 未 非 次 位 名
个 人 款 满 到 在 通过 绝 都 该 本 必须 务必 须 当 共 约 大约 左右 就 随时 情况 处 所有 全部 一律 任何 全场
"""
BENIGN = frozenset(_BENIGN_EN.split()) | frozenset(_BENIGN_ZH.split())
_NEGATIONS = "never none without cannot unabl nor neither can't don't doesn't isn't aren't won't"
NEGATION_STEMS = frozenset(_NEGATIONS.split())

# Pairs that may stand for each other; both directions. Stems again.
_SAME: tuple[tuple[str, ...], ...] = (
    ("buy", "purchas", "order"),
    ("begin", "start", "commenc"),
    ("send", "sent", "deliv", "dispatch", "ship"),
    ("fee", "charg", "cost", "price"),
    ("keep", "kept", "store", "retain", "held"),
    ("delet", "remov", "eras"),
    ("help", "support", "assist"),
    ("cancel", "termin"),
    ("item", "product", "good"),
    ("email", "e-mail", "mail"),
    ("return", "send back"),
    ("show", "display"),
    ("sign", "log"),
    ("make", "creat"),
    ("month", "monthly"),
    ("year", "annual", "yearli"),
    ("sell", "sold"),
    ("pay", "paid"),
    ("give", "given", "gave"),
    ("take", "taken", "took"),
    ("make", "made"),
    ("hold", "held"),
    ("find", "found"),
    ("lose", "lost"),
    ("write", "written", "wrote"),
    ("choos", "chosen", "chose"),
    ("购买", "买", "选购"),
    ("退款", "退钱", "返还"),
    ("费用", "手续费", "费"),
    ("商品", "产品", "货品"),
    ("成立", "设立", "创办"),
    ("发送", "寄送", "发出"),
    ("配送", "送货", "发货", "送达"),
    ("到账", "到帐", "入账"),
    ("电子邮件", "邮件", "邮箱"),
    ("工作", "服务", "上班"),
    ("删除", "清除"),
    ("存储", "保存", "存放"),
    ("享受", "享有", "可享"),
)


def same_words() -> dict[str, frozenset[str]]:
    """word -> the words that may stand for it."""
    table: dict[str, set[str]] = {}
    for group in _SAME:
        for word in group:
            table.setdefault(word, set()).update(w for w in group if w != word)
    return {word: frozenset(others) for word, others in table.items()}


SAME = same_words()


def denials(text: str) -> int:
    """How many times folded ``text`` denies something."""
    return len(_DENIAL.findall(_NO_DENIAL.sub(" ", text)))


def opposed(claim: str, source: str) -> str:
    """The word of ``claim`` whose opposite (and not itself) stands in ``source``; empty when there is none."""
    for one, other in OPPOSITES:
        for mine, theirs in ((one, other), (other, one)):
            found = mine.search(claim)
            if found and not theirs.search(claim) and theirs.search(source) and not mine.search(source):
                return found.group()
    return ""
