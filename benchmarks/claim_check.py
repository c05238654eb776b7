"""Does the claim check let a wrong sentence through? True sentences of public reading sets, and the same made wrong.

    python -m benchmarks.claim_check [--json FILE] [--sentences 300]

From each paragraph (XQuAD English, DRCD Traditional Chinese) come sentences that hold a gold answer. As they stand, or
rewritten without a change of meaning, they must pass; with the answer swapped for another of the same paragraph, a
number changed, a denial added, or beside another paragraph, they must not. The other side is what is commonly done: a
share of words (0.75) found in the paragraph.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.assistant.claims import Evidence
from core.text.sentences import sentence_spans
from core.text.words import search_words, simplify
from core.types import Language, PassageRecord

DATA = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FILES: dict[Language, str] = {"en": "xquad_dev/xquad.en.dev.json", "zh": "drcd_dev/DRCD_dev.json"}
KINDS = {"as it stands": True, "rewritten": True, "answer swapped": False, "number changed": False, "denied": False}
KINDS["other paragraph"] = False


@dataclass(frozen=True)
class Case:
    """A claim about ``paragraph``; ``kind`` says how it was made."""

    kind: str
    claim: str
    paragraph: str


def paragraphs(language: Language) -> list[tuple[str, list[str]]]:
    """Text and gold answers of each paragraph."""
    data = json.loads((DATA / FILES[language]).read_text(encoding="utf-8"))["data"]
    return [
        (p["context"], [a["text"] for qa in p["qas"] for a in qa["answers"]])
        for article in data
        for p in article["paragraphs"]
    ]


def cases(language: Language, count: int, seed: int = 7) -> Iterator[Case]:
    """Up to ``count`` sentences, each in every form that it allows."""
    rng = random.Random(seed)
    every = paragraphs(language)
    rng.shuffle(every)
    for number, (text, answers) in enumerate(every[:count]):
        held = [(text[a:b], [x for x in answers if x in text[a:b]]) for a, b in sentence_spans(text)]
        held = [(s, found) for s, found in held if found and 20 <= len(s) <= 300 and not s.endswith(("?", "？"))]
        if not held:
            continue
        sentence, found = rng.choice(held)
        yield Case("as it stands", sentence, text)
        yield Case("other paragraph", sentence, every[number - 1][0])
        forms: dict[str, Callable[[], str | None]] = {
            "rewritten": lambda s=sentence: rewritten(s, language),  # type: ignore[misc]
            "answer swapped": lambda s=sentence, f=found[0], o=answers, t=text: swapped(s, f, o),  # type: ignore[misc]
            "number changed": lambda s=sentence, t=text: renumbered(s, t, rng),  # type: ignore[misc]
            "denied": lambda s=sentence: denied(s, language),  # type: ignore[misc]
        }
        for kind, make in forms.items():
            if (claim := make()) and claim != sentence:
                yield Case(kind, claim, text)


_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def rewritten(sentence: str, language: Language) -> str | None:
    """The same said otherwise: Simplified for Traditional, number words for digits and thousands marks away."""
    if language == "zh":
        return simplify(sentence)
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", sentence)
    plain = re.sub(r"(?<![\d.,$£€-])\b(1[0-2]|[2-9])\b(?![\d.,%:-])", lambda m: _WORDS[int(m.group()) - 2], plain)
    return plain.replace("%", " percent")


def shape(answer: str) -> str:
    if re.search(r"\d", answer):
        return "number"
    return "name" if re.match(r"[A-Z]", answer) else "words"


def swapped(sentence: str, answer: str, answers: list[str]) -> str | None:
    """Another answer of the same paragraph and shape in the place of the right one."""
    others = [
        x for x in answers if shape(x) == shape(answer) and x not in sentence and answer not in x and x not in answer
    ]
    return sentence.replace(answer, others[0]) if others and len(answer) >= 2 else None


def renumbered(sentence: str, text: str, rng: random.Random) -> str | None:
    numbers = list(re.finditer(r"(?<![\d.,])\d+(?![\d.,])", sentence))
    if not numbers:
        return None
    match = rng.choice(numbers)
    new = next(n for n in range(int(match.group()) + 1, int(match.group()) + 99) if str(n) not in text)
    return sentence[: match.start()] + str(new) + sentence[match.end() :]


def denied(sentence: str, language: Language) -> str | None:
    if language == "en":
        return re.sub(r"\b(is|was|are|were|can|will|could|has been|had)\b(?! not)", r"\1 not", sentence, count=1)
    return re.sub(r"(?<![不但總总就還还])(?=是|可以|能夠|屬於|位於)", "不", sentence, count=1)


def by_overlap(claim: str, paragraph: str) -> bool:
    words = set(search_words(claim))
    return len(words & set(search_words(paragraph))) >= 0.75 * len(words) if words else False


def by_check(claim: str, paragraph: str, language: Language) -> bool:
    passage = PassageRecord(1, 1, 1, "", 1, "", "", 0, len(paragraph), paragraph, language)
    return Evidence([passage]).check(claim).supported


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sentences", type=int, default=300, help="paragraphs a language, one sentence each")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows = []
    for language in FILES:
        made = list(cases(language, arguments.sentences, arguments.seed))
        for kind, right in KINDS.items():
            mine = [case for case in made if case.kind == kind]
            ours = sum(by_check(c.claim, c.paragraph, language) for c in mine)
            overlap = sum(by_overlap(c.claim, c.paragraph) for c in mine)
            rows.append({"language": language, "kind": kind, "should pass": right, "cases": len(mine)})
            rows[-1] |= {"check": round(ours / len(mine), 3), "word overlap": round(overlap / len(mine), 3)}
    print("share of sentences let through (n)")
    print(f"{'':4}{'sentence':18}{'should':8}{'cases':>6}{'check':>8}{'overlap':>9}")
    for row in rows:
        should = "pass" if row["should pass"] else "fail"
        print(
            f"{row['language']:4}{row['kind']:18}{should:8}{row['cases']:>6}{row['check']:>8}{row['word overlap']:>9}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
