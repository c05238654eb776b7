"""Completing a follow-up question from the one before it, by replacing or adding words. No language model.

Four shapes are completed: a bare fragment ("and for students?", "那退货呢？"), a pronoun ("how long does it take?",
"它多少钱？"), a bare predicate ("多久能到？"), and nothing else: a question that stands by itself stays as it is.
"""

from __future__ import annotations

import re

from core.text.language import detect_language, has_han
from core.text.words import STOP_EN, search_words, simplify

_LEAD_EN = re.compile(
    r"^(?:(?:and|but|so|ok|okay|or|also|then|well)\b[\s,]*)*(?:(?:what|how) about|what if (?:it(?:'s"
    r"| is)|i(?:'m| am)|we(?:'re| are))|same (?:question )?for)?\s*",
    re.IGNORECASE,
)
_MARKED_EN = re.compile(
    r"^(?:and|or|also|but|so|then|what about|how about|what if|same for|only|even)\b", re.IGNORECASE
)
_VERB_EN = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|may|will|would|should|has|have|had|how (?:long|much"
    r"|many|do|can|often|far)|who|when|where|why|which|what)\b",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"^(for|in|to|from|with|on|at|without|under|after|before|by|as)\s+(.+)$", re.IGNORECASE)
_PRONOUN_EN = re.compile(
    r"\b(?:it|its|they|them|their|that one|this one|those|these|that(?! (?:i|we|you|the|is|are|was|a"
    r"|an|can|do)\b)|the same|one)\b",
    re.IGNORECASE,
)
_DUMMY_IT = re.compile(
    r"\bit\b(?= (?:possible|ok|okay|allowed|safe|legal|necessary|free|true|mandatory|compatible)\b)"
    r"|\b(?:is|was|does|will|would|can|could) it\b(?=.*\bto [a-z]+ \w+)|\bthere\b|\bone of\b",
    re.IGNORECASE,
)
_ASKING_EN = re.compile(
    r"^(?:(?:please|could you|can you|would you|tell me|i(?:'d| would) like to know|do you know"
    r"|i want to know|let me know)\b[\s,]*)*"
    r"(?:how (?:long|much|many|often|far|do|does|can|could|to|is|are)|what(?:'s| is| are| does| do"
    r"| happens)?|when|where|who|why|which|is|are|do|does|did|can|could|may|will|would|should)?"
    r"(?:\s+(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|if|you|we|i|there))*\s+",
    re.IGNORECASE,
)
_TAIL_EN = re.compile(
    r"\s+(?:cost|costs|take|takes|last|lasts|work|works|mean|means|include|includes|happen|happens|happened)$",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w+-]*(?:\s+[A-Z][\w+-]*)*")

_LEAD_ZH = re.compile(
    r"^(?:那么?|然后|还有|另外|而且|如果是|要是|换成|换做|至于|关于|对了|哦|嗯|好的|请问|我想问|想问下?|[,，\s])+"
)
_TAIL_ZH = re.compile(r"(?:的话)?(?:又)?(?:怎么样|怎样|怎么办|如何|呢|吗|么|啊|呀|嘛|[?？。!！\s])+$")
_FRAGMENT_ZH = re.compile(r"呢[?？。!！\s]*$|的话[?？。!！\s]*$|^(?:那么?|还有|换成|换做|如果是|要是)")
_PRONOUN_ZH = re.compile(
    r"它们?|他们|她们|这(?:个|种|些|项|款|样)?(?![里儿边时周月年天次])|那(?:个|种|些|项|款)(?!月|时候)"
    r"|其(?![他它余中实])|该(?=[一-鿿])(?!怎|如何|不该)|上述|前者|后者"
)
_ASK_ZH = re.compile(
    r"请问|我想知道|想了解|麻烦问|问一下|怎么(?:才能|样)?|如何|怎样|多少(?:钱|人|天|个月|个|元|次|年"
    r"|种)?|多久|多长时间|几(?:天|个工作日|个月|年|个|点|次|种|位|人)|什么时候|何时|为什么|什么|哪里"
    r"|哪儿|哪些|哪个|谁|是否|能不能|可不可以"
    r"|可以|(?<![功性智职只本技])能|需要|需|要(?!求)|应该|吗|呢|吧|了|会|有没有|有|是|你们|您们?|我们?"
    r"|你|的|[?？。!！,，\s]"
)
_PREDICATE_ZH = re.compile(
    r"^(?:大概|一般|通常|最多|最少|最快|总共|一共|具体|每年|每月|每次|还|又|都|就)*(?:需要|要|得|是|有"
    r"|能|可以|会|应该)*(?:多久|多长时间|多少钱?|几(?:天|个工作日|个月|年|个|次|种|位|点)|什么时候"
    r"|何时|怎么|如何|怎样|哪里|哪些|谁|为什么|什么)"
)
# "No, I meant the Pro plan": not a doubt about the answer but another question.
MEANT_EN = re.compile(
    r"^(?:(?:no|nope|sorry|not that|wrong)\b[\s,.]*)*i (?:mean|meant|was asking about|am asking about"
    r"|'m asking about|asked about)\b[\s,:]*",
    re.IGNORECASE,
)
_MEANT_ZH = re.compile(r"^(?:不是|不对|错了|抱歉|不好意思|[,，。\s])*我(?:问|说|指|想问|要问)的?是")


