"""GET /openapi.json and /docs: the description of the API, made from the types that serve it.

Nothing here is written by hand that the code could contradict: paths, methods and problems come
from the table of routes, schemas from the message types. `/docs` needs no script and no network.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from markupsafe import Markup, escape

from euthymia import __version__
from euthymia.app.http.exchange import SAFE_HEADERS, Call, Headers, Reply, json_reply
from euthymia.app.http.services import Operation, Routes, Services
from euthymia.app.problems import KINDS, MEDIA_TYPE, Problem

REF: Final = "#/components/schemas/{name}"
_STYLE: Final = Path(__file__).with_name("docs.css").read_text(encoding="utf-8")
_TEMPLATE: Final = Path(__file__).with_name("docs.html").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_HEADERS: Final[Headers] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", _POLICY.encode()),
    *(header for header in SAFE_HEADERS if header[0] != b"content-security-policy"),
)


def document(routes: Routes) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes."""
    operations = [op for methods in routes.values() for op in methods.values()]
    types = {t for op in operations for t in (op.reply, op.body) if t is not None} | {Problem}
    ordered = sorted(types, key=lambda t: t.__name__)
    references, components = msgspec.json.schema_components(ordered, ref_template=REF)
    schema_of = dict(zip(ordered, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Euthymia",
            "version": __version__,
            "summary": "Ask a released model about one person, with every check on.",
            "description": "Every call under /v1 is in the clinic's ledger before its answer is "
            "sent. A refusal is an RFC 9457 problem and says nothing about a person.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            path: {method.lower(): _operation(op, schema_of) for method, op in methods.items()}
            for path, methods in routes.items()
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token from `euthymia token --role ROLE`.",
                }
            },
        },
    }


def _operation(op: Operation, schema_of: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = schema_of[op.reply] if op.reply else {"type": "string"}
    responses: dict[str, Any] = {"200": _response("The answer.", op.media, answer)}
    for status, text in (op.statuses or {}).items():
        responses[str(status)] = _response(text, op.media, answer)
    for status in sorted({KINDS[slug].status for slug in op.problems}):
        kinds = [KINDS[slug] for slug in op.problems if KINDS[slug].status == status]
        text = " ".join(f"`{kind.slug}`: {kind.meaning}" for kind in kinds)
        responses[str(status)] = _response(text, MEDIA_TYPE, schema_of[Problem])
    described: dict[str, Any] = {
        "operationId": op.name.replace(" ", "-"),
        "summary": op.summary,
        "description": op.description,
        "responses": responses,
    }
    if op.bearer != "no":
        described["security"] = [{"bearer": []}, *([{}] if op.bearer == "optional" else [])]
    if op.body is not None:
        content: dict[str, Any] = {"schema": schema_of[op.body]}
        if op.example:
            content["example"] = dict(op.example)
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _response(text: str, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {media: {"schema": schema}}}


def _type_words(schema: Mapping[str, Any]) -> str:
    """Return a schema as a few words for the page."""
    words = "anything"
    if "$ref" in schema:
        words = schema["$ref"].rpartition("/")[2]
    elif "anyOf" in schema:
        words = " or ".join(_type_words(part) for part in schema["anyOf"])
    elif "enum" in schema:
        words = " or ".join(msgspec.json.encode(value).decode() for value in schema["enum"])
    elif "prefixItems" in schema:
        words = f"[{', '.join(_type_words(part) for part in schema['prefixItems'])}]"
    elif isinstance(schema.get("items"), dict):
        words = f"list of ({_type_words(schema['items'])})"
    elif isinstance(schema.get("additionalProperties"), dict):
        words = f"object of ({_type_words(schema['additionalProperties'])})"
    elif "type" in schema:
        words = schema["type"]
    return str(words)


def _in_code(text: str) -> Markup:
    """Return a sentence with what stands between backticks set as code; the rest is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


@lru_cache(maxsize=1)
def _page(spec: bytes) -> bytes:
    """Return the documentation as one HTML page without scripts."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["type_words"] = _type_words
    environment.filters["in_code"] = _in_code
    environment.filters["pretty"] = lambda value: msgspec.json.format(
        msgspec.json.encode(value), indent=2
    ).decode()
    template = environment.from_string(_TEMPLATE)
    return template.render(spec=msgspec.json.decode(spec), style=_STYLE).encode()


async def openapi(_: Call, services: Services) -> Reply:
    """Return the OpenAPI document."""
    return json_reply(document(services.routes))


async def docs(_: Call, services: Services) -> Reply:
    """Return the page."""
    page = _page(msgspec.json.encode(document(services.routes)))
    return Reply(200, page, DOCS_HEADERS)


OPENAPI = Operation(
    path="/openapi.json",
    method="GET",
    name="openapi",
    summary="This description",
    description="OpenAPI 3.1, made from the types that serve the calls.",
    handle=openapi,
    reply=dict,
)
DOCS = Operation(
    path="/docs",
    method="GET",
    name="docs",
    summary="This description, to read",
    description="One HTML page without scripts; it needs no network.",
    handle=docs,
    reply=None,
    media="text/html",
)
