"""Tokens: strict, of one kind each, and checked against the clock every time."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.ground.errors import AccessError
from euthymia.security import token as token_module
from euthymia.security.keys import Keyring
from euthymia.security.token import Claims, Kind, Tokens

NOW = datetime(2026, 6, 3, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEADER = {"alg": "EdDSA", "typ": "at+jwt"}


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture
def tokens(keyring):
    return Tokens(keyring, issuer="clinic", audience="api")


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(**changes):
    start = int(NOW.timestamp())
    base = {"iss": "clinic", "aud": "api", "sub": "ada", "role": "clinician"}
    base |= {"iat": start, "nbf": start, "exp": start + 60, "jti": "j"}
    base |= changes
    return {key: value for key, value in base.items() if value is not None}


def signed(keyring, header, payload):
    head = (
        header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    )
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    text = b64(head) + "." + b64(body)
    return text + "." + b64(keyring.signer("token").sign(text.encode()))


def test_issue_and_verify(tokens):
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    found = tokens.verify(text, now=NOW)
    second = int(NOW.timestamp())
    assert found == Claims("ada", "clinician", second + 3600, found.token_id, second)
    assert len(found.token_id) == 32
    head, body, _ = text.split(".")
    assert unb64(head) == b'{"alg":"EdDSA","typ":"at+jwt"}'
    assert sorted(json.loads(unb64(body))) == sorted(claims())
    assert "=" not in text


def test_time_limits_hold_for_a_remembered_token(tokens):
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    last = NOW.replace(microsecond=0) + HOUR - timedelta(microseconds=1)
    for _ in range(2):
        tokens.verify(text, now=NOW)
        tokens.verify(text, now=last)
        with pytest.raises(AccessError, match="expired"):
            tokens.verify(text, now=last + timedelta(microseconds=1))
        with pytest.raises(AccessError, match="not valid yet"):
            tokens.verify(text, now=NOW - timedelta(seconds=1))
    with pytest.raises(ValueError, match="time zone"):
        tokens.verify(text, now=NOW.replace(tzinfo=None))


def test_a_hand_made_good_token_passes(keyring, tokens):
    assert tokens.verify(signed(keyring, HEADER, claims()), now=NOW).user == "ada"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "HS256", "typ": "at+jwt"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "EdDSA"},
        {"typ": "at+jwt", "alg": "EdDSA"},
        {"alg": "EdDSA", "typ": "at+jwt", "kid": "1"},
        {"alg": "EdDSA", "typ": "at+jwt", "crit": ["exp"]},
        b'{"alg": "EdDSA","typ":"at+jwt"}',
        b'{"alg":"eddsa","typ":"at+jwt"}',
        b"{}",
    ],
)
def test_only_one_header(keyring, tokens, header):
    with pytest.raises(AccessError):
        tokens.verify(signed(keyring, header, claims()), now=NOW)


@pytest.mark.parametrize(
    "payload",
    [
        *(claims(**{name: None}) for name in claims()),
        claims(aud=["api"]),
        claims(aud=["api", "other"]),
        claims(aud="other"),
        claims(aud="API"),
        claims(iss="other"),
        claims(role="admin"),
        claims(role=""),
        claims(sub=""),
        claims(sub="a\nb"),
        claims(sub=7),
        claims(jti=""),
        claims(exp="9999999999"),
        claims(exp=9999999999.5),
        claims(exp=True),
        claims(exp=int(NOW.timestamp()) - 1),
        claims(nbf=int(NOW.timestamp()) + 1),
        claims(extra=1),
        [],
        b"",
        b"not json",
        b"\xff",
        b'{"sub":"ada"}' * 2,
    ],
)
def test_claims_are_exact(keyring, tokens, payload):
    with pytest.raises(AccessError):
        tokens.verify(signed(keyring, HEADER, payload), now=NOW)


def test_the_text_is_exact(tokens):
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    head, body, tail = text.split(".")
    hostile = [
        "",
        ".",
        "..",
        head,
        head + ".",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}..{tail}",
        f"{head}.{body}.{tail}.",
        f"{head}.{body}.{tail}.{tail}",
        text + "=",
        text + "\n",
        " " + text,
        text + " ",
        f"{head}.{body}=.{tail}",
        f"{head}.{body[:-1]}.{tail}",
        f"{head}.{body}.{tail[:-1]}",
        f"{head}.{body}.{tail}AAAA",
        text.replace("-", "+").replace("_", "/") + "+",
        f"{head}.{body}.é{tail[1:]}",
        f"{head}.{body}." + "A" * 5000,
        f"{head}." + "A" * 100_000 + f".{tail}",
        f"Bearer {text}",
    ]
    for bad in hostile:
        with pytest.raises(AccessError):
            tokens.verify(bad, now=NOW)
    assert tokens.verify(text, now=NOW)


def test_every_changed_character_is_noticed(tokens):
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    tokens.verify(text, now=NOW)
    for place in range(len(text)):
        for other in ("A" if text[place] != "A" else "B", chr(ord(text[place]) ^ 1)):
            with pytest.raises(AccessError):
                tokens.verify(text[:place] + other + text[place + 1 :], now=NOW)


def test_a_second_spelling_of_the_same_signature_is_refused(tokens):
    """64 bytes leave two unused bits in the last base64 letter."""
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(text[-1])
    twins = [letters[last // 16 * 16 + low] for low in range(16) if last // 16 * 16 + low != last]
    assert any(unb64(text[:-1].split(".")[2] + t) == unb64(text.split(".")[2]) for t in twins)
    for twin in twins:
        with pytest.raises(AccessError):
            tokens.verify(text[:-1] + twin, now=NOW)


def test_signatures_of_others(keyring, tokens):
    head, body = (
        b64(json.dumps(HEADER, separators=(",", ":")).encode()),
        b64(json.dumps(claims()).encode()),
    )
    text = f"{head}.{body}"
    stranger = Ed25519PrivateKey.generate()
    for key in (stranger, keyring.signer("ledger"), keyring.signer("model")):
        with pytest.raises(AccessError, match="signature"):
            tokens.verify(f"{text}.{b64(key.sign(text.encode()))}", now=NOW)
    public = keyring.verifier("token").public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    with pytest.raises(AccessError):
        tokens.verify(f"{text}.{b64(public)}", now=NOW)


def test_kinds_cannot_be_confused(keyring, tokens):
    texts = {
        kind: tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR, kind=kind) for kind in Kind
    }
    tokens.verify(texts[Kind.ACCESS], now=NOW)
    tokens.verify(texts[Kind.SESSION], now=NOW, kind=Kind.SESSION)
    used = Used()
    for kind, text in texts.items():
        for wanted in (Kind.ACCESS, Kind.SESSION):
            if wanted is not kind:
                with pytest.raises(AccessError):
                    tokens.verify(text, now=NOW, kind=wanted)
        if kind is not Kind.SIGNIN:
            with pytest.raises(AccessError):
                tokens.redeem(text, now=NOW, redeemed=used)
            # the header of one kind, the rest of another
            for other in texts.values():
                if other is not text:
                    mixed = text.split(".")[0] + "." + ".".join(other.split(".")[1:])
                    with pytest.raises(AccessError, match="signature"):
                        tokens.verify(mixed, now=NOW, kind=kind)
    assert used.seen == set()
    with pytest.raises(ValueError, match="redeem"):
        tokens.verify(texts[Kind.SIGNIN], now=NOW, kind=Kind.SIGNIN)


class Used:
    def __init__(self):
        self.seen = set()

    def redeem(self, token_id, expires_at):
        fresh = token_id not in self.seen
        self.seen.add(token_id)
        return fresh


def test_a_sign_in_code_works_once(tokens):
    code = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR, kind=Kind.SIGNIN)
    used = Used()
    with pytest.raises(AccessError, match="expired"):
        tokens.redeem(code, now=NOW + HOUR, redeemed=used)
    assert tokens.redeem(code, now=NOW, redeemed=used).user == "ada"
    with pytest.raises(AccessError, match="used before"):
        tokens.redeem(code, now=NOW, redeemed=used)


def test_withdrawal_is_asked_every_time(keyring):
    gone = set()
    tokens = Tokens(keyring, issuer="clinic", audience="api", revoked=lambda c: c.token_id in gone)
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    found = tokens.verify(text, now=NOW)
    gone.add(found.token_id)
    with pytest.raises(AccessError, match="withdrawn"):
        tokens.verify(text, now=NOW)


def test_what_is_not_issued(tokens):
    for user, role, life in [
        ("ada", "admin", HOUR),
        ("", "clinician", HOUR),
        ("a\0b", "clinician", HOUR),
        ("x" * 129, "clinician", HOUR),
        ("ada", "clinician", timedelta(0)),
        ("ada", "clinician", timedelta(days=367)),
    ]:
        with pytest.raises(AccessError):
            tokens.issue(user, role, now=NOW, lifetime=life)


def test_longest_allowed_names_still_fit(keyring):
    tokens = Tokens(keyring, issuer="i" * 100, audience="a" * 100)
    text = tokens.issue("\N{GRINNING FACE}" * 128, "coordinator", now=NOW, lifetime=HOUR)
    assert tokens.verify(text, now=NOW).role == "coordinator"


def test_the_memory_is_bounded(keyring, monkeypatch):
    monkeypatch.setattr(token_module, "CACHED_TOKENS", 3)
    tokens = Tokens(keyring, issuer="clinic", audience="api")
    texts = [tokens.issue("ada", "it", now=NOW, lifetime=HOUR) for _ in range(10)]
    for text in texts + texts:
        tokens.verify(text, now=NOW)
    assert len(tokens._known) == 3
    with pytest.raises(AccessError):
        tokens.verify(texts[0][:-4] + "AAAA", now=NOW)
    assert len(tokens._known) == 3


def test_a_remembered_token_is_not_decoded_again(tokens, monkeypatch):
    text = tokens.issue("ada", "clinician", now=NOW, lifetime=HOUR)
    first = tokens.verify(text, now=NOW)
    monkeypatch.setattr(token_module, "_decode", None)
    assert tokens.verify(text, now=NOW) == first
