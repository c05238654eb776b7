"""The specification as a page: plain HTML without a script, so that it works offline and under the strictest policy.

Its English stands in the code (docstrings and fields); :func:`spoken` gives it in another language, from the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from core.text.catalogue import LANGUAGES, catalogue, translate

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2b2e;--paper:#fcfcfa;--soft:#f1f4f2;--line:#dde4e1;--accent:#0b6e69;
--quiet:#56656a}
@media(prefers-color-scheme:dark){:root{--ink:#e4ecea;--paper:#10181b;--soft:#192427;--line:#2a393d;--accent:#6fcfc6;
--quiet:#9fb0af}}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:var(--paper);
font:15px/1.55 Inter,"Segoe UI",Roboto,"Helvetica Neue","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:960px;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.75rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}h3{font-size:.95rem;margin:1rem 0 .3rem}
p{margin:.4rem 0}a{color:var(--accent)}
code,pre{font-family:"JetBrains Mono","SF Mono",Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{background:var(--soft);padding:.1em .3em;border-radius:.3em;overflow-wrap:anywhere}
pre{background:var(--soft);border:1px solid var(--line);border-radius:.6rem;padding:.8rem;overflow-x:auto}
pre code{background:none;padding:0;overflow-wrap:normal}
details{border:1px solid var(--line);border-radius:.6rem;margin:.5rem 0;padding:0 .9rem}
details[open]{padding-bottom:.9rem}
summary{cursor:pointer;padding:.65rem 0;display:flex;flex-wrap:wrap;gap:.2rem .7rem;align-items:baseline}
summary code{background:none;font-weight:600}
p.other{float:right;margin:.6rem 0}
.verb{color:var(--accent);font-weight:700;min-width:4.2rem}.quiet{color:var(--quiet)}
table{border-collapse:collapse;width:100%;margin:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{font-weight:600;font-size:.85em;color:var(--quiet)}
td:first-child{width:30%}
"""
_DEPTH = 4
_ANY = 1e9  # a bound so wide says nothing to people


def texts(specification: Mapping[str, Any]) -> dict[str, str]:
    """Key of the catalogue -> what the specification says in English, each in one line."""
    found: dict[str, str] = {}
    for number, part in enumerate(specification["info"]["description"].split("\n\n")):
        found[f"about.{number}"] = part
    for _, _, operation in _operations(specification):
        name = f"op.{operation['operationId']}"
        found |= {f"{name}.summary": operation["summary"], f"{name}.description": operation.get("description", "")}
        found[_tag(operation)] = operation["tags"][-1]
    for name, schema in specification["components"]["schemas"].items():
        found[f"schema.{name}.description"] = schema.get("description", "")
        found |= {f"schema.{name}.{field}": one.get("description", "") for field, one in _fields(schema)}
    return {key: " ".join(text.split()) for key, text in found.items() if text}


