"""Connections that the server is to make for somebody, and processes that know too much."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.config import OidcConfig
from euthymia.app.id_token import read_keys, verified_claims
from euthymia.app.oidc import Oidc, origin
from euthymia.app.once import Once
from euthymia.ground.errors import AccessError, EuthymiaError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.security.token import Tokens
from proofs import Holder, b64
from small_clinic import NOW, make_clinic

SRC = Path(__file__).parents[2] / "src"


class _Evil(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        status, headers, body = self.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[str]:
    _Evil.answers, _Evil.asked = {}, []
    server = HTTPServer(("127.0.0.1", 0), _Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def relying(issuer: str, folder: Path) -> Oidc:
    keyring = Keyring.create(folder / "keys")
    (folder / "once").mkdir()
    tokens = Tokens(keyring, issuer="euthymia", audience="euthymia-api")
    config = OidcConfig(issuer=issuer, client_id="euthymia", roles=("x=clinician",))
    return Oidc(config, tokens, Once(folder / "once"), keyring.derive("session"), lambda: NOW)


KNOWN = "/.well-known/openid-configuration"


def described(base: str, **changed: str) -> bytes:
    import json

    said = {"issuer": base, "jwks_uri": f"{base}/jwks", "authorization_endpoint": f"{base}/auth"}
    return json.dumps(said | changed).encode()


@pytest.mark.parametrize(
    "elsewhere",
    ["http://169.254.169.254/latest/meta-data/", "https://evil.example/jwks", "file:///etc/passwd",
     "http://localhost:1/jwks", "http://127.0.0.1@evil.example/", "gopher://127.0.0.1/", "//evil",
     "http://[::1]:1/jwks", "http://2130706433/"],
)  # fmt: skip
def test_ssrf_through_the_address_of_keys(elsewhere: str, provider: str, tmp_path: Path):
    """Controls the provider's description; wants an inner address called for the keys."""
    for name in ("jwks_uri", "authorization_endpoint"):
        _Evil.answers[KNOWN] = (200, {}, described(provider, **{name: elsewhere}))
        _Evil.answers["/jwks"] = (200, {}, b'{"keys": []}')
        (tmp_path / name).mkdir()
        with pytest.raises(EuthymiaError):
            relying(provider, tmp_path / name).begin("http://here/back")
    assert set(_Evil.asked) <= {KNOWN, "/jwks"}


def test_ssrf_through_a_redirect(provider: str, tmp_path: Path):
    """Controls the provider; answers with a redirect to an inner address."""
    for status in (301, 302, 303, 307, 308):
        _Evil.answers = {
            KNOWN: (status, {"location": f"{provider}/inner"}, b""),
            "/inner": (200, {}, described(provider)),
        }
        (tmp_path / str(status)).mkdir()
        with pytest.raises(EuthymiaError):
            relying(provider, tmp_path / str(status)).begin("http://here/back")
    assert "/inner" not in _Evil.asked


def test_endless_answer_of_a_provider(provider: str, tmp_path: Path):
    """Controls the provider; sends a description without end, too deep, or of another type."""
    for n, body in enumerate((b"x" * (1 << 20), b"[" * 200_000, b'"text"', b"{}", b"\xff")):
        _Evil.answers[KNOWN] = (200, {}, body)
        (tmp_path / str(n)).mkdir()
        with pytest.raises(EuthymiaError):
            relying(provider, tmp_path / str(n)).begin("http://here/back")


@pytest.mark.parametrize(
    "url",
    [
        "http://sso.example/",
        "ftp://sso.example",
        "https://u:p@x.example",
        "https://",
        "javascript:1",
        "https://x.example:99999/",
    ],
)
def test_issuer_that_is_no_issuer(url: str):
    """May propose the issuer's address; wants one without TLS or with credentials in it."""
    with pytest.raises(SchemaError):
        origin(url)