def complete(question: str, before: str) -> str:
    """``question`` with what it leaves out taken from ``before`` (the previous, completed question)."""
    if detect_language(question) == "zh" or (has_han(question) and has_han(before)):
        return _complete_zh(question, before)
    return _complete_en(question, before)


def _complete_en(question: str, before: str) -> str:
    corrected = MEANT_EN.sub("what about ", question, count=1)
    question = MEANT_EN.sub("", question, count=1) if _VERB_EN.search(MEANT_EN.sub("", question)) else corrected
    fragment = _LEAD_EN.sub("", question).strip(" ?!.。？")
    if not fragment:
        return before
    marked = _MARKED_EN.match(question.strip()) is not None
    own = [word for word in search_words(fragment) if not word.isdigit()]
    if not _VERB_EN.search(fragment) and (marked or len(own) <= 3) and (marked or not _is_sentence(question)):
        return _replace_en(fragment, before)
    if _PRONOUN_EN.search(fragment) and not _DUMMY_IT.search(fragment):
        topic = topic_en(before)
        return _PRONOUN_EN.sub(lambda _: topic, fragment, count=1) + "?" if topic else question
    if not own or (len(own) == 1 and len(fragment.split()) <= 4 and _VERB_EN.match(fragment)):
        return f"{fragment} {topic_en(before)}?"
    return question


def _is_sentence(question: str) -> bool:
    return len(question.split()) > 6


def _replace_en(fragment: str, before: str) -> str:
    """The previous question about ``fragment`` instead of what it was about."""
    base = before.strip(" ?!.。？")
    preposition = _PREPOSITION.match(fragment)
    what = preposition.group(2) if preposition else fragment
    if preposition:
        same = re.search(
            rf"\b{preposition.group(1).lower()}\s+(?:(?:the|a|an|my|our)\s+)?[\w'-]+(?:\s+[A-Z][\w-]*)*", base
        )
        if same:
            return f"{base[: same.start()]}{preposition.group(1)} {what}{base[same.end() :]}?"
    names = [m for m in _NAME.finditer(base) if m.start() > 0]
    bare = re.sub(r"^(?:the|a|an|my|our|your)\s+", "", what, flags=re.IGNORECASE)
    swapped = _swap_word(bare, base)
    if swapped:
        return swapped + "?"
    if names and bare[:1].isupper():
        last = names[-1]
        return f"{base[: last.start()]}{bare}{base[last.end() :]}?"
    return f"{base} {fragment}?"


def _swap_word(new: str, base: str) -> str:
    """Replaces the phrase that shares its last word with ``new`` ("Team plan" by "annual plan"), else ""."""
    head = new.split()[-1]
    if head.lower() in STOP_EN or len(new.split()) < 2:
        return ""
    same = re.search(rf"\b(?:[\w-]+\s+){{0,1}}{re.escape(head)}\b", base, re.IGNORECASE)
    if not same:
        return ""
    old = same.group().split()
    keep = old[0] + " " if len(old) > 1 and old[0].lower() in STOP_EN else ""
    return f"{base[: same.start()]}{keep}{new}{base[same.end() :]}"


