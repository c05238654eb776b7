"""The specification as a page: plain HTML without a script, so that it works offline and under the strictest policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

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
.verb{color:var(--accent);font-weight:700;min-width:4.2rem}.quiet{color:var(--quiet)}
table{border-collapse:collapse;width:100%;margin:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{font-weight:600;font-size:.85em;color:var(--quiet)}
td:first-child{width:30%}
"""
_DEPTH = 4
_ANY = 1e9  # a bound so wide says nothing to people


def page(specification: Mapping[str, Any], base: str) -> str:
    """HTML of an OpenAPI specification; ``base``: the address that examples are sent to."""
    return "".join(_page(specification, base))


def _page(specification: Mapping[str, Any], base: str) -> Iterator[str]:
    title = escape(specification["info"]["title"])
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{title} · HTTP API</title><style>{_STYLE}</style></head><body><main><h1>{title}: the HTTP API</h1>"
    yield from (f"<p>{_words(part)}</p>" for part in specification["info"]["description"].split("\n\n"))
    yield f'<p>Base address <code>{escape(base)}</code> · <a href="openapi.json">openapi.json</a></p>'
    yield f"<pre><code>{escape(_python(base))}</code></pre>"
    groups: dict[str, list[str]] = {}
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            said = "".join(_operation(specification, base, path, method, operation))
            groups.setdefault(operation["tags"][-1], []).append(said)
    for name, operations in groups.items():
        yield f"<h2>{escape(name)}</h2>"
        yield from operations
    yield "</main></body></html>"


def _python(base: str) -> str:
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base}", api_key="plk_…")\n'
        "answer = client.chat.completions.create(\n"
        '    model="knowledge-base:NAME", messages=[{"role": "user", "content": "How long is the warranty?"}]\n'
        ")\nprint(answer.choices[0].message.content, answer.citations)"
    )


def _operation(
    specification: Mapping[str, Any], base: str, path: str, method: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    yield f'<details id="{escape(operation["operationId"])}"><summary><span class="verb">{method.upper()}</span>'
    yield f'<code>{escape(path)}</code><span class="quiet">{escape(operation["summary"])}</span></summary>'
    yield from (f"<p>{_words(part)}</p>" for part in operation.get("description", "").split("\n\n") if part)
    rows = [(one["name"], one["schema"], one.get("required", False)) for one in operation.get("parameters", ())]
    if rows:
        yield f"<h3>In the address</h3>{_table(specification, rows)}"
    kinds = operation.get("requestBody", {}).get("content", {})
    for kind, content in kinds.items():
        schema = _resolved(specification, content["schema"])
        required = set(schema.get("required", ()))
        fields = [(name, one, name in required) for name, one in schema.get("properties", {}).items()]
        yield f"<h3>Body <span class='quiet'>{escape(kind)}</span></h3>{_table(specification, fields)}"
    yield f"<pre><code>{escape(_curl(specification, base, path, method, kinds))}</code></pre>"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from _response(specification, status, answer)
    others = ", ".join(status for status in operation["responses"] if not status.startswith("2"))
    yield f'<p class="quiet">Errors: {escape(others)}</p></details>'


def _response(specification: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3>Answer {escape(status)}</h3>"
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema:
        resolved = _resolved(specification, schema)
        if resolved.get("description"):
            yield f"<p>{_words(resolved['description'])}</p>"
        example = json.dumps(_example(specification, schema), indent=2, ensure_ascii=False)
        yield f"<pre><code>{escape(example)}</code></pre>"
    else:
        yield "<p>Without a body.</p>"


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


def _table(specification: Mapping[str, Any], rows: list[tuple[str, Mapping[str, Any], bool]]) -> str:
    lines = []
    for name, schema, required in rows:
        said = _words(str(schema.get("description", "")))
        must = " <span class='quiet'>required</span>" if required else ""
        kind = escape(_kind(specification, schema))
        lines.append(f"<tr><td><code>{escape(name)}</code>{must}</td><td><code>{kind}</code> {said}</td></tr>")
    return f"<table>{''.join(lines)}</table>"


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