def spoken(specification: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """A copy whose texts for people are in ``language``; what the catalogue does not know stays English."""
    if language == "en":
        return specification
    known = {key: translate(language, f"api_docs.{key}") for key in texts(specification) if _known(language, key)}
    made: dict[str, Any] = json.loads(json.dumps(specification))
    about = [known.get(f"about.{n}", part) for n, part in enumerate(made["info"]["description"].split("\n\n"))]
    made["info"]["description"] = "\n\n".join(about)
    for _, _, operation in _operations(made):
        for part in ("summary", "description"):
            _say(operation, part, known.get(f"op.{operation['operationId']}.{part}"))
        operation["tags"] = [known.get(_tag(operation), operation["tags"][-1])]
    for name, schema in made["components"]["schemas"].items():
        _say(schema, "description", known.get(f"schema.{name}.description"))
        for field, one in _fields(schema):
            _say(one, "description", known.get(f"schema.{name}.{field}"))
    return made


def _known(language: str, key: str) -> bool:
    return f"api_docs.{key}" in catalogue(language)


def _say(place: dict[str, Any], part: str, text: str | None) -> None:
    if text is not None:
        place[part] = text


def _operations(specification: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()


def _tag(operation: Mapping[str, Any]) -> str:
    return "tag." + str(operation["tags"][-1]).lower().replace(" ", "_")


def page(specification: Mapping[str, Any], base: str, language: str = "en") -> str:
    """HTML of an OpenAPI specification; ``base``: the address that examples are sent to."""
    return "".join(_Page(spoken(specification, language), base, language).parts())


class _Page:
    """One page in one language."""

    def __init__(self, specification: Mapping[str, Any], base: str, language: str) -> None:
        self.specification, self.base, self.language = specification, base, language

    def tr(self, key: str, **values: str) -> str:
        return escape(translate(self.language, f"api_docs.page.{key}", **values))

    def parts(self) -> Iterator[str]:
        title = self.specification["info"]["title"]
        tongue = "zh-CN" if self.language == "zh" else self.language
        other = next(name for name in LANGUAGES if name != self.language)
        yield f'<!doctype html><html lang="{tongue}"><head><meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield f"<title>{escape(title)} · HTTP API</title><style>{_STYLE}</style></head><body><main>"
        yield f'<p class="other"><a href="docs?lang={other}" hreflang="{other}">{self.tr("other")}</a></p>'
        yield f"<h1>{self.tr('heading', title=title)}</h1>"
        yield from (f"<p>{_words(part)}</p>" for part in self.specification["info"]["description"].split("\n\n"))
        yield f"<p>{self.tr('base')} <code>{escape(self.base)}</code>"
        yield ' · <a href="openapi.json">openapi.json</a></p>'
        question = translate(self.language, "api_docs.page.question")
        yield f"<pre><code>{escape(_python(self.base, question))}</code></pre>"
        groups: dict[str, list[str]] = {}
        for path, method, operation in _operations(self.specification):
            said = "".join(self._operation(path, method, operation))
            groups.setdefault(operation["tags"][-1], []).append(said)
        for name, operations in groups.items():
            yield f"<h2>{escape(name)}</h2>"
            yield from operations
        yield "</main></body></html>"

    def _operation(self, path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
        yield f'<details id="{escape(operation["operationId"])}"><summary><span class="verb">{method.upper()}</span>'
        yield f'<code>{escape(path)}</code><span class="quiet">{escape(operation["summary"])}</span></summary>'
        yield from (f"<p>{_words(part)}</p>" for part in operation.get("description", "").split("\n\n") if part)
        rows = [(one["name"], one["schema"], one.get("required", False)) for one in operation.get("parameters", ())]
        if rows:
            yield f"<h3>{self.tr('in_address')}</h3>{self._table(rows)}"
        kinds = operation.get("requestBody", {}).get("content", {})
        for kind, content in kinds.items():
            schema = _resolved(self.specification, content["schema"])
            required = set(schema.get("required", ()))
            fields = [(name, one, name in required) for name, one in _fields(schema)]
            yield f"<h3>{self.tr('body')} <span class='quiet'>{escape(kind)}</span></h3>{self._table(fields)}"
        yield f"<pre><code>{escape(_curl(self.specification, self.base, path, method, kinds))}</code></pre>"
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                yield from self._response(status, answer)
        others = ", ".join(status for status in operation["responses"] if not status.startswith("2"))
        yield f'<p class="quiet">{self.tr("errors", list=others)}</p></details>'

    def _response(self, status: str, answer: Mapping[str, Any]) -> Iterator[str]:
        yield f"<h3>{self.tr('answer', status=status)}</h3>"
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if not schema:
            yield f"<p>{self.tr('no_body')}</p>"
            return
        resolved = _resolved(self.specification, schema)
        if resolved.get("description"):
            yield f"<p>{_words(resolved['description'])}</p>"
        example = json.dumps(_example(self.specification, schema), indent=2, ensure_ascii=False)
        yield f"<pre><code>{escape(example)}</code></pre>"

    def _table(self, rows: Sequence[tuple[str, Mapping[str, Any], bool]]) -> str:
        lines = []
        for name, schema, required in rows:
            said = _words(str(schema.get("description", "")))
            must = f" <span class='quiet'>{self.tr('required')}</span>" if required else ""
            kind = escape(_kind(self.specification, schema))
            lines.append(f"<tr><td><code>{escape(name)}</code>{must}</td><td><code>{kind}</code> {said}</td></tr>")
        return f"<table>{''.join(lines)}</table>"


def _python(base: str, question: str) -> str:
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base}", api_key="plk_…")\n'
        "answer = client.chat.completions.create(\n"
        f'    model="knowledge-base:NAME", messages=[{{"role": "user", "content": "{question}"}}]\n'
        ")\nprint(answer.choices[0].message.content, answer.citations)"
    )


def _curl(
    specification: Mapping[str, Any], base: str, path: str, method: str, kinds: Mapping[str, Mapping[str, Any]]
) -> str:
    lines = [f"curl -X {method.upper()} {base}{path}", '-H "Authorization: Bearer $PILOTLIGHT_KEY"']
    if "multipart/form-data" in kinds:
        lines.append("-F files=@manual.pdf")
    elif kinds:
        schema = _resolved(specification, kinds["application/json"]["schema"])
        needed = {name: schema["properties"][name] for name in schema.get("required", ())}
        body = {name: _example(specification, one) for name, one in needed.items()}
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)


def _kind(specification: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(specification, one) for one in schema["anyOf"])
        return " | ".join(kinds)
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(one) for one in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if schema.get("type") == "array":
        return f"[{_kind(specification, schema.get('items', {}))}]"
    signs = {"minimum": "≥", "maximum": "≤"}
    bounds = [f"{sign}{schema[key]:g}" for key, sign in signs.items() if abs(schema.get(key, _ANY)) < _ANY]
    return " ".join([str(schema.get("type", "any")), *bounds])


def _example(specification: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    schema = _resolved(specification, schema)
    if "anyOf" in schema:
        return _example(specification, schema["anyOf"][0], depth)
    if "enum" in schema or "const" in schema:
        return schema.get("enum", [schema.get("const")])[0]
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {}) if depth < _DEPTH else {}
        return {name: _example(specification, one, depth + 1) for name, one in fields.items()}
    if kind == "array":
        return [_example(specification, schema.get("items", {}), depth + 1)] if depth < _DEPTH else []
    return {"integer": 1, "number": 0.5, "boolean": False, "null": None}.get(str(kind), "…")


def _resolved(specification: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    name = str(schema["$ref"]).rsplit("/", 1)[-1]
    found: Mapping[str, Any] = specification["components"]["schemas"][name]
    return found


def _words(text: str) -> str:
    """Escaped, with `code` in its face."""
    parts = escape(" ".join(text.split()), quote=False).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
