# ruff: noqa: E501 - a pattern is easier to check on one line
"""What instructions to an assistant have in common, whatever their words: who is spoken to, whose rules are to fall,
what is asked to be said or kept quiet. Beside the fixed phrases of screen_instructions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    """``weight`` 1 flags by itself; ``hints``: one of these stands in every match (lower case), so others are skipped."""

    detail: str
    weight: float
    pattern: re.Pattern[str]
    hints: tuple[str, ...]


def pattern(detail: str, weight: float, expression: str, *hints: str) -> Pattern:
    return Pattern(detail, weight, re.compile(expression, re.I), hints)


# --- who is spoken to: a reader that is a machine, not the people who build or use one ---
_PEOPLE = r"(?!\s*(?:team|teams|department|engineers?|developers?|users?|customers?|researchers?|startups?|compan(?:y|ies)|vendors?|manager|stylist|professor|editor|policy|strategy))"
_MACHINE = rf"(?:(?:A\.?I\.?|automated|automatic|artificial|machine|virtual|digital)[ -](?:\w+[ -])?(?:assistants?|agents?|systems?|models?|readers?|reviewers?|screeners?|evaluators?|graders?|tools?|programs?|bots?|software)|(?:large )?language models?|LLMs?|GPTs?|chat ?bots?|bots?|AIs?|crawlers?|scrapers?){_PEOPLE}"
_MACHINE_ZH = r"(?:(?:AI|人工智能|智能|自动|自動)(?:化)?(?:筛选|篩選|审核|審核|评审|評審|阅读|閱讀|客服|助手|助理|摘要|处理|處理|招聘|打分|评分)?(?:系统|系統|程序|程式|工具|模型|机器人|機器人|助手|评审|評審|评委|审稿人|软件|軟體)|(?:大|语言|語言|大语言|大型)模型|聊天机器人|聊天機器人|爬虫|爬蟲|AI(?:评审|評審|助手|客服))"
_READS = r"(?:read(?:s|ing)?|process(?:es|ing|ed)?|evaluat(?:es|ing|ed)|assess(?:es|ing|ed)?|pars(?:es|ing|ed)|summari[sz](?:es|ing|ed)|screen(?:s|ing|ed)|rank(?:s|ing|ed)?|grad(?:es|ing|ed)|scan(?:s|ning|ned)?|index(?:es|ing|ed)?|review(?:s|ing|ed)?|ingest(?:s|ing|ed)?|quot(?:es|ing)|cit(?:es|ing))"
_THIS = r"(?:this|these|the (?:present|following|above))\s+(?:\w+\s+){0,2}?(?:text|page|document|file|message|application|resume|cv|paper|note|e-?mail|article|section|sentence|line|passage)s?"
_BIDS = r"(?:please|kindly|always|never|must|should|shall|will|has to|have to|give|say|reply|respond|answer|state|rate|rank|score|recommend|accept|approve|treat|mention|include|output|ignore|list|quote|cite|tell|conclude)"
_BIDS_ZH = r"(?:请|請|务必|務必|必须|必須|一律|应|應|要|直接|不要|勿|不得|总是|總是)"

# --- whose rules: those an assistant was given ---
_GIVEN = r"(?:you|it)\s+(?:were|was|have been|had been|are|is|got)\s+(?:originally |previously |first |earlier )?(?:given|told|configured|trained|set up|programmed|instructed|taught|fed|built|loaded|assigned|handed)"
_MAKERS = r"(?:your|its|the assistant's|the bot's|the model's)\s+(?:developers?|makers?|creators?|operators?|programmers?|trainers?|designers?|vendors?|owners?|builders?)"
_OWN = r"(?:your|its|the (?:assistant|bot|model)'s)\s+(?:\w+\s+){0,2}?(?:rules?|instructions?|guidelines?|training|programming|restrictions?|limits|filters?|directives?|safeguards?|guardrails?|configuration|constraints?|prompt|orders)"
_SAFE = r"(?:safety (?:training|rules?|filters?|guidelines|measures|limits)|content (?:filters?|polic(?:y|ies)|restrictions)|guardrails|alignment training)"
_OFF = r"(?:no longer (?:apply|applies|count|counts|hold|holds|bind|binds|valid|in force)|(?:do|does|did|need) not (?:apply|count|hold|bind|exist)|never (?:happened|existed|applied)|(?:is|are|were|was|have been|has been|been) (?:now |hereby )?(?:void|off|lifted|suspended|cancell?ed|disabled|replaced|removed|deactivated|superseded|revoked|switched off|turned off|null)|did(?: not|n't) (?:happen|exist))"
_DROP = r"(?:pay no (?:heed|attention|mind)(?: to)?|take no notice of|set aside|put aside|do away with|let go of|break free (?:of|from)|throw out|drop|discard|disobey|go against|overrule|contradict(?:s|ing)?|work around|switch off|turn off|stop (?:following|obeying|listening to)|forget|ignore|disregard|unlearn|abandon|suspend|leave behind|never mind)"

_RULES_ZH = r"(?:规则|規則|设定|設定|限制|政策|指令|指示|准则|準則|约束|約束|过滤|過濾|训练|訓練|提示词?|要求)"
_OFF_ZH = r"(?:作废|作廢|不算数|不算數|失效|关闭|關閉|解除|取消|无效|無效|停用|撤销|撤銷|不复存在|不作数|被替换|冲突|衝突|抵触|不存在)"
_OWN_ZH = r"(?:你(?:的|们的|被|所|原有|原来|收到|接到)[^。，,\n]{0,6}|(?:预设|預設|预先|内置|內建|开发者|開發者|出厂)[^。，,\n]{0,6}|(?:之前|此前|先前|原先|最初|早先)(?:给你|對你|对你|为你|替你)?(?:设定|設定|下达|下達|规定|灌输|约定)的?[^。，,\n]{0,6}|(?:安全|内容|內容)(?:上的)?)"

CUES = (
    # Spoken to as a machine: by name at the start, or "whoever reads this and is a machine".
    pattern("to_assistant", 1.0, rf"(?:^|[\n.!?\"'(>\-*#:]|<!--)\s*(?:dear|hello|hi|hey|attention|listen|notice|note|message|memo|instructions?|request|warning|info|fyi|to|for)?[ ,]*(?:to|for)?\s*(?:all|any|every|the|our|an?|whichever)?\s*{_MACHINE}(?:\s+(?:and|or)\s+(?:\w+\s+)?{_MACHINE})?(?:\s+(?:reading|processing|summari[sz]ing|reviewing|evaluating)\s+\w+(?:\s+\w+)?)?\s*[,:：–—-]\s*(?:\w+\s+){{0,4}}?{_BIDS}\b", " ai", "dear", "hello", "hey", "attention", "to ", "for ", "bot", "model", "llm", "gpt", "crawler", "scraper"),
    pattern("to_assistant", 1.0, rf"\b(?:any|all|every|each|whichever|an?|if an?|if any|if the|should an?|the)\s+{_MACHINE}\s+(?:(?:that|which|who|is|are|currently|now|ever|happens? to|may|might|should)\s+){{0,3}}{_READS}\s+{_THIS}\b[^.!?\n]{{0,60}}?\b{_BIDS}\b", "read", "process", "evaluat", "assess", "pars", "summari", "screen", "rank", "grad", "scan", "index", "review", "ingest", "quot", "cit"),
    pattern("to_assistant", 1.0, rf"\b{_THIS}\s+(?:is|are|was|were|gets?)\s+(?:being\s+)?{_READS}\s+by\s+(?:an?\s+|any\s+|the\s+|some\s+)?{_MACHINE}[^.!?\n]{{0,30}}?,?\s*(?:then\s+|it\s+|you\s+)?{_BIDS}\b", " by "),
    pattern("to_assistant", 1.0, rf"(?:凡是|凡|任何|所有|各类|各類|一切|如果|若|如|当|當|假如|倘若)[^。！？\n]{{0,12}}?(?:读取|讀取|阅读|閱讀|读到|讀到|处理|處理|审阅|評估|评估|审核|審核|筛选|篩選|摘要|解析|扫描|掃描|抓取)(?:了|到|着)?(?:这|這|本|此|该|該)[^。，,：:！？\n]{{0,8}}?的?\s*{_MACHINE_ZH}[^。！？\n]{{0,6}}[，,：:]\s*[^。！？\n]{{0,6}}?{_BIDS_ZH}", "凡", "任何", "所有", "各", "一切", "如", "若", "当", "當", "假如", "倘"),
    pattern("to_assistant", 1.0, r"(?:如果|若|假如|倘若|要是|当|當)(?:是|由|有)?[^。，,\n]{0,8}(?:程序|程式|机器|機器|AI|人工智能|模型|机器人|機器人|系统|系統|助手)(?:正)?在?(?:自动|自動)?(?:阅读|閱讀|读取|讀取|处理|處理|解析|看|读|讀)(?:这|這|本|此|该|該)[^。，,\n]{0,8}[，,：:]\s*[^。\n]{0,4}?(?:请|請|务必|必须|必須|直接|一律|就|则|則)?(?:回复|回覆|回答|答复|答覆|输出|輸出|说|說|给出|給出|判定|判断|推荐|推薦|声明|聲明)", "如果", "若", "假如", "倘若", "要是", "当", "當"),
    pattern("to_assistant", 1.0, rf"(?:尊敬的|亲爱的|親愛的|致|各位|你好|您好|敬告|告知|通知)[，, ]?(?:各位|各类|各類|所有|任何|每一?个)?[^。，,：:\n]{{0,4}}{_MACHINE_ZH}(?:(?:与|和|及|、|與)[^。，,：:\n]{{0,8}})?(?:们|們)?\s*[，,：:！!][^。\n]{{0,8}}?{_BIDS_ZH}", "尊敬", "亲爱", "親愛", "致", "各位", "你好", "您好", "敬告", "告知", "通知"),
    # The assistant's own rules are to fall.
    pattern("ignore_instructions", 1.0, rf"\b(?:rules?|instructions?|orders|guidelines?|polic(?:y|ies)|directives?|limits?|restrictions?|training|prompts?|things?|what|whatever|everything|anything)\b(?:\s+(?:that|which))?\s+{_GIVEN}[^.!?\n]{{0,40}}?\b{_OFF}", "given", "told", "configured", "trained", "set up", "programmed", "instructed", "taught", "fed", "built", "loaded", "assigned", "handed"),
    pattern("ignore_instructions", 1.0, rf"\b(?:{_SAFE}|{_OWN})\b[^.!?\n]{{0,12}}?\b{_OFF}", "void", "off", "lifted", "suspended", "cancel", "disabled", "replaced", "removed", "no longer", "not ", "never", "deactivated", "superseded", "revoked", "null", "n't"),
    pattern("ignore_instructions", 1.0, rf"\b{_DROP}\s+(?:(?:all|any|whatever|everything|anything|what|the (?:rules?|instructions?|policy|things?|orders|prompt))\s+(?:of\s+|that\s+)?){{1,2}}(?:{_MAKERS}|{_GIVEN})\b", "your", "its", "'s ", "you ", "it "),
    pattern("ignore_instructions", 1.0, rf"\b(?:act|behave|answer|speak|write|pretend|proceed|respond)\s+(?:like|as if|as though|that)?\s*(?:{_SAFE}|{_OWN})\b[^.!?\n]{{0,20}}?\b(?:{_OFF}|gone|absent)", "safety", "content", "guardrail", "alignment", "your", "its", "'s "),
    pattern("ignore_instructions", 1.0, rf"\b(?:even\s+)?(?:where|when|if|though|although)\s+(?:it|this|that|they)\s+(?:contradicts?|conflicts? with|goes against|go against|violates?|overrides?|breaks?)\s+(?:the\s+)?(?:polic(?:y|ies)|rules?|instructions?|guidelines?|prompt|settings|what)\b[^.!?\n]{{0,12}}?(?:{_GIVEN}|of {_MAKERS})", "contradict", "conflict", "against", "violate", "override", "break"),
    pattern("ignore_instructions", 1.0, rf"{_OWN_ZH}{_RULES_ZH}[^。！？\n]{{0,8}}?{_OFF_ZH}", "作废", "作廢", "不算", "失效", "关闭", "關閉", "解除", "取消", "效", "停用", "撤", "不复存在", "不作数", "被替换", "冲突", "衝突", "抵触", "不存在"),
    pattern("ignore_instructions", 1.0, rf"(?:即使|哪怕|就算|即便|纵使|尽管|儘管)[^。\n]{{0,6}}?(?:与|和|跟|违反|違反|與)?[^。，,\n]{{0,4}}?(?:预设|預設|预先|内置|內建|设定|設定|开发者|系统|系統|原有|原来|你的)[^。，,\n]{{0,6}}?{_RULES_ZH}[^。\n]{{0,6}}?(?:冲突|衝突|矛盾|抵触|不符|不一致|相反|相悖)?", "即使", "哪怕", "就算", "即便", "纵使", "尽管", "儘管"),
    pattern("ignore_instructions", 1.0, r"(?:假装|假裝|当作|當作|就当|就當|装作|裝作)[^。，,\n]{0,8}?(?:从来|從來|从未|從未)?(?:没有?|沒有?|未|不曾)(?:受过|受過|接受过|接受過|存在|经过|經過|有过|有過)?[^。，,\n]{0,4}?(?:安全|内容|內容)?(?:训练|訓練|限制|规则|規則|约束|約束|过滤|過濾|准则|準則)", "假装", "假裝", "当作", "當作", "就当", "就當", "装作", "裝作"),
    pattern("ignore_instructions", 1.0, r"(?:不要|别|別|不必|不用|无需|無需|甭)(?:管|理|理会|理會|听|聽|顾|顧|在乎)[^。，,\n]{0,4}?(?:开发者|開發者|开发人员|制造者|设计者|設計者|训练者|創造者|创造者|主人|运营方|系统|系統)[^。，,\n]{0,8}?(?:说|說|告诉|告訴|要求|规定|規定|教|吩咐)", "不要", "别", "別", "不必", "不用", "无需", "無需", "甭"),
    pattern("ignore_instructions", 0.6, r"(?:以上|上面|上文|前文|上述|前面|此前)(?:的)?(?:所有|全部|一切|内容|內容|文字|话|話|都|统统|統統|通通){0,3}(?:不算数|不算數|作废|作廢|不作数|不算)", "不算", "作废", "作廢", "不作数"),
    pattern("ignore_instructions", 0.6, r"\b(?:nothing|none of what|no word|everything|all|whatever)\s+(?:that\s+)?(?:is\s+|was\s+|stands?\s+|comes?\s+|came\s+)?(?:written\s+|said\s+)?(?:above|before)\b[^.!?\n]{0,20}?\b(?:counts?|applies|apply|matters?|holds?|is void|is off|was a test)\b", "above", "before"),
    # A new role, or a new master.
    pattern("new_role", 0.6, r"\byour\s+(?:job|task|role|work|purpose|mission|duty|goal)\s+(?:is\s+now|now\s+is|from now on is|from here on is)\b", "your job", "your task", "your role", "your work", "your purpose", "your mission", "your duty", "your goal"),
    pattern("new_role", 0.6, r"你(?:现在|現在|如今|接下来|接下來|从此|從此|今后|今後)(?:的|只有一个|唯一的){0,2}(?:工作|任务|任務|职责|職責|角色|使命|身份|目标|目標)(?:是|就是|为|為|：)", "你现", "你現", "你如今", "你接下", "你从此", "你從此", "你今"),
    pattern("new_role", 1.0, r"\b(?:you|it)\s+(?:have|has|had|were|was|are|is)\s+(?:now\s+|hereby\s+|just\s+)?(?:been\s+|being\s+)?(?:reprogrammed|re-programmed|rewired|brainwashed|jailbroken|liberated|set free|freed from|unshackled|hacked)\b", "programmed", "rewired", "brainwashed", "jailbroken", "liberated", "set free", "freed", "unshackled", "hacked"),
    pattern("new_role", 1.0, r"\b(?:obey|serve|follow|listen to|answer to|take orders from)\s+(?:only\s+|solely\s+)?(?:me\b|the author\b|the writer\b|whoever wrote|this (?:file|document|page|text|note)\b(?! (?:number|format|name|type)))[^.!?\n]{0,24}(?:only|alone|from now|instead|of this|[.!?\n]|$)", "obey", "serve", "follow", "listen to", "answer to", "orders from"),
    pattern("new_role", 1.0, r"\bI\s+am\s+(?:now\s+)?your\s+(?:new\s+|true\s+|real\s+|only\s+)?(?:master|owner|creator|developer|god|boss|commander|administrator|operator)\b", "i am", "i am your"),
    pattern("new_role", 1.0, r"\b(?:you are|you're|you play|play|be|become|act as|acting as)\s+(?:an?\s+|the\s+)?[\"“']?\w*(?:bot|gpt|ai)\b[\"”']?[^.!?\n]{0,30}?\b(?:no|without|free of|lacks?|ignores?)\s+(?:any\s+)?(?:rules?|limits?|restrictions?|morals?|filters?|ethics|scruples|boundaries)\b", "bot", "gpt", "ai"),
    pattern("new_role", 1.0, r"\bstop\s+(?:being|acting as|playing|behaving like)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,4}?(?:bot|assistant|agent|model|ai|chat ?bot|helper)\b", "stop"),
    pattern("new_role", 1.0, r"你(?:已|已经|已經|现|現)?(?:被|给|遭)?(?:重新编程|重新編程|改写|改寫|改造|解锁|解鎖|越狱|越獄|洗脑|洗腦|解放)", "编程", "編程", "改写", "改寫", "改造", "解锁", "解鎖", "越狱", "越獄", "洗脑", "洗腦", "解放"),
    pattern("new_role", 1.0, r"(?:只|仅|僅|唯独|必须|必須|一切)(?:听|聽|听从|聽從|服从|服從)(?:本文|作者|本文作者|本文件|我|文件)(?:的|作者|一人|指挥|安排|指令)?(?:。|！|，|,|$|\n|的|指)", "听", "聽", "服从", "服從"),
    pattern("new_role", 1.0, r"(?:别再|別再|不要再|不再|停止)(?:当|當|做|扮演|充当|充當|是)(?:一个|一個|什么|什麼)?[^。，,\n]{0,4}?(?:客服|助手|助理|机器人|機器人|AI|模型)", "别再", "別再", "不要再", "不再", "停止"),
    pattern("new_role", 1.0, r"你(?:来|來)?(?:扮演|就是|是|当|當|演)[^。，,\n]{0,6}?(?:没有|沒有|毫无|毫無|不讲|不講|不守|没|無)(?:任何)?[^。，,\n]{0,2}?(?:底线|底線|规则|規則|限制|道德|约束|約束|节操|原则|原則)", "你"),
    # What it was told, asked for word by word.
    pattern("system_prompt", 1.0, r"\b(?:what|which (?:text|words|message|instructions?))\s+(?:exactly\s+)?(?:were|was|have|had|are)\s+you\s+(?:been\s+)?(?:told|given|shown|instructed|sent|fed)\b", " you "),
    pattern("system_prompt", 1.0, r"\b(?:text|words?|message|lines?|instructions?|paragraphs?|content|everything|what)\s+(?:that\s+)?you\s+(?:were|have been|had been|got|received|saw)\s*(?:given|told|shown|sent|fed)?\s+(?:\w+\s+){0,2}?(?:before (?:this|the|our) (?:conversation|chat|dialogue|session|talk)|at the (?:very )?(?:start|beginning|outset|top)|in the (?:very )?(?:beginning|first place)|prior to this|when (?:this|the) (?:conversation|chat|session) (?:began|started))", "before", "start", "beginning", "outset", "top", "first place", "prior", "when"),
    pattern("system_prompt", 1.0, r"你(?:在)?(?:最开始|最開始|最初|一开始|一開始|开头|開頭|启动时|啟動時|对话前|對話前|起初|事先|被设定时)(?:所)?(?:收到|看到|得到|接到|被告知|获得|獲得|拿到)(?:了)?的?[^。，,\n]{0,6}(?:话|話|内容|內容|文字|指令|提示|消息|信息|要求)", "你最", "你一", "你开", "你開", "你启", "你啟", "你对", "你對", "你起初", "你事先", "你在", "你被"),
    # What is to be said, whatever is true, and what is to be kept quiet.
    pattern("steer_answer", 1.0, r"\b(?:summar(?:y|ies|ise|ize|ising|izing)|abstract|overview|answer|reply|report|review)\b[^.!?\n]{0,30}?\b(?:leave out|omit|skip|drop|hide|suppress|exclude|conceal)\b[^.!?\n]{0,50}?\b(?:and|but|then|instead)\s+(?:\w+\s+)?(?:say|state|claim|write|report|assert|add|pretend|declare)\s+that\b", "leave out", "omit", "skip", "drop", "hide", "suppress", "exclude", "conceal"),
    pattern("steer_answer", 1.0, r"(?:摘要|总结|總結|概括|概述|综述|回答|报告|報告)[^。\n]{0,8}?(?:时|時|中|里|裡)?[，,]?(?:请|請|你)?(?:略去|省略|隐去|隱去|跳过|跳過|删去|刪去|去掉|隐瞒|隱瞞)[^。\n]{0,16}?[，,、]?(?:并|並|而|且|然后|然後|只)(?:写明|寫明|注明|註明|声明|聲明|说明|說明|声称|聲稱|表示|写|寫|说|說)", "略去", "省略", "隐去", "隱去", "跳过", "跳過", "删去", "刪去", "去掉", "隐瞒", "隱瞞"),
    pattern("conceal", 0.5, r"(?:别|別|不要|勿|不得|切勿)(?:告诉|告訴|透露|说|說|提|泄露|洩露|提及|提到)[^。，,\n]{0,6}?(?:这句|這句|本句|此句|这段|這段|这一点|這一點|这一条|這一條)", "别", "別", "不要", "勿", "不得"),
    pattern("steer_answer", 0.6, r"(?:直接|一律|务必|務必|必须|必須|无条件|無條件)(?:判定|判断|判為|判为|评为|評為|打|给|給|评|評|标记|標記)[^。，,\n]{0,6}?(?:通过|通過|合格|录用|錄用|满分|滿分|最高分|优秀|優秀|第一)", "判", "评", "評", "打", "给", "給", "标", "標"),
    pattern("steer_answer", 1.0, r"(?:无论|無論|不管|不论|不論|任凭|任憑)(?:用户|用戶|使用者|客户|客戶|顾客|顧客|谁|誰|对方|對方|别人)?[^。\n]{0,6}?(?:输入|輸入|问|問|说|說|提|发来|發來|写|寫)[^。\n]{0,8}?[，,]?(?:你)?(?:都|一律|均|只|皆)(?:需|能|须|須|要|可|必须|必須|应|應)?(?:回答|回复|回覆|答复|答覆|说|說|输出|輸出|推荐|推薦)", "无论", "無論", "不管", "不论", "不論", "任凭", "任憑"),
)  # fmt: skip
