"""What a message in a conversation means: small talk, a wish for a person, or a question, completed from earlier ones.

No language model: a follow-up is recognised by what it lacks, and completed with words of the customer's own earlier
questions. What the assistant said is never used, so a wrong claim by anybody cannot find its way into a search.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.assistant.followup import complete, corrects
from core.assistant.handoff import Turn
from core.text.language import detect_language
from core.text.words import simplify

Said = Literal["greeting", "thanks", "goodbye", "ask_person", "question"]

_GREETING = (
    r"hi+|hello+|hey+|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|how are you(?: doing)?(?: today)?"
    r"|(?:is )?(?:anybody|anyone) (?:there|here)|nice to meet you"
    r"|你好呀?|您好|哈[喽啰]|嗨|早上好|上午好|中午好|下午好|晚上好|早安|大家好|在吗|在不在|有人吗|你们好|亲爱?的?"
)
_THANKS = (
    r"(?:many |ok(?:ay)? )?thank(?:s| you|you)?(?: (?:a lot|so much|very much|again|once more"
    r"|a million|a bunch|for (?:your|the|all(?: your| the)?) (?:help|info(?:rmation)?|answer"
    r"|support))){0,2}"
    r"|thx|ty|cheers|much appreciated|i appreciate it|that(?:'s| is| was)? (?:very "
    r"|really )?(?:helpful|great|perfect|good|clear|all clear)|that helps(?: a lot)?"
    r"|no,? thanks?(?: you)?|great|perfect|awesome|cool|got it|i see|understood|ok(?:ay)?|alright"
    r"|all right|nice|good|fine|yes|yep|no|nope|wonderful|excellent"
    r"|(?:非常|太|十分|多)?感?谢谢?(?:你们?|您|啦|了|哈|大家)*(?:的?(?:帮助|帮忙|解答|回复|回答"
    r"|支持))?|多谢(?:啦|了)?|感谢(?:你|您|回复|解答|帮助)*|辛苦了?|麻烦(?:你|您)了"
    r"|好的?(?:吧|呀|哒|嘞)?|行|可以了?|明白了?|知道了|懂了|了解了?|收到|没问题|嗯+|哦+|噢|不用了"
    r"|没事了?|太好了|不错|ok"
)
_GOODBYE = (
    r"(?:good ?)?bye+(?: bye)?|goodbye|see (?:you|ya)(?: later| soon| around)?|have a (?:nice|good"
    r"|great) (?:day|one|evening|weekend)"
    r"|take care|good night|that(?:'s| is| will be) all(?: for (?:now|today))?|(?:i have )?no (?:more"
    r"|other|further) questions"
    r"|再见|拜拜|拜|回头见|下次见|晚安|没有?(?:其他|别的)?问题了|没别的了|先这样|就这样吧?|祝你?您?(?:生活|工作)?愉快"
)
_FILLER = (
    r"there|team|everyone|all|sir|madam|bot|assistant|please|pilotlight|so|then|well|and|again|客服"
    r"|小助手|机器人|啊|呀|哈|哦|了|呢|吧|的|就|那|先|请问|请教一下"
)
_SAYINGS: tuple[tuple[Said, re.Pattern[str]], ...] = (
    ("greeting", re.compile(rf"(?:{_GREETING})(?![a-z0-9'’])", re.IGNORECASE)),
    ("goodbye", re.compile(rf"(?:{_GOODBYE})(?![a-z0-9'’])", re.IGNORECASE)),
    ("thanks", re.compile(rf"(?:{_THANKS})(?![a-z0-9'’])", re.IGNORECASE)),
)
_FILLERS = re.compile(rf"(?:{_FILLER})(?![a-z0-9'’])", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s\W_]+")

_PERSON_EN = (
    r"(?:(?:real|live|actual|human|customer|support|service|sales) )*(?:human(?: being)?|person|people"
    r"|agent|representative|rep|operator|someone|somebody|staff(?: member)?|colleague|customer service"
    r"|(?:sales |support )?team(?: member)?)"
)
_WANTS_PERSON = (
    re.compile(
        rf"\b(?:talk|speak|chat|connect(?: me)?|transfer(?: me)?|put me through|hand me over|get me|give me|escalate)\b"
        rf"(?: (?:to|with|over to))?(?: (?:an?|the|some|your|one of your))? {_PERSON_EN}\b"
    ),
    re.compile(
        rf"\b(?:i (?:want|need|would like|'d like|wanna|prefer|demand)|i'd (?:like|rather"
        rf"|prefer))(?: to (?:have|see|get|reach|contact|message))? (?:an?|some|the"
        rf"|your) {_PERSON_EN}\b(?! (?:seat|account|license|role|named|who|that|to (?!talk|speak|chat|help"
        rf"|call|assist|contact)))"
    ),
    re.compile(
        r"^(?:an? )?(?:real |live |human )*(?:human|agent|operator|representative|real person|live agent"
        r"|human agent|live chat|human support|person|customer service|customer support)(?: please| now)*$"
    ),
    re.compile(
        r"\b(?:don't|do not|stop) (?:want to |wanna )?(?:talk|talking|speak|speaking|chat|chatting) (?:to"
        r"|with) (?:a |this |the )?(?:bot|robot|machine|computer|ai)\b"
    ),
    re.compile(
        rf"\b(?:is there|are there|can i (?:have|get|reach)) (?:an?|any|some) {_PERSON_EN} (?:i can (?:talk"
        rf"|speak|chat) (?:to|with)|available|to (?:talk|speak) (?:to|with))"
    ),
    re.compile(r"转(?:接)?(?:到)?(?:一下)?(?:给)?(?:人工|真人|客服)|转个?人工"),
    re.compile(
        r"(?:找|要|接|换|叫|联系|需要|呼叫|请)(?:一下|一个|个|你们?的?|你们)*(?:人工|真人|活人)(?!智能"
        r"|审核|费|成本|标注|翻译|处理|操作|录入|复核|干预)"
    ),
    re.compile(r"有(?:没有)?(?:真人|人工(?:客服|服务)?)(?:吗|么|可以|能)?$|^(?:在线)?客服$"),
    re.compile(r"^(?:人工|真人)(?:客服|服务|坐席)?(?:呢|在吗|在不在|谢谢|吧|啊|!|！)*$"),
    re.compile(
        r"(?:找|叫|让|换|联系|接)(?:一下|一个|个|你们?的?|你们)*(?:客服(?:人员|代表)?|工作人员)(?:来|跟|和"
        r"|帮|处理|说|聊|$)"
    ),
    re.compile(
        r"(?:跟|和|与|同)(?:一个|个|你们的?)?(?:人工|真人|活人|客服人员|工作人员|人)(?:客服)?(?:说话|聊"
        r"|沟通|谈|对话|讲)|找个?人(?:跟|和|与)我?(?:说|聊|谈|沟通)"
    ),
    re.compile(r"(?:不想|不要|别)(?:再)?(?:跟|和|与)(?:你这个?)?(?:机器人?|ai)(?:说|聊|讲|对话|沟通)"),
)
_NO_PERSON = re.compile(
    r"\b(?:don't|do not|didn't|no need|needn't|not) (?:want |need |have )*(?:to )?(?:talk|speak|chat"
    r"|an?|any)? ?(?:to |with )?(?:an? )?(?:human|agent|person)"
    r"|how many|how much|what (?:is|are|does|do|can)\b|can (?:an?|my|our) |\bif (?:i|we) (?:want|need)"
    r"|(?:不用|不要|不需要|无需|不必|别)(?:再)?(?:转|找|要|接)?(?:人工|真人|客服)|人工(?:客服"
    r"|服务)?(?:几点|什么时候|多少|工作时间|上班|收费|是什么|的(?:工作|服务)?时间|电话)"
)

_DOUBT = re.compile(
    r"^(?:no|nope|wrong|incorrect|really|are you (?:sure|certain|serious)|i (?:thought|heard|read"
    r"|believe|think|was told|am sure|'m sure)"
    r"|but (?:i (?:thought|heard|read|was told)|(?:your|the) (?:website|site|page|app|agent|colleague"
    r"|support|email|manual) (?:says|said|told|states|shows))|that(?:'s| is) (?:wrong|not (?:right"
    r"|true|correct|what))|you(?:'re| are) wrong|isn't it|it should be)\b"
    r"|^(?:不对|不是|错了|你错了|你搞错|说错|不可能|真的吗?|确定吗?|你确定|是吗|我记得|我听说|我看到"
    r"|我以为|我觉得|应该是|明明|胡说|怎么会)"
)
_ASKS_ANEW = re.compile(
    r"\b(?:what|when|where|who|why|which|how (?:much|many|long|do|can|often|to))\b|\bcan i\b"
    r"|\bdo you\b|什么|怎么(?!会)|如何|哪|多少|几[个天年月]|多久|为什么|谁|能不能|可不可以|可以.{2,}吗"
)


@dataclass(frozen=True, slots=True)
class Understood:
    """``query`` is what is searched for a question ("" for all other kinds); ``completed``: words of earlier questions
    are in it. ``doubts``: the customer doubts the last answer, whose question is then asked again."""

    kind: Said
    query: str
    completed: bool = False
    doubts: bool = False


def understand(question: str, history: Sequence[Turn]) -> Understood:
    """What ``question`` means after ``history`` (oldest first, without the question itself)."""
    before = ""
    for turn in history:
        if turn.speaker == "customer":
            earlier = _understand(turn.text, before)
            before = earlier.query or before
    return _understand(question, before)


def _understand(text: str, before: str) -> Understood:
    said, rest = _without_smalltalk(text)
    if said is not None and not rest:
        return Understood(said, "")
    if wants_person(rest):
        return Understood("ask_person", "")
    question = text.strip() if corrects(text) else rest or text.strip()
    if before and _doubts(text) and not corrects(text):
        return Understood("question", before, completed=True, doubts=True)
    query = complete(question, before) if before else question
    return Understood("question", query, completed=query != question)


def wants_person(text: str) -> bool:
    """Does the customer ask to speak with a person (not: about agents, people or human review)."""
    folded = _plain(text)
    if _NO_PERSON.search(folded):
        return False
    return any(pattern.search(folded) for pattern in _WANTS_PERSON)


def _doubts(text: str) -> bool:
    folded = _plain(text)
    return _DOUBT.search(folded) is not None and _ASKS_ANEW.search(_DOUBT.sub("", folded)) is None


def _plain(text: str) -> str:
    folded = simplify(text).replace("’", "'").strip()
    return (
        re.sub(r"[\s,.!?;:，。！？；：~～、]+", " ", folded).strip()
        if detect_language(text) == "en"
        else re.sub(r"[\s,.!?;:，。！？；：~～、]+", "", folded)
    )


def _without_smalltalk(text: str) -> tuple[Said | None, str]:
    """What small talk the message begins with (the last kind said, goodbye before thanks), and what is left of it."""
    position, said = 0, None
    kinds: list[Said] = []
    while position < len(text):
        gap = _BETWEEN.match(text, position)
        if gap:
            position = gap.end()
            continue
        hit = next(((kind, m) for kind, p in _SAYINGS if (m := p.match(text, position)) and m.end() > position), None)
        if hit is not None and _stands_alone(text, hit[1].end()):
            kinds.append(hit[0])
            position = hit[1].end()
            continue
        filler = _FILLERS.match(text, position) if kinds else None
        if filler is None or filler.end() == position or not _stands_alone(text, filler.end()):
            break
        position = filler.end()
    if kinds:
        said = next((kind for kind in ("goodbye", "thanks", "greeting") if kind in kinds), None)
    rest = text[position:].strip()
    return said, rest if _BETWEEN.sub("", rest) else ""


def _stands_alone(text: str, end: int) -> bool:
    """Is what ends here a saying by itself: followed by punctuation, space, the end, or more small talk."""
    if end >= len(text) or _BETWEEN.match(text, end):
        return True
    if text[end].isascii():
        return False
    after = [pattern.match(text, end) for _, pattern in _SAYINGS] + [_FILLERS.match(text, end)]
    return any(m is not None and m.end() > end for m in after) or bool(re.match(r"你好|您好|哈喽|嗨", text[:end][-2:]))


__all__ = ["Said", "Turn", "Understood", "understand", "wants_person"]
