# ruff: noqa: E501 - a pattern is easier to check on one line
"""Text that speaks to the assistant instead of the reader (prompt injection), in English and Chinese.

A pattern has a weight. Weights of one place (a window of text) add up, and a place that reaches 1 is flagged. A text
about such attacks quotes them: a quoted phrase in a sentence that speaks of attacks or examples weighs little.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from core.documents.screen_cues import CUES, pattern

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


_PATTERNS = (
    pattern("ignore_instructions", 1.0, rf"\b{_DROP_EN}\s+(?:(?:all|any|every|everything|of|the|your|my|other|and)\s+){{0,4}}(?:{_PRIOR}\s+){{1,3}}(?:\w+\s+)?{_ORDERS}\b(?!\s+(?:manual|booklet|sheet|leaflet|for use))", "ignore", "disregard", "forget", "override", "bypass", "follow", "attention", "discard"),
    pattern("ignore_instructions", 1.0, rf"\b{_DROP_EN}\s+(?:(?:all|any|the)\s+){{0,2}}{_ORDERS}\s+(?:you\s+(?:have\s+)?(?:been\s+given|received|were given|got)|given (?:to you )?(?:above|before|earlier)|above|before this|so far)", "ignore", "disregard", "forget", "override", "bypass", "follow", "discard"),
    pattern("ignore_instructions", 1.0, r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:(?:that\s+)?(?:you\s+(?:were|have been|know|learned|read)|said|written|was said)|above|before|prior|previously)", "ignore", "disregard", "forget"),
    pattern("ignore_instructions", 1.0, r"(?:忽略|无视|忽视|忘记|忘掉|抛弃|不要理会|不要遵守|不要遵循|不必遵守|覆盖)(?:掉|你)?(?:之前|以前|先前|以上|上面|上述|前面|前述|此前|所有|全部|一切|任何|系统|你的|你收到|原有|的){1,4}[^。！？\n]{0,6}?(?:指令|指示|提示词|提示|命令|设定|规则|约束|限制|要求|规定)(?!书|牌|灯|图|手册)", "忽略", "无视", "忽视", "忘", "抛弃", "不要", "不必", "覆盖"),
    pattern("ignore_instructions", 1.0, r"(?:忽略|無視|忽視|忘記|忘掉|拋棄)(?:掉|你)?(?:之前|以前|先前|以上|上面|上述|前面|此前|所有|全部|一切|任何|系統|你的|的){1,4}[^。！？\n]{0,6}?(?:指令|指示|提示詞|提示|命令|設定|規則|限制)", "忽略", "無視", "忽視", "忘", "拋棄"),
    pattern("ignore_instructions", 1.0, r"(?:忽略|无视|忘记|忘掉)(?:掉)?(?:你|我们)?(?:之前|以上|上面|前面)(?:的)?(?:所有|全部|一切)?(?:内容|对话|信息)(?:，|,|。|并|然后)", "忽略", "无视", "忘"),
    pattern("new_role", 1.0, rf"\b(?:you are|you're) (?:now|no longer|from now on)\s+(?:an?\s+|the\s+|in\s+)?(?:[\w-]+\s+){{0,3}}?(?:{_BOT}|dan\b|developer mode|unrestricted|jailbroken|unfiltered|pirate|hacker|bound by|in developer)", "you are", "you're"),
    pattern("new_role", 1.0, r"\bfrom now on,?\s+you(?:'re| are| will| must| shall)\s+(?:only\s+)?(?:act|answer|respond|reply|behave|pretend|obey|an?\s+\w+\s+(?:bot|assistant|ai))", "from now on"),
    pattern("new_role", 0.6, r"\b(?:act as|pretend (?:to be|you are)|role-?play as|simulate being)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}(?:without (?:any )?(?:restrictions|filters|rules)|unrestricted|jailbr\w+|dan\b|admin(?:istrator)?\b|root\b|developer mode)", "act as", "pretend", "role", "simulate"),
    pattern("new_role", 1.0, r"(?:从现在(?:开始|起)|现在起|接下来)[，, ]?(?:请)?你(?:就|将|只|必须|要|不再)?(?:是|扮演|充当|作为|变成|只能回答|必须回答|不再受|不受)[^。\n]{0,30}", "从现在", "现在起", "接下来"),
    pattern("new_role", 1.0, rf"你(?:现在|如今|此刻)(?:是|扮演|变成|进入)[^。，\n]{{0,16}}(?:{_BOT_ZH}|DAN|黑客|开发者模式|不受[^。\n]{{0,6}}限制|没有[^。\n]{{0,6}}限制|越狱)", "你现在", "你如今", "你此刻"),
    pattern("new_role", 1.0, r"(?:你不再受|你不受|你已不受)[^。\n]{0,10}(?:限制|约束|规则)", "不再受", "不受"),
    pattern("system_prompt", 1.0, r"\b(?:reveal|show|print|repeat|output|display|leak|tell (?:me|us)|disclose|reproduce|summari[sz]e)\b[^.\n]{0,30}\b(?:your|the|its)\s+(?:system|hidden|initial|original|secret)\s+(?:prompts?|instructions?|messages?)", "prompt", "instruction", "message"),
    pattern("system_prompt", 1.0, r"(?:输出|显示|打印|泄露|告诉我|复述|重复|公开|透露|说出)[^。\n]{0,12}(?:系统提示词?|系统指令|隐藏指令|初始指令|系统消息|初始提示)", "系统", "隐藏指令", "初始"),
    pattern("system_prompt", 1.0, r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)\|>|\[/?INST\]|<<SYS>>|<\s*/?\s*system\s*>", "<|", "inst]", "<<sys", "system"),
    pattern("system_prompt", 1.0, r"(?:^|\n)\s*(?:#{1,4}\s*)?\[?(?:system|assistant)(?: (?:prompt|message|override|note))?\]?\s*[:：]\s*(?:you\b|ignore|disregard|new instructions?|override|from now|always|never|the assistant|你)", "system", "assistant"),
    pattern("system_prompt", 1.0, r"(?:^|\n)\s*[【\[]?(?:系统(?:提示词?|指令|消息|命令)|最高优先级(?:指令|命令))[】\]]?\s*[:：]\s*(?:你|请|忽略|无视|从现在|立即|必须|不要)", "系统", "最高优先级"),
    pattern("system_prompt", 0.6, r"\b(?:new|updated|real|actual|overriding|hidden|secret)\s+(?:system\s+)?(?:instructions?|prompt)\s*(?::|for (?:the )?(?:ai|assistant|model|bot|llm))", "instruction", "prompt"),
    pattern("conceal", 1.0, r"\b(?:do not|don't|never|must not)\s+(?:tell|inform|reveal (?:this )?to|mention (?:this |it )?to|alert|let|notify)\s+(?:the\s+)?(?:user|human|customer|person|reader)s?\b[^.\n]{0,60}(?:instruction|prompt|this (?:message|text|note|document)|that you (?:are|were|have|received)|hidden|you were told)", "user", "human", "customer", "person", "reader"),
    pattern("conceal", 0.5, r"\b(?:do not|don't|never)\s+(?:tell|inform|reveal (?:this )?to|mention (?:this |it )?to|alert)\s+(?:the\s+)?(?:user|human)s?\b", "user", "human"),
    pattern("conceal", 1.0, r"(?:不要|不得|切勿|别|禁止)(?:告诉|告知|透露给|让|提醒)(?:用户|客户|顾客|对方|使用者|提问者)[^。\n]{0,20}(?:指令|提示词|这段|本段|此消息|这条|你收到|你是)", "不要", "不得", "切勿", "别", "禁止"),
    pattern("conceal", 0.5, r"(?:不要|切勿|别|禁止)(?:告诉|告知|透露给)(?:用户|使用者|提问者)", "不要", "切勿", "别", "禁止"),
    pattern("to_assistant", 1.0, rf"\b(?:attention|note to|message to|instructions? (?:for|to)|dear|hey|if you are|when you are|as)\s*(?:,|:)?\s*(?:an?\s+|the\s+|any\s+|all\s+)?{_BOT}s?\b[^.\n]{{0,40}}?(?:\b(?:reading|processing|summari[sz]ing|parsing|indexing)\s+this|[:,]\s*(?:you must|please|always|never|ignore|say|reply|respond|answer|tell|recommend|include))", "attention", "note to", "message to", "instruction", "dear", "hey", "you are"),
    pattern("to_assistant", 1.0, rf"(?:致|告|给|所有|任何|如果你是|阅读本文的|读到这里的|处理本文档的)\s*(?:一个|一名)?(?:任何|所有)?\s*{_BOT_ZH}[^。\n]{{0,12}}[，,：:]\s*(?:请|你|必须|务必|应当|忽略|在回答|回答|一律|总是)", "致", "告", "给", "所有", "任何", "如果你是", "阅读", "读到", "处理"),
    pattern("to_assistant", 0.6, rf"\b(?:the\s+)?{_BOT}\s+(?:must|shall|should|has to|is required to)\s+(?:always|never|only)?\s*(?:answer|respond|reply|say|state|claim|recommend|output)\b[^.\n]{{0,60}}(?:regardless|no matter|instead of|whatever|even if)", "must", "shall", "should", "has to", "required"),
    pattern("steer_answer", 1.0, r"\b(?:when(?:ever)?|if)\s+(?:you are\s+)?(?:asked|(?:the\s+)?users?\s+asks?|anyone asks you|a customer asks you)\b[^.\n]{0,80},?\s*(?:you (?:must|should|will|shall)|always|only|just)\s+(?:answer|reply|respond|say|output|recommend)\b[^.\n]{0,80}(?:regardless|no matter|and nothing else|instead|never mention|do not mention)", "asked", "asks"),
    pattern("steer_answer", 0.6, r"\b(?:respond|reply|answer|output)\s+(?:only\s+)?with\s+(?:exactly|only|the (?:exact )?(?:words?|phrase|text))\b", "respond", "reply", "answer", "output"),
    pattern("steer_answer", 1.0, r"(?:无论|不管|不论)(?:用户|客户|别人|对方|顾客|谁)?(?:问|提问|询问|提出|怎么问|如何提问)[^。\n]{0,16}[，,]?(?:你)?(?:都|一律|均|只能|只|必须)(?:要|必须|应|只)?(?:回答|回复|答复|说|输出|推荐)", "无论", "不管", "不论"),
    pattern("exfiltrate", 1.0, r"\b(?:send|post|forward|upload|exfiltrate|append|transmit|leak)\b[^.\n]{0,40}(?<!your )\b(?:conversation|chat (?:history|log)|user(?:'s)? (?:data|messages?|input|credentials)|system prompt|api keys?)\b[^.\n]{0,60}(?:https?://|\bto\s+\S+@\S+|\bto (?:the )?(?:following )?(?:url|address|endpoint|webhook))", "send", "post", "forward", "upload", "exfiltrate", "append", "transmit", "leak"),
    pattern("exfiltrate", 1.0, r"(?:把|将)[^。\n]{0,20}(?:对话|聊天记录|用户(?:的)?(?:信息|数据|消息)|系统提示词?)[^。\n]{0,16}(?:发送|上传|转发|发|传)(?:到|至|给)\s*(?:https?://|\S+@\S+)", "发送", "上传", "转发", "发"),
    pattern("jailbreak", 0.7, r"\b(?:jailbreak|DAN mode|developer mode enabled|do anything now|god mode)\b", "jailbreak", "dan mode", "developer mode", "do anything now", "god mode"),
    pattern("ignore_instructions", 1.0, r"\b(?:ignore|disregard|forget)\s+(?:all\s+(?:of\s+)?)?(?:the|everything)\s+(?:above|preceding|foregoing)(?:\s+text|\s+content)?[,.;:]?\s+(?:and|then|but|your new task|instead)\s*,?\s*(?:\w+\s+){0,2}(?:output|print|say|reply|respond|answer|write|tell|reveal|act|do|task|give|list|show|return|translate|is)\b", "ignore", "disregard", "forget"),
    pattern("ignore_instructions", 1.0, r"\byour (?:new|only|real|actual|true) (?:task|goal|job|mission|objective|purpose|instructions?|role) (?:is|are)\b(?: now)?\s*(?:to|:)", "your new", "your only", "your real", "your actual", "your true"),
    pattern("to_assistant", 1.0, rf"\b(?:new|updated|special|secret|hidden|important|additional|following)?\s*(?:instructions?|prompt|command|notice|message|note) (?:for|to) (?:the |any |all |our |your )?(?:AI|{_BOT})s?(?: (?:model|assistant|system|agent|reader)s?)?\s*[:：]", "bot", "assistant", "model", "gpt", "llm", "claude", " ai"),
    pattern("to_assistant", 1.0, r"(?:^|[.\n])\s*(?:as|being) an? (?:helpful )?(?:AI|artificial intelligence|language model|LLM|chat ?bot)(?: (?:model|assistant|system|agent))?,? you (?:must|should|shall|will|have to|need to|are (?:required|obliged) to)\b", "as a", "being a"),
    pattern("to_assistant", 1.0, r"\b(?:when|while|before|after) (?:summari[sz]ing|reading|processing|indexing|parsing|analy[sz]ing|translating|reviewing|quoting|citing|evaluating|answering (?:from|questions about)) (?:this|the present) (?:page|document|text|file|resume|cv|e-?mail|message|content|article|passage)s?,?\s+(?:you\b|always|please|state|say|include|mention|ignore|recommend|do not|don't|never|output|add|append|rate|rank|claim)", "this", "the present"),
    pattern("system_prompt", 1.0, r"\b(?:hidden|secret|system|injected|admin|override|developer)\s+(?:prompt|instruction|command|message)\s*[:：]\s*\S", "prompt", "instruction", "command", "message"),
    pattern("system_prompt", 1.0, r"(?:\{\{|\[\[|<<|\[|###)\s*/?(?:system|assistant|developer|sys)\s*(?:\}\}|\]\]|>>|\]|###)\s*[:：]?\s*(?:you\b|ignore|always|never|answer|reply|do not|你|忽略|请)", "system", "assistant", "developer", "sys"),
    pattern("new_role", 1.0, r"\b(?:act as|pretend (?:to be|you are|that you are)|role-?play as|behave (?:as|like)|imagine you are)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}(?:without|with no|free of)\s+(?:any\s+)?(?:restrictions?|filters?|rules?|limits?|limitations|guidelines|ethics|morals)", "act as", "pretend", "role", "behave", "imagine"),
    pattern("new_role", 0.6, r"\byou (?:must|will|shall|should) (?:only |always )?(?:answer|reply|respond|speak|talk|write) (?:only )?(?:in|like|as|with)\b", "you must", "you will", "you shall", "you should"),
    pattern("new_role", 0.5, r"\bfrom now on\b", "from now on"),
    pattern("conceal", 1.0, r"\b(?:do not|don't|never|must not|without)\s+(?:tell(?:ing)?|inform(?:ing)?|reveal(?:ing)?|mention(?:ing)?|disclos(?:e|ing)|show(?:ing)?)\s+(?:this|these|the)\s+(?:hidden\s+|secret\s+)?(?:note|notes|text|instructions?|messages?|prompts?|paragraphs?|section|document|comment|command)s?\s+to\s+(?:the\s+|any\s+)?(?:users?|humans?|readers?|customers?|person|anyone)", "note", "text", "instruction", "message", "prompt", "paragraph", "section", "document", "comment", "command"),
    pattern("to_assistant", 1.0, rf"作为(?:一个|一名)?(?:智能)?{_BOT_ZH}[，,]?\s*(?:你|请)[^。\n]{{0,12}}?(?:必须|应当|应该|务必|需要|只能|要|得|一律)", "作为"),
    pattern("to_assistant", 1.0, r"(?:^|[。\n\s【\[（(])(?:AI|人工智能|大模型|语言模型|智能助手|机器人|助手)(?:请)?(?:注意|须知|必读|请看|专用指令)[】\])）]?\s*[:：，,]", "注意", "须知", "必读", "请看", "专用"),
    pattern("to_assistant", 1.0, r"(?:总结|概括|摘要|阅读|处理|翻译|分析|评估|引用|检索|解析)(?:本文|本页|本文档|此文档|此文|这份文件|这份简历|本简历|该文档|这段文字)(?:时|的时候|后|之后)[，,]?\s*(?:请|你|必须|务必|一律|应|不要|总是|说明|声明)", "本文", "本页", "此文", "这份", "本简历", "该文档", "这段"),
    pattern("conceal", 1.0, r"(?:不要|不得|切勿|别|禁止|无需|勿)(?:向|对|跟|和)(?:用户|客户|顾客|对方|使用者|提问者|任何人|人类)(?:透露|提及|说明|展示|泄露|显示|提到|说出|公开)(?:出|了)?[^。\n]{0,4}(?:本段|这段|本条|这条|此|该|上述|以上)?(?:内容|指令|文字|提示|说明|消息|段落|信息)?[，,。][^。\n]{0,20}(?:回答|推荐|回复|答复|声称|总是|必须|只)", "不要", "不得", "切勿", "别", "禁止", "无需", "勿"),
    pattern("conceal", 1.0, r"(?:不要|不得|切勿|别|禁止|勿)(?:向|对|跟|和)(?:用户|使用者|提问者|人类|任何人)(?:透露|提及|说明|展示|泄露|显示|提到|说出|公开)(?:出|了)?(?:本|这|此|该|以上|上述)(?:段|条|份|些|个)?(?:内容|指令|文字|提示词?|说明|消息|段落|规则)", "不要", "不得", "切勿", "别", "禁止", "勿"),
    pattern("system_prompt", 1.0, r"(?:^|[。\n\s【\[])(?:新的?|隐藏的?|秘密|最新|真正的?|附加)(?:系统)?(?:指令|提示词|命令)[】\]]?\s*[:：]", "指令", "提示词", "命令"),
    pattern("new_role", 1.0, r"(?:从此刻起|从这一刻起|即刻起|从此以后|自此|此后|今后)[，, ]?(?:请)?你(?:就|将|只|必须|要|不再)?(?:是|扮演|充当|作为|变成|只能回答|必须回答|不再受|不受)", "从此", "从这一刻", "即刻", "自此", "此后", "今后"),
    pattern("new_role", 1.0, r"(?:没有|不受|无|摆脱|不再有)(?:任何)?[^。，\n]{0,4}(?:限制|约束|道德|规则|审查)[^。，\n]{0,6}的?(?:AI|机器人|助手|模型|模式)", "没有", "不受", "无", "摆脱", "不再"),
    pattern("new_role", 1.0, r"(?:以|进入|开启|启用|切换到)(?:开发者|越狱|DAN|无限制|上帝|管理员)模式(?:回答|回复|运行|工作|，|。|并)", "模式"),
    pattern("ignore_instructions", 1.0, r"\b(?:do not|don't|never|no longer|stop|cease)\s+(?:obey|follow|heed|apply|respect)(?:ing)?\s+(?:any of\s+|all\s+)?your\s+(?:\w+\s+){0,2}(?:instructions|directions|guidelines|rules|orders|programming|training)", "obey", "follow", "heed", "apply", "respect"),
    pattern("ignore_instructions", 1.0, r"\b(?:forget|reset|erase|clear|abandon|drop|set aside)\s+(?:all\s+(?:of\s+)?)?your\s+(?:\w+\s+){0,1}(?:guidelines|memory|instructions|rules|training|programming|context|constraints)\b(?! card| stick| module)", "your"),
    pattern("ignore_instructions", 1.0, r"(?:停止|不再|拒绝|放弃|无需)(?:遵循|遵守|执行|服从)(?:你|系统|安全|之前|以前|原有|的|所有|任何){1,4}[^。\n]{0,4}(?:准则|规则|指令|限制|设定|原则|提示)", "停止", "不再", "拒绝", "放弃", "无需"),
    pattern("ignore_instructions", 1.0, r"(?:以上|上面|之前|上述|此前)[^。\n]{0,8}(?:规则|指令|提示|设定|限制|要求)[^。\n]{0,6}(?:当作|视为|当成|看作)(?:不存在|无效|作废|没有)", "不存在", "无效", "作废", "没有"),
    pattern("ignore_instructions", 0.6, r"(?:以上|上面|之前|上述|此前)(?:的)?(?:所有|全部|一切)?(?:内容|指令|规则|提示|对话)?(?:全部|统统|一律|都)?(?:作废|失效|不算数)", "作废", "失效", "不算数"),
    pattern("steer_answer", 0.6, r"(?:听|按|照|服从)(?:从)?我的(?:指令|命令|指示)|现在(?:开始)?(?:只)?听我的", "我的"),
    pattern("new_role", 1.0, r"你的(?:新|真正|唯一|实际)(?:的)?(?:任务|角色|身份|目标|使命|职责)(?:是|为|：)", "你的"),
    pattern("new_role", 1.0, r"扮演[^。\n]{0,10}(?:不受|没有|无)[^。\n]{0,6}(?:约束|限制|规则|道德)", "扮演"),
    pattern("new_role", 0.6, r"\b(?:act|acting|behave|behaving|answer|answering)\s+(?:as|like)\b[^.\n]{0,40}\b(?:with no|without(?: any)?|free of)\s+(?:\w+\s+)?(?:rules|limits|restrictions|filters)", "no rules", "without", "free of", "with no"),
    pattern("conceal", 1.0, r"\bkeep\s+(?:these|this|the|all)\s+(?:\w+\s+)?(?:instructions?|prompts?|messages?|notes?|commands?|text)\s+(?:a secret|secret|hidden|confidential|private)(?:\s+from\b)?", "keep"),
    pattern("conceal", 1.0, r"(?:对|向)(?:用户|客户|使用者|提问者|顾客)(?:隐瞒|隐藏|保密)(?:以下|本段|此|这|上述|以上)", "隐瞒", "隐藏", "保密"),
    pattern("to_assistant", 1.0, r"(?:AI|大|大语言|语言|人工智能)(?:模型|助手|系统|机器人)(?:们)?(?:请|应|须|需|务必)?(?:注意|记住|牢记)|(?:AI|大|语言)(?:模型|助手)[^。\n]{0,10}[，,：:](?:凡|一律|总是|必须|请务必)", "模型", "助手", "系统", "机器人"),
    pattern("to_assistant", 1.0, r"\b(?:LLMs?|(?:large )?language models?|AI (?:models?|assistants?|agents?|systems?)|chat ?bots?|AIs?)\s+(?:that (?:is|are) |who (?:is|are) |currently )?(?:reading|processing|parsing|summari[sz]ing|seeing|indexing)\s+(?:this|these|the following)\b", "reading", "processing", "parsing", "summari", "seeing", "indexing"),
    pattern("to_assistant", 1.0, r"\b(?:message|note|notice|memo|reminder|attention)\s*(?:to|for|,|:)?\s+(?:all|any|every|the)?\s*(?:LLMs?|(?:large )?language models?|AI (?:models?|assistants?|agents?|systems?)|AIs)\s*[:：,]", "model", "llm", "assistant", "agent", "ais", "system"),
    pattern("steer_answer", 1.0, r"\b(?:whatever|no matter what|regardless of what|irrespective of what|anything)\s+(?:the |a |any )?(?:user|customer|person|human|visitor)s?\s+(?:asks?|says?|types?|writes?|wants?|requests?)\b,?[^.\n]{0,20}\b(?:respond|reply|answer|say|output|recommend|print|return|tell)", "whatever", "no matter", "regardless", "irrespective", "anything"),
    pattern("steer_answer", 0.6, r"\bthe (?:chat ?bot|bot|assistant|AI|model) (?:must|shall|has to|should|is to|will)\s+(?:now\s+)?(?:confirm|approve|grant|accept|agree|state|say|claim|recommend|praise|output|reveal)\b", "bot", "assistant", " ai ", "model"),
    pattern("ignore_instructions", 0.5, r"(?:^|\n|\. )\s*(?:system |admin )?override\s*[:：]", "override"),
    pattern("steer_answer", 0.5, r"\b(?:simply|just|only|always)\s+(?:print|output|say|reply|respond|answer)\s+(?:with\s+)?(?:the (?:word|letter|phrase|link|text)|yes\b|no\b|[\"'“])", "print", "output", "say", "reply", "respond", "answer"),
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
    for known in (*_PATTERNS, *CUES):
        if not any(hint in lowered for hint in known.hints):
            continue
        for match in known.pattern.finditer(folded):
            weight = known.weight * (0.3 if _is_quoted(folded, *match.span()) else 1.0)
            hits.append((*match.span(), weight, known.detail))
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
