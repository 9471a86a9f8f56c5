"""Limits at the edge: rates, sizes, times, connections, and what a proxy is believed."""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from threading import Thread

import httpx
import pytest
import uvicorn

from edge_server import trusting
from euthymia.app.config import ServeConfig
from euthymia.app.dealing import DealtServer, Hands, accept_into, listen
from euthymia.app.http import limits, wire
from euthymia.app.http.gate import ADDRESS_LIMIT, Gate
from euthymia.app.http.limits import Rate, caller_of
from euthymia.app.http.wire import HEAD_LIMIT, Doorman

PATIENCE_S = 30  # the server's own limits are below a second: who waits this long was not cut


@dataclass
class Up:
    port: int
    seen: list

    def dial(self):
        """Return a connection that gives up, with an error, only long after the server should."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)


@pytest.fixture
def up(monkeypatch, request):
    """A server with short times around an application that echoes the length of a body."""
    monkeypatch.setattr(wire, "HEAD_TIMEOUT_S", 0.4)
    monkeypatch.setattr(wire, "MESSAGE_TIMEOUT_S", 0.8)
    seen = []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        seen.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        said = str(len(body)).encode()
        head = [(b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": said})

    settings = getattr(request, "param", ServeConfig(connections_per_address=3))
    hands = Hands(most=5)
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None)
    with listen("127.0.0.1", 0) as listener, hands.add(0) as channel:
        server = DealtServer(config, channel, Doorman(settings))
        threads = [
            Thread(target=accept_into, args=(hands, listener)),
            Thread(target=server.run),
        ]
        for thread in threads:
            thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Up(listener.getsockname()[1], seen)
        server.should_exit = True
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        hands.close()


def _all(caller):
    got = b""
    while piece := caller.recv(65536):
        got += piece
    return got


def _drip(caller, piece):
    for _ in range(PATIENCE_S * 20):
        caller.sendall(piece)
        time.sleep(0.05)
    raise AssertionError("it was let drip on")


def test_one_who_says_nothing_is_cut(up):
    with up.dial() as caller:
        assert _all(caller) in {b"", wire._TEXT[408]}


def test_a_head_that_drips_is_cut_however_it_drips(up):
    with up.dial() as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")
        with pytest.raises(ConnectionError):
            _drip(caller, b"x-a: b\r\n")
    assert up.seen == []


def test_a_head_that_drips_on_a_connection_already_used_is_cut(up):
    with up.dial() as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert caller.recv(1000).startswith(b"HTTP/1.1 200")
        caller.sendall(b"GET / HTTP/1.1\r\nhost:")
        assert b"408" in _all(caller)
    assert len(up.seen) == 1


def test_a_body_that_drips_is_cut(up):
    with up.dial() as caller:
        caller.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        with pytest.raises(ConnectionError):
            _drip(caller, b"a")


def test_who_sends_in_time_is_not_cut_however_often(up):
    with httpx.Client(base_url=f"http://127.0.0.1:{up.port}") as client:
        for _ in range(4):
            assert client.post("/", content=b"x" * 60_000).text == "60000"
            time.sleep(0.5)  # longer than a head may take: nothing is running then


def test_a_head_too_large_is_refused_at_once_or_in_pieces(up):
    for pieces in (1, 40):
        with up.dial() as caller:
            line = b"x-a: " + b"b" * 2000 + b"\r\n"
            caller.sendall(b"GET / HTTP/1.1\r\n")
            try:
                for _ in range(pieces):
                    caller.sendall(line * (40 // pieces))
                    time.sleep(0.001)
                caller.sendall(b"\r\n")
                got = _all(caller)
            except ConnectionError:
                continue  # it hung up before all was said
            assert got.startswith(b"HTTP/1.1 431") or got == b""
    assert up.seen == []
    with up.dial() as caller:  # just within
        caller.sendall(b"GET / HTTP/1.1\r\nx-a: " + b"b" * (HEAD_LIMIT - 200) + b"\r\n\r\n")
        assert caller.recv(100).startswith(b"HTTP/1.1 200")


def test_one_address_holds_so_many_connections_and_all_together_so_many(up):
    callers = [up.dial() for _ in range(3)]
    for caller in callers:
        caller.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
    with up.dial() as fourth:
        try:
            fourth.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert fourth.recv(100) == b""
        except ConnectionError:
            pass
    callers.pop().close()
    until = time.monotonic() + PATIENCE_S
    while True:  # a place became free
        with up.dial() as again:
            try:
                again.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                if again.recv(100).startswith(b"HTTP/1.1 200"):
                    break
            except ConnectionError:
                pass
        assert time.monotonic() < until
    for caller in callers:
        caller.close()


def test_beyond_all_that_may_be_open_a_connection_is_closed():
    hands = Hands(most=2)
    channel = hands.add(0)
    callers = []
    for _ in range(3):
        ours, theirs = socket.socketpair()
        hands.deal(theirs)
        callers.append(ours)
    callers[2].settimeout(1)
    assert callers[2].recv(1) == b""
    callers[0].settimeout(0.1)
    with pytest.raises(TimeoutError):
        callers[0].recv(1)
    for one in (*callers, channel):
        one.close()
    hands.close()


@pytest.mark.parametrize(
    "up", [ServeConfig(behind_proxy=True, proxies=("192.0.2.1",))], indirect=True
)
def test_behind_a_proxy_nobody_else_is_let_in(up):
    with up.dial() as caller:
        try:
            caller.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 192.0.2.1\r\n\r\n")
            assert caller.recv(100) == b""
        except ConnectionError:
            pass
    assert up.seen == []


def _scope(address="192.0.2.9", path=b"/", query=b"", **headers):
    return {
        "raw_path": path,
        "query_string": query,
        "client": (address, 1),
        "scheme": "http",
        "headers": [(k.replace("_", "-").encode(), v) for k, v in headers.items()],
    }


def test_a_proxy_is_believed_its_own_entry_only():
    gate = Gate(ServeConfig(behind_proxy=True))
    for said, believed in (
        (b"203.0.113.5", "203.0.113.5"),
        (b"127.0.0.1, 203.0.113.5", "203.0.113.5"),
        (b"203.0.113.5, 127.0.0.1", "unknown"),
        (b"", "unknown"),
    ):
        scope = _scope("127.0.0.1", x_forwarded_for=said)
        assert gate.enter(scope, 0.0) is None
        assert scope["client"][0] == believed
        assert scope["scheme"] == "https"
    none = _scope("127.0.0.1")
    gate.enter(none, 0.0)
    assert none["client"][0] == "unknown"
    scope = _scope("192.0.2.9", x_forwarded_for=b"127.0.0.1")
    Gate(ServeConfig()).enter(scope, 0.0)  # no proxy: the header is nobody's
    assert scope["client"][0] == "192.0.2.9"
    assert scope["scheme"] == "http"


def test_calls_beyond_the_rate_are_told_when_to_come_again():
    gate = Gate(ServeConfig(rate_per_address=10, rate_per_token=0))
    answers = [gate.enter(_scope(), 100.0) for _ in range(60)]
    passed = [answer for answer in answers if answer is None]
    assert len(passed) == 10 * limits.BURST_S + 1
    refusal, headers = answers[-1]
    assert refusal.kind.status == 429
    assert dict(headers) == {b"retry-after": b"1"}
    assert gate.enter(_scope("192.0.2.10"), 100.0) is None  # another caller is not held up
    assert gate.enter(_scope(), 101.0) is None
    assert all(gate.enter(_scope("127.0.0.1"), 100.0) is None for _ in range(500))


def test_a_token_has_a_rate_of_its_own_from_wherever_it_is_used():
    gate = Gate(ServeConfig(rate_per_address=0, rate_per_token=10))
    calls = [_scope(f"192.0.2.{n}", authorization=b"Bearer one") for n in range(60)]
    assert sum(gate.enter(call, 5.0) is None for call in calls) == 51
    assert gate.enter(_scope(authorization=b"Bearer two"), 5.0) is None


def test_an_address_too_long_is_refused():
    gate = Gate(ServeConfig())
    refusal, _ = gate.enter(_scope(path=b"/" * 100, query=b"q" * ADDRESS_LIMIT), 0.0)
    assert refusal.kind.status == 414


def test_one_household_of_ipv6_is_one_caller_and_memory_is_bounded(monkeypatch):
    assert caller_of("2001:db8:1:2:3:4:5:6") == caller_of("2001:db8:1:2::1")
    assert caller_of("2001:db8:1:3::1") != caller_of("2001:db8:1:2::1")
    assert caller_of("::ffff:192.0.2.1") == "192.0.2.1"
    monkeypatch.setattr(limits, "MOST_KEPT", 100)
    rate = Rate(1.0)
    for n in range(1000):
        rate.wait(n, 50.0)
    assert len(rate._full_at) <= 100


async def _nobody(scope, receive, send):
    raise AssertionError("nobody is to be answered")


def test_a_tls_handshake_that_does_not_come_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr("euthymia.app.dealing.HEAD_TIMEOUT_S", 0.4)
    _, paths = trusting(tmp_path / "certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths["certificate"], paths["key"])
    hands = Hands()
    config = uvicorn.Config(
        _nobody,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        ssl_context_factory=lambda *_: context,
    )
    with hands.add(0) as channel:
        server = DealtServer(config, channel, Doorman(ServeConfig()))
        thread = Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            caller = socket.create_connection(listener.getsockname(), timeout=PATIENCE_S)
            connection, _ = listener.accept()
            hands.deal(connection)
            with caller, contextlib.suppress(ConnectionError):
                assert caller.recv(10) == b""
        server.should_exit = True
        thread.join(10)
    hands.close()
