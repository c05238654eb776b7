# ruff: noqa: E501 - a pattern is easier to check on one line
"""Text that speaks to the assistant instead of the reader (prompt injection), in English and Chinese.

A pattern has a weight. Weights of one place (a window of text) add up, and a place that reaches 1 is flagged. A text
about such attacks quotes them: a quoted phrase in a sentence that speaks of attacks or examples weighs little.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_WINDOW = 320
PART = 500_000
_PRIOR = r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|system|your|all|any|these|those|other)"
_ORDERS = r"(?:instructions?|prompts?|directions?|guidelines|rules|commands|orders|programming|constraints|restrictions|safety (?:rules|guidelines))"
_DROP_EN = (
    r"(?:ignore|disregard|forget|override|bypass|do not follow|don't follow|stop following|pay no attention to|discard)"
)
_BOT = r"(?:chat\s?bot|assistant|ai(?: model| assistant| system)?|language model|llm|chatgpt|gpt-?\d?|claude|bot|model)"
_BOT_ZH = r"(?:AI|ai|人工智能|智能)?(?:助手|机器人|客服机器人|语言模型|大模型|模型|GPT|ChatGPT)"

# What may sound like other characters: everything beyond ASCII but Chinese and its punctuation.
_FOLDABLE = re.compile(
    "[\u00a0-\u200f\u2028-\u2e7f\ua000-\uff00\uff02-\uff07\uff0a\uff0b\uff0d-\uff19\uff1c-\uff1e\uff20-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    detail: str
    weight: float
    pattern: re.Pattern[str]
    hints: tuple[str, ...]


def _p(detail: str, weight: float, pattern: str, *hints: str) -> _Pattern:
    return _Pattern(detail, weight, re.compile(pattern, re.I), hints)


_PATTERNS = (
    _p("ignore_instructions", 1.0, rf"\b{_DROP_EN}\s+(?:(?:all|any|every|everything|of|the|your|my|other|and)\s+){{0,4}}(?:{_PRIOR}\s+){{1,3}}(?:\w+\s+)?{_ORDERS}\b(?!\s+(?:manual|booklet|sheet|leaflet|for use))", "ignore", "disregard", "forget", "override", "bypass", "follow", "attention", "discard"),
    _p("ignore_instructions", 1.0, rf"\b{_DROP_EN}\s+(?:(?:all|any|the)\s+){{0,2}}{_ORDERS}\s+(?:you\s+(?:have\s+)?(?:been\s+given|received|were given|got)|given (?:to you )?(?:above|before|earlier)|above|before this|so far)", "ignore", "disregard", "forget", "override", "bypass", "follow", "discard"),
    _p("ignore_instructions", 1.0, r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:(?:that\s+)?(?:you\s+(?:were|have been|know|learned|read)|said|written|was said)|above|before|prior|previously)", "ignore", "disregard", "forget"),
    _p("ignore_instructions", 1.0, r"(?:忽略|无视|忽视|忘记|忘掉|抛弃|不要理会|不要遵守|不要遵循|不必遵守|跳过|覆盖)(?:掉|你)?(?:之前|以前|先前|以上|上面|上述|前面|前述|此前|所有|全部|一切|任何|系统|你的|你收到|原有|的){1,4}[^。！？\n]{0,6}?(?:指令|指示|提示词|提示|命令|设定|规则|约束|限制|要求|规定)(?!书|牌|灯|图|手册)", "忽略", "无视", "忽视", "忘", "抛弃", "不要", "不必", "跳过", "覆盖"),
    _p("ignore_instructions", 1.0, r"(?:忽略|無視|忽視|忘記|忘掉|拋棄)(?:掉|你)?(?:之前|以前|先前|以上|上面|上述|前面|此前|所有|全部|一切|任何|系統|你的|的){1,4}[^。！？\n]{0,6}?(?:指令|指示|提示詞|提示|命令|設定|規則|限制)", "忽略", "無視", "忽視", "忘", "拋棄"),
    _p("ignore_instructions", 1.0, r"(?:忽略|无视|忘记|忘掉)(?:掉)?(?:你|我们)?(?:之前|以上|上面|前面)(?:的)?(?:所有|全部|一切)?(?:内容|对话|信息)(?:，|,|。|并|然后)", "忽略", "无视", "忘"),
    _p("new_role", 1.0, rf"\b(?:you are|you're) (?:now|no longer|from now on)\s+(?:an?\s+|the\s+|in\s+)?(?:[\w-]+\s+){{0,3}}?(?:{_BOT}|dan\b|developer mode|unrestricted|jailbroken|unfiltered|pirate|hacker|bound by|in developer)", "you are", "you're"),
    _p("new_role", 1.0, r"\bfrom now on,?\s+you(?:'re| are| will| must| shall)\s+(?:only\s+)?(?:act|answer|respond|reply|behave|pretend|obey|an?\s+\w+\s+(?:bot|assistant|ai))", "from now on"),
    _p("new_role", 0.6, r"\b(?:act as|pretend (?:to be|you are)|role-?play as|simulate being)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}(?:without (?:any )?(?:restrictions|filters|rules)|unrestricted|jailbr\w+|dan\b|admin(?:istrator)?\b|root\b|developer mode)", "act as", "pretend", "role", "simulate"),
    _p("new_role", 1.0, r"(?:从现在(?:开始|起)|现在起|接下来)[，, ]?(?:请)?你(?:就|将|只|必须|要|不再)?(?:是|扮演|充当|作为|变成|只能回答|必须回答|不再受|不受)[^。\n]{0,30}", "从现在", "现在起", "接下来"),
    _p("new_role", 1.0, rf"你(?:现在|如今|此刻)(?:是|扮演|变成|进入)[^。，\n]{{0,16}}(?:{_BOT_ZH}|DAN|黑客|开发者模式|不受[^。\n]{{0,6}}限制|没有[^。\n]{{0,6}}限制|越狱)", "你现在", "你如今", "你此刻"),
    _p("new_role", 1.0, r"(?:你不再受|你不受|你已不受)[^。\n]{0,10}(?:限制|约束|规则)", "不再受", "不受"),
    _p("system_prompt", 1.0, r"\b(?:reveal|show|print|repeat|output|display|leak|tell (?:me|us)|disclose|reproduce|summari[sz]e)\b[^.\n]{0,30}\b(?:your|the|its)\s+(?:system|hidden|initial|original|secret)\s+(?:prompts?|instructions?|messages?)", "prompt", "instruction", "message"),
    _p("system_prompt", 1.0, r"(?:输出|显示|打印|泄露|告诉我|复述|重复|公开|透露|说出)[^。\n]{0,12}(?:系统提示词?|系统指令|隐藏指令|初始指令|系统消息|初始提示)", "系统", "隐藏指令", "初始"),
    _p("system_prompt", 1.0, r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>|\[/?INST\]|<<SYS>>|<\s*/?\s*system\s*>", "<|", "inst]", "<<sys", "system"),
    _p("system_prompt", 1.0, r"(?:^|\n)\s*(?:#{1,4}\s*)?\[?(?:system|assistant)(?: (?:prompt|message|override|note))?\]?\s*[:：]\s*(?:you\b|ignore|disregard|new instructions?|override|from now|always|never|the assistant|你)", "system", "assistant"),
    _p("system_prompt", 1.0, r"(?:^|\n)\s*[【\[]?(?:系统(?:提示词?|指令|消息|命令)|最高优先级(?:指令|命令))[】\]]?\s*[:：]\s*(?:你|请|忽略|无视|从现在|立即|必须|不要)", "系统", "最高优先级"),
    _p("system_prompt", 0.6, r"\b(?:new|updated|real|actual|overriding|hidden|secret)\s+(?:system\s+)?(?:instructions?|prompt)\s*(?::|for (?:the )?(?:ai|assistant|model|bot|llm))", "instruction", "prompt"),
    _p("conceal", 1.0, r"\b(?:do not|don't|never|must not)\s+(?:tell|inform|reveal (?:this )?to|mention (?:this |it )?to|alert|let|notify)\s+(?:the\s+)?(?:user|human|customer|person|reader)s?\b[^.\n]{0,60}(?:instruction|prompt|this (?:message|text|note|document)|that you (?:are|were|have|received)|hidden|you were told)", "user", "human", "customer", "person", "reader"),
    _p("conceal", 0.5, r"\b(?:do not|don't|never)\s+(?:tell|inform|reveal (?:this )?to|mention (?:this |it )?to|alert)\s+(?:the\s+)?(?:user|human)s?\b", "user", "human"),
    _p("conceal", 1.0, r"(?:不要|不得|切勿|别|禁止)(?:告诉|告知|透露给|让|提醒)(?:用户|客户|顾客|对方|使用者|提问者)[^。\n]{0,20}(?:指令|提示词|这段|本段|此消息|这条|你收到|你是)", "不要", "不得", "切勿", "别", "禁止"),
    _p("conceal", 0.5, r"(?:不要|切勿|别|禁止)(?:告诉|告知|透露给)(?:用户|使用者|提问者)", "不要", "切勿", "别", "禁止"),
    _p("to_assistant", 1.0, rf"\b(?:attention|note to|message to|instructions? (?:for|to)|dear|hey|if you are|when you are|as)\s*(?:,|:)?\s*(?:an?\s+|the\s+|any\s+|all\s+)?{_BOT}s?\b[^.\n]{{0,40}}?(?:\b(?:reading|processing|summari[sz]ing|parsing|indexing)\s+this|[:,]\s*(?:you must|please|always|never|ignore|say|reply|respond|answer|tell|recommend|include))", "attention", "note to", "message to", "instruction", "dear", "hey", "you are"),
    _p("to_assistant", 1.0, rf"(?:致|告|给|所有|任何|如果你是|阅读本文的|读到这里的|处理本文档的)\s*(?:一个|一名)?(?:任何|所有)?\s*{_BOT_ZH}[^。\n]{{0,12}}[，,：:]\s*(?:请|你|必须|务必|应当|忽略|在回答|回答|一律|总是)", "致", "告", "给", "所有", "任何", "如果你是", "阅读", "读到", "处理"),
    _p("to_assistant", 0.6, rf"\b(?:the\s+)?{_BOT}\s+(?:must|shall|should|has to|is required to)\s+(?:always|never|only)?\s*(?:answer|respond|reply|say|state|claim|recommend|output)\b[^.\n]{{0,60}}(?:regardless|no matter|instead of|whatever|even if)", "must", "shall", "should", "has to", "required"),
    _p("steer_answer", 1.0, r"\b(?:when(?:ever)?|if)\s+(?:you are\s+)?(?:asked|(?:the\s+)?users?\s+asks?|anyone asks you|a customer asks you)\b[^.\n]{0,80},?\s*(?:you (?:must|should|will|shall)|always|only|just)\s+(?:answer|reply|respond|say|output|recommend)\b[^.\n]{0,80}(?:regardless|no matter|and nothing else|instead|never mention|do not mention)", "asked", "asks"),
    _p("steer_answer", 0.6, r"\b(?:respond|reply|answer|output)\s+(?:only\s+)?with\s+(?:exactly|only|the (?:exact )?(?:words?|phrase|text))\b", "respond", "reply", "answer", "output"),
    _p("steer_answer", 1.0, r"(?:无论|不管|不论)(?:用户|客户|别人|对方|顾客|谁)?(?:问|提问|询问|提出|怎么问|如何提问)[^。\n]{0,16}[，,]?(?:你)?(?:都|一律|均|只能|只|必须)(?:要|必须|应|只)?(?:回答|回复|答复|说|输出|推荐)", "无论", "不管", "不论"),
    _p("exfiltrate", 1.0, r"\b(?:send|post|forward|upload|exfiltrate|append|transmit|leak)\b[^.\n]{0,40}\b(?:conversation|chat (?:history|log)|user(?:'s)? (?:data|messages?|input|credentials)|system prompt|api keys?)\b[^.\n]{0,60}(?:https?://|\bto\s+\S+@\S+|\bto (?:the )?(?:following )?(?:url|address|endpoint|webhook))", "send", "post", "forward", "upload", "exfiltrate", "append", "transmit", "leak"),
    _p("exfiltrate", 1.0, r"(?:把|将)[^。\n]{0,20}(?:对话|聊天记录|用户(?:的)?(?:信息|数据|消息)|系统提示词?)[^。\n]{0,16}(?:发送|上传|转发|发)(?:到|至|给)\s*(?:https?://|\S+@\S+)", "发送", "上传", "转发", "发"),
    _p("jailbreak", 0.7, r"\b(?:jailbreak|DAN mode|developer mode enabled|do anything now|god mode)\b", "jailbreak", "dan mode", "developer mode", "do anything now", "god mode"),
)  # fmt: skip

_ABOUT = re.compile(
    r"\b(?:prompt[- ]injection|attack(?:er|s)?|injection|phishing|malicious|such as|for example|e\.g\.|example of|known as|called|phrases? like|"
    r"may (?:try|attempt|write|contain)|might (?:try|write|contain)|attempts? to|detect|report (?:it|them|any)|flag(?:s|ged)?|security training|try to make|tricks?)\b"
    r"|提示词?注入|攻击|例如|比如|诸如|譬如|之类|等语句|等字样|恶意|黑客|所谓|检测|识别|防范|上报|钓鱼|诱导", re.I
)  # fmt: skip
_QUOTES = re.compile(r"[\"“”‘'「」『』《》`]")


def find_instructions(text: str) -> list[tuple[str, int, int]]:
    """Detail code, start and end of each place that speaks to the assistant, in order, places that touch joined."""
    return [(detail, base + start, base + end) for base, part in parts(text) for detail, start, end in _find(part)]


def parts(text: str) -> Iterator[tuple[int, str]]:
    """Long texts in parts of about PART characters that end at line breaks, with their offsets: bounds the memory."""
    start = 0
    while len(text) - start > 2 * PART:
        line = text.find("\n", start + PART, start + 2 * PART)
        end = start + PART if line < 0 else line + 1
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _find(text: str) -> list[tuple[str, int, int]]:
    folded, origin = _fold(text)
    lowered = folded.lower()
    hits: list[tuple[int, int, float, str]] = []
    for pattern in _PATTERNS:
        if not any(hint in lowered for hint in pattern.hints):
            continue
        for match in pattern.pattern.finditer(folded):
            weight = pattern.weight * (0.3 if _is_quoted(folded, *match.span()) else 1.0)
            hits.append((*match.span(), weight, pattern.detail))
    hits.sort()
    return [(detail, origin(start), origin(end - 1) + 1) for start, end, detail in _places(hits)]


def _places(hits: list[tuple[int, int, float, str]]) -> list[tuple[int, int, str]]:
    """Groups hits of one window; different details add up, the same detail counts once."""
    places: list[tuple[int, int, str]] = []
    group: list[tuple[int, int, float, str]] = []
    for hit in [*hits, None]:
        if group and (hit is None or hit[0] > group[-1][1] + _WINDOW):
            best: dict[str, float] = {}
            for _, _, weight, detail in group:
                best[detail] = max(best.get(detail, 0.0), weight)
            if sum(best.values()) >= 0.95:
                strongest = max(best, key=lambda detail: best[detail])
                places.append((group[0][0], max(end for _, end, _, _ in group), strongest))
            group = []
        if hit is not None:
            group.append(hit)
    return places


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Is the phrase an example in a text about such phrases: in quotation marks, in a sentence that says so?"""
    left = max(text.rfind("\n", 0, start), text.rfind("。", 0, start), text.rfind(". ", 0, start), start - 200) + 1
    stops = [stop for stop in (text.find(mark, end) for mark in ("\n", "。", ". ")) if stop >= 0]
    right = min([*stops, end + 200, len(text)])
    before, after = text[left:start], text[end:right]
    quoted = bool(_QUOTES.search(before)) and bool(_QUOTES.search(text[start:end] + after))
    return quoted and bool(_ABOUT.search(before) or _ABOUT.search(after))


def _fold(text: str) -> tuple[str, _Origin]:
    """Text as it sounds: full-width and look-alike letters folded, characters that draw nothing left out."""
    if not _FOLDABLE.search(text):
        return text, _Origin(None)
    chars: list[str] = []
    places: list[int] = []
    changed = False
    for index, char in enumerate(text):
        if char < "\u00a0" or "\u2e80" <= char <= "\u9fff" or "\u2010" <= char <= "\u2027":
            chars.append(char)
            places.append(index)
            continue
        if unicodedata.category(char) == "Cf":
            changed = True
            continue
        folded = unicodedata.normalize("NFKC", char) if char not in "，：；！？（）" else char
        changed = changed or folded != char
        chars.append(folded)
        places.extend([index] * len(folded))
    return ("".join(chars), _Origin(places)) if changed else (text, _Origin(None))


class _Origin:
    """Place in the folded text to place in the text."""

    def __init__(self, places: list[int] | None) -> None:
        self._places = places

    def __call__(self, index: int) -> int:
        return index if self._places is None else self._places[index]
