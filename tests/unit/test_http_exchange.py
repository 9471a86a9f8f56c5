"""One exchange: what a body may be, who is on this machine, what every answer carries."""

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from euthymia.app.http import exchange
from euthymia.app.http.exchange import (
    BODY_LIMIT,
    Call,
    json_reply,
    problem_reply,
    refused,
    send_reply,
)
from euthymia.app.problems import KINDS, TYPE_PREFIX, RefusalError

JSON = (b"content-type", b"application/json")


def call(
    parts: Iterable[bytes] = (b"{}",),
    headers: tuple[tuple[bytes, bytes], ...] = (JSON,),
    client: tuple[str, int] | None = ("127.0.0.1", 5),
    stall: bool = False,
) -> Call:
    waiting = list(parts)

    async def receive() -> dict[str, object]:
        if stall and not waiting:
            await asyncio.sleep(60)
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting) or stall}

    return Call({"headers": headers, "client": client}, receive, "r-1")


def slug(error: pytest.ExceptionInfo[RefusalError]) -> str:
    return error.value.kind.slug


def test_a_body_in_parts_is_put_together() -> None:
    assert asyncio.run(call((b'{"a"', b":", b"1}")).body()) == b'{"a":1}'


@pytest.mark.parametrize(
    "value",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b'Application/JSON;charset="UTF-8"',
    ],
)
def test_json_by_any_of_its_spellings(value: bytes) -> None:
    assert asyncio.run(call(headers=((b"content-type", value),)).body()) == b"{}"


@pytest.mark.parametrize(
    "value",
    [
        b"text/plain",
        b"",
        b"application/jsonp",
        b"application/json; charset=latin-1",
        b"multipart/x",
    ],
)
def test_another_content_type_is_refused(value: bytes) -> None:
    with pytest.raises(RefusalError) as error:
        asyncio.run(call(headers=((b"content-type", value),)).body())
    assert slug(error) == "media-type"


def test_no_content_type_is_refused() -> None:
    with pytest.raises(RefusalError) as error:
        asyncio.run(call(headers=()).body())
    assert slug(error) == "media-type"


def test_the_largest_body_fits_and_one_byte_more_does_not() -> None:
    assert len(asyncio.run(call((b"x" * BODY_LIMIT,)).body())) == BODY_LIMIT
    for parts in ((b"x" * (BODY_LIMIT + 1),), (b"x" * BODY_LIMIT, b"x")):
        with pytest.raises(RefusalError) as error:
            asyncio.run(call(parts).body())
        assert slug(error) == "too-large"


@pytest.mark.parametrize("length", [str(BODY_LIMIT + 1).encode(), b"-1", b"many", b"\xc2\xb2"])
def test_a_declared_length_is_looked_at_before_the_body(length: bytes) -> None:
    with pytest.raises(RefusalError) as error:
        asyncio.run(call((), (JSON, (b"content-length", length))).body())
    assert slug(error) == "too-large"


def test_a_slow_body_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_TIMEOUT_S", 0.02)
    with pytest.raises(RefusalError) as error:
        asyncio.run(call((b"{",), stall=True).body())
    assert slug(error) == "timeout"


def test_a_caller_who_is_cancelled_is_not_told_of_a_timeout() -> None:
    async def run() -> None:
        task = asyncio.create_task(call((b"{",), stall=True).body())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer  abc ", "abc"),
        (b"Basic abc", None),
        (b"Bearer", None),
        (b"Bearer \xff", None),
        (b"", None),
    ],
)
def test_the_bearer_token(header: bytes, token: str | None) -> None:
    assert call(headers=((b"authorization", header),)).authorization()[1] == token


@pytest.mark.parametrize(
    ("client", "headers", "here"),
    [
        (("127.0.0.1", 1), (), True),
        (("::1", 1), (), True),
        (("192.0.2.1", 1), (), False),
        (None, (), False),
        (("127.0.0.1", 1), ((b"x-forwarded-for", b"127.0.0.1"),), False),
        (("127.0.0.1", 1), ((b"forwarded", b"for=1"),), False),
    ],
)
def test_who_is_on_this_machine(client: tuple[str, int] | None, headers: tuple, here: bool) -> None:
    assert call(headers=headers, client=client).from_this_machine() is here


def sent(reply: exchange.Reply, head: bool = False) -> tuple[dict[bytes, bytes], bytes]:
    messages: list[dict] = []

    async def send(message: dict) -> None:
        messages.append(message)

    asyncio.run(send_reply(send, reply, "r-9", head=head))
    return dict(messages[0]["headers"]), messages[1]["body"]


def test_every_answer_is_not_kept_not_sniffed_and_numbered() -> None:
    for reply in (json_reply({"a": 1}), refused(RefusalError("role", "no"), "r-9")):
        headers, body = sent(reply)
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
        assert headers[b"x-request-id"] == b"r-9"
        assert headers[b"content-length"] == str(len(body)).encode()


def test_head_is_the_headers_alone() -> None:
    headers, body = sent(json_reply({"a": 1}), head=True)
    assert body == b""
    assert headers[b"content-length"] == b"7"


@pytest.mark.parametrize("slug", sorted(KINDS))
def test_a_problem_is_rfc_9457(slug: str) -> None:
    reply = problem_reply(RefusalError(slug, "say how to mend it").problem("urn:x"))
    problem = msgspec.json.decode(reply.body)
    assert problem == {
        "type": TYPE_PREFIX + slug,
        "title": KINDS[slug].title,
        "status": KINDS[slug].status,
        "detail": "say how to mend it",
        "instance": "urn:x",
    }
    headers = dict(reply.headers)
    assert headers[b"content-type"] == b"application/problem+json"
    assert (b"www-authenticate" in headers) == (reply.status == 401)
    assert (b"retry-after" in headers) == (reply.status == 503)
    assert reply.outcome == slug