def topic_en(question: str) -> str:
    """What a question is about, without the words that ask: "How much is the Team plan?" gives "the Team plan"."""
    text = question.strip(" ?!.。？")
    bare = _TAIL_EN.sub("", _ASKING_EN.sub("", text + " ", count=1).strip())
    bare = re.sub(r"^(?:in|of|for|with|about|to|get|have)\s+", "", bare)
    return bare if search_words(bare) else text


def _complete_zh(question: str, before: str) -> str:
    text = question.strip()
    corrected = _MEANT_ZH.sub("", text)
    fragment = _TAIL_ZH.sub("", _LEAD_ZH.sub("", corrected)).strip()
    if corrected != text and not _asks(corrected) and fragment:
        return _replace_zh(fragment, before)
    text = corrected
    if not fragment:
        return before
    asks = _ASK_ZH.search(fragment.replace("的", "")) is not None and _asks(fragment)
    pronoun = _PRONOUN_ZH.search(fragment)
    if _FRAGMENT_ZH.search(text) and not asks and not pronoun:
        return _replace_zh(fragment, before)
    if pronoun:
        topic = topic_zh(before)
        asked = _LEAD_ZH.sub("", text).rstrip("?？。 ")
        return _PRONOUN_ZH.sub(lambda _: topic, asked, count=1) + "？" if topic else question
    if _PREDICATE_ZH.match(fragment) and len(_ASK_ZH.sub("", fragment)) <= 3:
        return topic_zh(before) + fragment + "？"
    if not asks and len(fragment) <= 6 and not _asks(text):
        return _replace_zh(fragment, before)
    return text


def _asks(text: str) -> bool:
    return (
        re.search(
            (
                r"怎么|如何|怎样|多少|多久|多长|几[天个年月次种位点]|什么|何时|哪|谁|是否|能不能|可不可以|吗"
                r"|可以.+|能.{2,}"
            ),
            text,
        )
        is not None
    )


def _replace_zh(fragment: str, before: str) -> str:
    """The previous question about ``fragment``: replaces a word with the same end or beginning, else adds it."""
    base = before.strip().rstrip("?？。!！")
    new = re.sub(r"^(?:对于?|给|用|在|从|向|到)", "", fragment) if len(fragment) > 2 else fragment
    words = [word for word in _words_zh(base) if word not in new]
    words += [piece[: piece.index(new[-1]) + 1] for piece in _ASK_ZH.split(base) if piece and new[-1] in piece]
    tail = [w for w in words if 1 < len(w) < 6 and w[-1] == new[-1] and simplify(w) != simplify(new)]
    head = [w for w in words if len(w) > 1 and w[0] == new[0] and len(w) == len(new)]
    if tail or head:
        return base.replace((tail or head)[0], new, 1) + "？"
    latin = re.findall(r"[A-Za-z][A-Za-z0-9+-]*", base)
    if latin and re.fullmatch(r"[A-Za-z][A-Za-z0-9 +-]*", new):
        return base.replace(latin[0], new, 1) + "？"
    return f"{new}，{base}？"


def _words_zh(text: str) -> list[str]:
    """Words of a question that name things, shortest first."""
    pieces = [piece for piece in _ASK_ZH.split(text) if piece]
    words = [word for piece in pieces for word in search_words(piece, stop=False) if word in text]
    return sorted(dict.fromkeys([*pieces, *words]), key=len)


def topic_zh(question: str) -> str:
    """What a question is about: "团队版多少钱？" gives "团队版"."""
    bare = _ASK_ZH.sub("", question.strip())
    return re.sub(r"(?<=..)(?:支持|包含|包括|提供)$", "", bare) or question.strip().rstrip("?？")


def corrects(text: str) -> bool:
    """Does the customer say what was meant ("no, I meant ...", "我问的是……")."""
    return bool(MEANT_EN.match(text.strip()) or _MEANT_ZH.match(text.strip()))
