"""ID tokens and fetching: what must not pass, without a provider."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from euthymia.app.config import OidcConfig
from euthymia.app.id_token import read_keys, verified_claims
from euthymia.app.oidc import Oidc, origin
from euthymia.app.once import Once
from euthymia.ground.errors import AccessError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.security.token import Tokens
from proofs import Holder, b64

NOW, ISSUER = 1_772_452_800, "https://sso.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = Holder("ES256")


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwks() -> dict:
    public = RSA.public_key().public_numbers()
    return {
        "keys": [
            {"kty": "RSA", "kid": "r", "use": "sig", "n": number(public.n), "e": number(public.e)},
            EC.jwk | {"kid": "e"},
            {"kty": "oct", "k": "AAAA", "kid": "r"},
            {"kty": "RSA", "kid": "small", "n": number(3 * 5), "e": "AQAB"},
            {"kty": "EC", "kid": "off", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": number(public.n), "e": "AQAB"},
            "rubbish", {"kty": 5},
        ]
    }  # fmt: skip


CLAIMS = {
    "iss": ISSUER,
    "aud": "euthymia",
    "sub": "dr-lee",
    "nonce": "n",
    "iat": NOW,
    "exp": NOW + 300,
}


def token(header: dict | None = None, claims: dict | None = None) -> str:
    head = {"alg": "RS256", "kid": "r"} | (header or {})
    body = {k: v for k, v in (CLAIMS | (claims or {})).items() if v is not None}
    signed = ".".join(b64(json.dumps(part).encode()) for part in (head, body))
    if head["alg"] == "ES256":
        return f"{signed}.{b64(EC.sign(signed.encode()))}"
    return f"{signed}.{b64(RSA.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def check(text: str, second: int = NOW) -> dict:
    keys = read_keys(jwks())
    return verified_claims(text, keys, issuer=ISSUER, client="euthymia", nonce="n", second=second)


def test_good_tokens_hold_and_only_keys_for_signing_count():
    assert check(token())["sub"] == "dr-lee"
    assert check(token({"alg": "ES256", "kid": "e"}))["sub"] == "dr-lee"
    assert check(token(claims={"aud": ["euthymia", "x"], "azp": "euthymia"}))
    assert [key.name for key in read_keys(jwks())] == ["r", "e"]
    assert read_keys({}) == read_keys({"keys": "x"}) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": None},
        {"aud": ["euthymia", "other"]}, {"aud": ["euthymia", "x"], "azp": "x"}, {"azp": "other"},
        {"nonce": "m"}, {"nonce": None}, {"nonce": 5}, {"sub": None}, {"sub": 5},
        {"exp": NOW - 61}, {"exp": None}, {"exp": "9999999999"}, {"exp": True},
        {"iat": NOW + 61}, {"iat": None}, {"nbf": NOW + 61},
    ],
)  # fmt: skip
def test_claims_that_do_not_hold(wrong: dict):
    with pytest.raises(AccessError):
        check(token(claims=wrong))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "RS512"}, {"alg": "ES256"}, {"alg": None},
        {"crit": ["b64"]}, {"kid": "other"}, {"kid": "enc"}, {"kid": 5},
    ],
)  # fmt: skip
def test_headers_that_do_not_hold(header: dict):
    with pytest.raises((AccessError, LookupError)):
        check(token(header))


def test_the_public_key_as_a_secret_signs_nothing():
    import hmac

    head, body = (b64(json.dumps(p).encode()) for p in ({"alg": "HS256", "kid": "r"}, CLAIMS))
    secret = json.dumps(jwks()["keys"][0]).encode()
    mac = b64(hmac.digest(secret, f"{head}.{body}".encode(), "sha256"))
    for alg in ("HS256", "RS256"):
        other = b64(json.dumps({"alg": alg, "kid": "r"}).encode())
        with pytest.raises((AccessError, LookupError)):
            check(f"{other}.{body}.{mac}")


@pytest.mark.parametrize(
    "text", ["", "..", "a.b.c", "x" * 20_000, "é.é.é", token()[:-8], token() + "."]
)
def test_rubbish(text: str):
    with pytest.raises((AccessError, LookupError)):
        check(text)


def test_every_changed_part_is_refused():
    head, body, tail = token().split(".")
    other = b64(json.dumps(CLAIMS | {"sub": "mallory"}).encode())
    for text in (f"{head}.{other}.{tail}", f"{head}.{body}.{b64(b'x' * 256)}", f"{head}.{body}."):
        with pytest.raises(AccessError):
            check(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://sso.example",
        "ftp://sso.example",
        "https://",
        "sso.example",
        "https://a:b@sso.example",
    ],
)
def test_addresses_that_are_not_taken(url: str):
    with pytest.raises(SchemaError):
        origin(url)


# -- fetching ------------------------------------------------------------------------------------
class Fake(BaseHTTPRequestHandler):
    """A provider that says what the test wants."""

    says: ClassVar[dict[str, object]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Fake.asked.append(self.path)
        said = Fake.says.get(self.path)
        if isinstance(said, tuple):
            self.send_response(said[0])
            self.send_header("location", said[1])
            self.end_headers()
            return
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(200 if said is not None else 404)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def fake():
    server = HTTPServer(("127.0.0.1", 0), Fake)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Fake.asked = []
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


WELL_KNOWN = "/.well-known/openid-configuration"


def relying(tmp_path, issuer: str) -> Oidc:
    keyring = Keyring.create(tmp_path / "keys")
    (tmp_path / "once").mkdir()

    def clock() -> datetime:
        return datetime.fromtimestamp(NOW, UTC)

    tokens = Tokens(keyring, issuer="a", audience="b")
    config = OidcConfig(issuer=issuer, client_id="euthymia")
    return Oidc(config, tokens, Once(tmp_path / "once"), b"k" * 32, clock)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "https://evil.example/jwks"},
        {"jwks_uri": "http://169.254.169.254/latest"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": "https://evil.example/auth"},
    ],
)
def test_nothing_is_fetched_from_anywhere_but_the_issuer(tmp_path, fake: str, changed: dict):
    document = {
        "issuer": fake,
        "jwks_uri": f"{fake}/jwks",
        "authorization_endpoint": f"{fake}/auth",
    }
    Fake.says = {WELL_KNOWN: document | changed, "/jwks": jwks()}
    with pytest.raises(AccessError):
        relying(tmp_path, fake).begin("http://here/callback")


@pytest.mark.parametrize("said", [(302, "/jwks2"), b"not json", b"[]", b"x" * 300_000, None])
def test_redirects_and_rubbish_are_refused(tmp_path, fake: str, said: object):
    document = {
        "issuer": fake,
        "jwks_uri": f"{fake}/jwks",
        "authorization_endpoint": f"{fake}/auth",
    }
    Fake.says = {WELL_KNOWN: document, "/jwks": said, "/jwks2": jwks()}
    with pytest.raises(AccessError):
        relying(tmp_path, fake).begin("http://here/callback")
    assert "/jwks2" not in Fake.asked


def test_keys_are_kept_for_an_hour(tmp_path, fake: str):
    document = {
        "issuer": fake,
        "jwks_uri": f"{fake}/jwks",
        "authorization_endpoint": f"{fake}/auth",
    }
    Fake.says = {WELL_KNOWN: document, "/jwks": jwks()}
    provider = relying(tmp_path, fake)
    for _ in range(3):
        provider.begin("http://here/callback")
    assert Fake.asked == [WELL_KNOWN, "/jwks"]
