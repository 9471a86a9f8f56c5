"""The API's description is made from the code, is valid OpenAPI 3.1, and needs no network."""

import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import msgspec

from euthymia.app.http.exchange import Call, Reply
from euthymia.app.http.openapi import document
from euthymia.app.http.routes import ROUTES
from euthymia.app.http.services import Handler
from euthymia.app.problems import KINDS, TYPE_PREFIX
from euthymia.app.question import AnalyzeRequest, Answer

Schema = dict[str, Any]


class Media(msgspec.Struct, forbid_unknown_fields=True):
    schema: Schema
    example: Any = None


class Response(msgspec.Struct, forbid_unknown_fields=True):
    description: str
    content: dict[str, Media]


class Body(msgspec.Struct, forbid_unknown_fields=True):
    required: bool
    content: dict[str, Media]


class OperationObject(msgspec.Struct, forbid_unknown_fields=True):
    operationId: str  # noqa: N815 - OpenAPI's word
    summary: str
    description: str
    responses: dict[str, Response]
    security: list[dict[str, list[str]]] = []
    requestBody: Body | None = None  # noqa: N815 - OpenAPI's word


class License(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    identifier: str


class Info(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    version: str
    summary: str
    description: str
    license: License


class Components(msgspec.Struct, forbid_unknown_fields=True):
    schemas: dict[str, Schema]
    securitySchemes: dict[str, dict[str, str]]  # noqa: N815 - OpenAPI's word


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """What OpenAPI 3.1 allows at the places we fill."""

    openapi: str
    info: Info
    servers: list[dict[str, str]]
    paths: dict[str, dict[str, OperationObject]]
    components: Components


def spec() -> Document:
    return msgspec.convert(document(ROUTES), Document)


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [r for part in value.values() for r in references(part)]
    if isinstance(value, list):
        return [r for part in value for r in references(part)]
    return []


def test_the_document_is_openapi_3_1() -> None:
    found = spec()
    assert re.fullmatch(r"3\.1\.\d+", found.openapi)
    ids = [op.operationId for methods in found.paths.values() for op in methods.values()]
    assert len(set(ids)) == len(ids)
    for path, methods in found.paths.items():
        assert path.startswith("/")
        assert set(methods) <= {"get", "post"}
        for operation in methods.values():
            assert "200" in operation.responses
            assert all(re.fullmatch(r"[1-5]\d\d", s) for s in operation.responses)


def test_every_reference_leads_somewhere_and_every_type_is_used() -> None:
    whole = document(ROUTES)
    used = set(references(whole))
    there = {f"#/components/schemas/{name}" for name in whole["components"]["schemas"]}
    assert used == there


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(p, m.upper()) for p, methods in spec().paths.items() for m in methods}
    assert described == {(p, m) for p, methods in ROUTES.items() for m in methods}


def test_what_the_issue_of_a_token_calls_for_is_said() -> None:
    paths = spec().paths
    assert paths["/v1/analyze"]["post"].security == [{"bearer": []}]
    assert paths["/metrics"]["get"].security == [{"bearer": []}, {}]
    assert paths["/healthz"]["get"].security == []


def test_each_problem_of_an_operation_is_under_its_status() -> None:
    for methods in ROUTES.values():
        for operation in methods.values():
            told = spec().paths[operation.path][operation.method.lower()].responses
            for slug in operation.problems:
                kind = KINDS[slug]
                response = told[str(kind.status)]
                assert f"`{slug}`" in response.description
                assert "application/problem+json" in response.content


def test_the_schemas_are_those_of_the_messages() -> None:
    schemas = spec().components.schemas
    assert list(schemas["Answer"]["properties"]) == list(Answer.__struct_fields__)
    assert schemas["AnalyzeRequest"]["additionalProperties"] is False
    assert schemas["AnalyzeRequest"]["required"] == ["patient_id", "model"]
    example = spec().paths["/v1/analyze"]["post"].requestBody
    assert example is not None
    msgspec.convert(example.content["application/json"].example, AnalyzeRequest)


def test_problem_types_are_urns_of_ours() -> None:
    for slug, kind in KINDS.items():
        assert slug == kind.slug
        assert re.fullmatch(r"urn:euthymia:problem:[a-z-]+", TYPE_PREFIX + slug)


async def _nothing() -> dict[str, object]:
    return {"type": "http.request"}


def get(handler: Handler) -> Reply:
    call = Call({"headers": []}, _nothing, "r-1")
    return asyncio.run(handler(call, SimpleNamespace(routes=ROUTES)))  # type: ignore[arg-type, misc]


class Page(HTMLParser):
    VOID = frozenset({"meta", "br", "wbr", "link", "img", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.attributes |= set(values)
        self.ids += [values["id"]] if values.get("id") else []
        self.links += [v for k, v in attrs if k in {"href", "src"} and v]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_runs_and_fetches_nothing() -> None:
    reply = get(ROUTES["/docs"]["GET"].handle)
    page = Page()
    page.feed(reply.body.decode())
    assert page.open == []
    assert "script" not in page.tags
    assert not {a for a in page.attributes if a.startswith("on") or a == "style"}
    assert len(set(page.ids)) == len(page.ids)
    local = [link[1:] for link in page.links if link.startswith("#")]
    assert set(local) <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    for path in ROUTES:
        assert path in reply.body.decode()
    assert "<code>consent</code>" in reply.body.decode()
    assert "`" not in reply.body.decode()


def test_the_pages_policy_lets_in_its_own_style_alone() -> None:
    reply = get(ROUTES["/docs"]["GET"].handle)
    policy = dict(reply.headers)[b"content-security-policy"].decode()
    style = re.search(r"<style>(.*?)</style>", reply.body.decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_document_itself_is_json_and_the_same_each_time() -> None:
    handler = ROUTES["/openapi.json"]["GET"].handle
    assert get(handler).body == get(handler).body
    assert msgspec.json.decode(get(handler).body) == msgspec.to_builtins(document(ROUTES))