@pytest.mark.parametrize("member", ["alg", "kid", "typ", "crit"])
def test_id_token_with_members_of_other_types(member: str):
    """Controls the provider's answer; sends lists and objects where words are, wants a crash."""
    holder = Holder()
    keys = read_keys({"keys": [holder.jwk | {"kid": "k"}]})
    import json

    for value in ([], {}, [{}], 5, None, True):
        header = {"alg": "EdDSA", "kid": "k"} | {member: value}
        signed = f"{b64(json.dumps(header).encode())}.{b64(b'{}')}"
        text = f"{signed}.{b64(holder.sign(signed.encode()))}"
        with pytest.raises((AccessError, LookupError)):
            verified_claims(text, keys, issuer="i", client="c", nonce="n", second=1)


def test_name_at_the_provider_that_is_a_patient_here(provider: str, tmp_path: Path):
    """May choose the name at the provider; takes the pseudonym of somebody, seen in an export."""
    party = relying(provider, tmp_path)
    said = {party.config.user_claim: "p-abcdefghijklmnop", party.config.role_claim: ["x"]}
    with pytest.raises(AccessError, match="patient's pseudonym"):
        party._who(said)
    assert party._who(said | {party.config.user_claim: "dr-lind"}).user == "dr-lind"


@pytest.mark.parametrize("roles", [[{}], [["x"]], {"x": 1}, [None, 5, {}], "y", 5])
def test_roles_of_other_types(roles: object, provider: str, tmp_path: Path):
    """Controls a role claim; sends objects, wants a crash or somebody's role."""
    party = relying(provider, tmp_path)
    with pytest.raises(AccessError):
        party._who({party.config.user_claim: "dr-evil", party.config.role_claim: roles})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_secrets_in_arguments_environment_and_memory(tmp_path: Path):
    """Has the same login or a crash dump of the server; looks through its memory and `ps`.

    Expected in memory: the keys that the server works with (it says so in SECURITY.md). Not
    expected anywhere in arguments or environment: any of them.
    """
    home = tmp_path / "home"
    make_clinic(home, clock=wall_clock).close()
    with Clinic.opened(home) as clinic:
        secrets = {
            "root": (home / "keys" / "master.key").read_bytes(),
            "page": clinic.keyring.derive("page"),
            "research": clinic.keyring.derive("research"),
            "bearer": clinic.tokens.issue(
                "dr-lind", "clinician", now=wall_clock(), lifetime=timedelta(hours=1)
            ).encode(),
        }
    code = (
        "import sys, pathlib; from euthymia.app.clinic import Clinic\n"
        "with Clinic.opened(pathlib.Path(sys.argv[1])) as c:\n"
        "    print('up', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(SRC)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.1)
        proc = Path(f"/proc/{process.pid}")
        seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        for name, secret in secrets.items():
            for form in (secret, secret.hex().encode(), b64(secret).encode()):
                assert form not in seen, name
        counted = _count(proc, secrets)
    finally:
        process.communicate(timeout=20)
    assert counted["bearer"] == 0  # nobody presented it
    assert counted["research"] == 0  # not derived until it is asked for
    assert counted["page"] <= 8  # a working key, known to be there


@pytest.mark.skipif(sys.platform != "linux", reason="what a crash leaves is the system's own there")
@pytest.mark.parametrize(
    "begun", ["from euthymia.app.cli import _guard as begin",
              "from euthymia.app.workers import begin_beside as begin",
              "from euthymia.security.enclosure import keep_memory_private as begin"],
)  # fmt: skip
def test_memory_of_a_process_that_crashed(begun: str):
    """Has a worker crash, looks for its memory among the machine's core dumps."""
    code = f"{begun}; begin()\nimport ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(SRC)},
    )  # fmt: skip
    assert done.stdout.strip() == "0", "it may be dumped, and read by programs of its user"


def _count(proc: Path, secrets: dict[str, bytes]) -> dict[str, int]:
    """Count secrets in the writable memory of a process."""
    found = dict.fromkeys(secrets, 0)
    with (proc / "mem").open("rb", 0) as memory:
        for line in (proc / "maps").read_text().splitlines():
            where, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in where.split("-"))
            try:
                memory.seek(start)
                raw = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            for name, secret in secrets.items():
                found[name] += raw.count(secret)
    return found
