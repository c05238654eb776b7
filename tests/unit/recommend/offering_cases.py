"""Written questions to two shops, and whether an item may be offered below the answer.

The threshold of ``core.recommend.offering`` was chosen on GARDEN (the demo's catalogue); TEA was written beside it and
tells whether it carries over. ``right`` are ids of which the first offer has to be one; "" is: nothing at all.
"""

from __future__ import annotations

import csv

from core.recommend.data import Item, Items
from core.services.demo import FOLDER


def garden() -> Items:
    with (FOLDER / "items.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Items(
        tuple(
            Item(row["sku"], title=f"{row['title_en']}\n{row['title_zh']}", category=row["category"],
                 tags=tuple(row["tags"].split(";")), stock=int(row["stock"]))
            for row in rows
        )
    )  # fmt: skip


def tea() -> Items:
    rows = (
        ("K-1", "Glass teapot, 600 ml", "玻璃茶壶", "pots", "infuser heat-proof"),
        ("K-2", "Cast iron teapot", "铸铁壶", "pots", "heavy keeps-warm"),
        ("K-3", "Electric kettle with thermostat", "控温电水壶", "kettles", "temperature electric"),
        ("K-4", "Travel mug", "随行杯", "cups", "office leakproof steel"),
        ("K-5", "Porcelain cups (set of 4)", "白瓷杯四只装", "cups", "gift guests"),
        ("T-1", "Longjing green tea", "龙井绿茶", "tea", "green spring loose"),
        ("T-2", "Jasmine pearls", "茉莉龙珠", "tea", "scented floral"),
        ("T-3", "Pu'er cake, aged", "陈年普洱茶饼", "tea", "dark aged"),
        ("T-4", "Chamomile infusion", "洋甘菊花茶", "tea", "herbal caffeine-free sleep"),
        ("T-5", "Rooibos", "南非博士茶", "tea", "caffeine-free red"),
        ("T-6", "Earl Grey", "伯爵红茶", "tea", "black bergamot breakfast"),
        ("A-1", "Tea tin, airtight", "密封茶叶罐", "storage", "keep fresh"),
        ("A-2", "Bamboo tea scoop", "竹制茶则", "tools", "measure"),
        ("A-3", "Descaling powder", "水壶除垢粉", "care", "limescale clean kettle"),
        ("G-1", "Gift box for tea lovers", "茶礼盒", "gifts", "present wrapped"),
    )
    return Items(tuple(Item(a, title=f"{b}\n{c}", category=d, tags=tuple(e.split())) for a, b, c, d, e in rows))


# Question, and the ids of which the first offer has to be one.
GARDEN_NAMED = [
    ("How much is the Hotpot trio?", "SC-HOTP"),
    ("Do you still have the Nook garden?", "LM-N3-1"),
    ("Is the Genovese basil easy to grow?", "SC-BAS1"),
    ("Is LM-L12-1 on sale?", "LM-L12-1"),
    ("焕新小角有什么不同？", "LM-N3-1R"),
    ("四季草莓多久能收？", "SC-STRA"),
    ("營養液甲乙怎麼用？", "FD-250 FD-1000"),
]
GARDEN_NEEDS = [
    ("I am looking for a present for a child who likes plants", "SC-KIDS"),
    ("Do you have anything to grow tomatoes with?", "SC-TOMA SC-TOMY AC-TIE"),
    ("I want to grow my own basil", "SC-BAS1 SC-BAS2"),
    ("Do you sell spare pumps?", "P-101"),
    ("I need a small garden for my desk at the office", "LM-N3-1"),
    ("Which herbs can I buy for a pizza?", "SC-PIZZA SC-BAS1"),
    ("有营养液卖吗？", "FD-250 FD-1000"),
    ("想自己种薄荷泡茶", "SC-MINT SC-TEA"),
    ("Which fertiliser do I need?", "FD-250 FD-1000"),
    ("What can I grow for a hotpot?", "SC-HOTP"),
    ("有没有适合办公桌的小种植机？", "LM-N3-1 LM-W48-1"),
]
GARDEN_NOTHING = [
    "Where is my order?", "How long does a refund take?", "What does fault code E4 mean?", "Who runs your company?",
    "Can I use a 5 GHz network?", "How do I reset my password?", "Do you deliver to Norway?",
    "How do I delete my account?", "When are you open on Sundays?", "Is my data sold to third parties?",
    "What is the API rate limit?",
    "Can I pay by invoice?", "my parcel arrived damaged", "退款要多久？", "怎么取消会员？", "发票怎么开？",
    "配送要几天？",
    "客服几点上班？", "密码忘了怎么办？", "The Nook garden caught fire!", "My Sill garden is leaking", "小角种植机坏了",
    "I want to return the Hotpot trio", "How do I end my membership?",
]  # fmt: skip
TEA_NAMED = [
    ("Is the cast iron teapot dishwasher safe?", "K-2"),
    ("How hot should the water be for Jasmine pearls?", "T-2"),
    ("陈年普洱茶饼怎么保存？", "T-3"),
    ("How much is Earl Grey?", "T-6"),
]
TEA_NEEDS = [
    ("I need something without caffeine that helps me sleep", "T-4 T-5"),
    ("What do you have as a present for my mother?", "G-1 K-5"),
    ("How can I get rid of limescale in my kettle?", "A-3 K-3"),
    ("I would like a cup to take to the office", "K-4 K-5"),
    ("How do I keep my tea leaves fresh?", "A-1"),
    ("想买一个能控制温度的水壶", "K-3"),
    ("有没有不含咖啡因的茶？", "T-4 T-5"),
    ("送茶友什么礼物好？", "G-1"),
]
TEA_NOTHING = [
    "Where is my parcel?", "How do I change my address?", "Do you ship to Austria?", "Which cards do you accept?",
    "Can I get an invoice for my company?", "How do I close my account?", "What are your opening hours?",
    "Do you offer jobs?", "The glass teapot broke in my hand and I am bleeding",
    "I want my money back for the Rooibos",
    "订单什么时候发货？", "可以开发票吗？", "怎么修改收货地址？", "你们几点下班？", "茶叶喝了过敏怎么办",
    "我要投诉你们的快递",
]  # fmt: skip
