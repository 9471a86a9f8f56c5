"""Tokens: forged, confused, stolen, replayed."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api_calls import URL, Api, slug, token
from attack_help import forged, parts_of
from euthymia.security.token import Kind, More, Tokens
from proofs import Holder, b64
from small_clinic import DOCTOR, MINE, TASK, Hands, copied_clinic
from whole_clinic import call

BODY = json.dumps({"patient_id": MINE, "model": TASK}).encode()
HERE = f"http://here{URL}"


def present(api: Api, text: str, **headers: str) -> httpx.Response:
    """Call the API with a token; `dpop` adds a proof."""
    scheme = headers.pop("scheme", "Bearer")
    given = {"authorization": f"{scheme} {text}", "content-type": "application/json"} | headers
    return api.many([("POST", URL, BODY, given)])[0]


def refused(api: Api, text: str, **headers: str) -> bool:
    answer = present(api, text, **headers)
    told = answer.text
    return answer.status_code == 401 and slug(answer) == "token" and "probability" not in told


def test_the_door_is_open_to_a_true_token(api: Api):
    """Control: without a true token that works, a refusal would prove nothing."""
    assert present(api, token(api.clinic)).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_alg_none(api: Api, alg: str):
    """Has the claims of a true token, wants them taken without a signature."""
    _, payload, signature = parts_of(token(api.clinic))
    for tail in (b"", signature):
        assert refused(api, forged({"alg": alg, "typ": "at+jwt"}, payload, lambda _, t=tail: t))


def test_hs256_with_the_public_key_as_secret(api: Api):
    """Has the clinic's public key, wants it taken for a shared secret."""
    _, payload, _ = parts_of(token(api.clinic))
    public = api.clinic.keyring.verifier("token")
    raw = public.public_bytes_raw()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (raw, raw.hex().encode(), b64(raw).encode(), pem, pem.strip()):
        for alg in ("HS256", "EdDSA"):
            header = {"alg": alg, "typ": "at+jwt"}
            assert refused(
                api, forged(header, payload, lambda m, k=secret: hmac.digest(k, m, "sha256"))
            )


def test_own_key_in_the_jwk_header(api: Api):
    """Signs with a key of their own, wants the server to take it from the header."""
    _, payload, _ = parts_of(token(api.clinic))
    mine = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(mine.public_key().public_bytes_raw())}
    assert refused(api, forged({"alg": "EdDSA", "typ": "at+jwt", "jwk": jwk}, payload, mine.sign))


@pytest.mark.parametrize("name", ["jku", "x5u", "kid", "x5c", "crit"])
def test_key_that_the_header_points_to(api: Api, name: str, monkeypatch: pytest.MonkeyPatch):
    """Names a key by address, path or SQL, wants it fetched, read or joined."""
    opened: list[object] = []
    monkeypatch.setattr("socket.socket.connect", lambda *a: opened.append(a))
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: opened.append(a) or [])
    _, payload, _ = parts_of(token(api.clinic))
    mine = Ed25519PrivateKey.generate()
    for value in ("http://evil.example/k", "../../../../dev/null", "' UNION SELECT 'x", ["exp"]):
        header = {"alg": "EdDSA", "typ": "at+jwt", name: value}
        assert refused(api, forged(header, payload, mine.sign))
        # and a header that the clinic never writes is refused even under its own signature
        assert refused(api, forged(header, payload, api.clinic.keyring.signer("token").sign))
    assert opened == []


def test_signed_by_another_role_of_the_same_clinic(api: Api):
    """Can make the ledger or the model registry sign, wants that signature on a token."""
    header, payload, _ = parts_of(token(api.clinic))
    for role in ("ledger", "model"):
        assert refused(api, forged(header, payload, api.clinic.keyring.signer(role).sign))


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.ACCESS])
def test_token_of_another_kind(api: Api, kind: Kind):
    """Has a session cookie, a sign-in link or a challenge, wants to call the API with it."""
    assert refused(api, token(api.clinic, kind=kind))


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.SESSION])
def test_api_token_as_a_cookie(api: Api, kind: Kind):
    """Has a token for programs, wants the pages to take it for a signed-in browser."""
    cookie = {"cookie": f"euthymia={token(api.clinic, kind=kind)}"}
    for path in ("/", "/models", "/account"):
        answer = api.many([("GET", path, None, cookie)])[0]
        assert (answer.status_code, answer.headers["location"]) == (303, "/signin")


@pytest.mark.parametrize("wrong", [{"issuer": "evil"}, {"audience": "euthymia-pages"}])
def test_token_for_another_audience_or_of_another_issuer(api: Api, wrong: dict[str, str]):
    """Has a token that the same key signed for something else, wants it taken here."""
    said = {"issuer": "euthymia", "audience": "euthymia-api"} | wrong
    other = Tokens(api.clinic.keyring, **said)
    text = other.issue(DOCTOR, "clinician", now=api.clinic.clock(), lifetime=timedelta(hours=1))
    assert refused(api, text)


def test_token_of_another_clinic(api: Api, tmp_path: Path):
    """Is a doctor of another clinic that runs the same software, wants in with that token."""
    from euthymia.security.keys import Keyring

    keys = Keyring.create(tmp_path / "elsewhere")
    other = Tokens(keys, issuer="euthymia", audience="euthymia-api")
    text = other.issue(DOCTOR, "clinician", now=api.clinic.clock(), lifetime=timedelta(hours=1))
    assert refused(api, text)


def test_expired_token_though_it_was_seen_before(api: Api, clock: Hands):
    """Uses a token again after its end, hoping that the checked signature is remembered."""
    text = token(api.clinic)
    assert present(api, text).status_code == 200
    clock.turn(timedelta(hours=1))
    assert refused(api, text)


def test_token_from_the_future(api: Api, clock: Hands):
    """Made a token while the clock ran ahead, wants to use it before its time."""
    clock.turn(timedelta(days=1))
    text = token(api.clinic)
    clock.turn(timedelta(days=-1))
    assert refused(api, text)


@pytest.mark.parametrize(
    ("claim", "value"),
    [("role", "it"), ("sub", "dr-berg"), ("exp", 2**40), ("nbf", 0), ("once", False), ("aud", "*")],
)
def test_claim_changed_under_the_old_signature(api: Api, claim: str, value: object):
    """Edits one claim of their own token, wants the signature not to be looked at again."""
    text = token(api.clinic)
    assert present(api, text).status_code == 200  # its signature is remembered from now on
    header, payload, signature = parts_of(text)
    assert refused(api, forged(header, payload | {claim: value}, lambda _: signature))


def test_second_spelling_of_a_token(api: Api):
    """Respells a withdrawn or used token (padding, bits, line ends), wants it to count as new."""
    text = token(api.clinic)
    head, body, tail = text.split(".")
    spare = tail[:-1] + chr(ord(tail[-1]) + 1)
    for other in (f"{text}=", f"{head}=.{body}.{tail}", f"{head}.{body}.{spare}", f"{text}.x",
                  text.replace(".", "\t.", 1), f"{text}\0", text + "A" * 5000):  # fmt: skip
        assert refused(api, other)


def test_one_time_token_a_second_time(api: Api):
    """Read a one-time token off the wire, wants to use it after its owner did."""
    life, more = timedelta(hours=1), More(once=True)
    now = api.clinic.clock()
    text = api.clinic.tokens.issue(DOCTOR, "clinician", now=now, lifetime=life, more=more)
    answers = api.many(
        [
            (
                "POST",
                URL,
                BODY,
                {"authorization": f"Bearer {text}", "content-type": "application/json"},
            )
        ]
        * 8
    )
    assert sorted(a.status_code for a in answers) == [200] + [401] * 7
    assert refused(Api(api.clinic), text)


def bound(api: Api) -> tuple[str, Holder]:
    holder = Holder()
    now, more = api.clinic.clock(), More(key=holder.thumbprint)
    life = timedelta(hours=1)
    return api.clinic.tokens.issue(DOCTOR, "clinician", now=now, lifetime=life, more=more), holder


def test_stolen_bound_token(api: Api):
    """Has a token bound to a key but not the key, wants to use it as a plain one."""
    text, _ = bound(api)
    thief, second = Holder(), int(api.clinic.clock().timestamp())
    assert refused(api, text)
    assert refused(api, text, scheme="DPoP")
    assert refused(api, text, scheme="DPoP", dpop=thief.proof(text, "POST", HERE, second))


def test_stolen_proof_for_another_call(api: Api):
    """Has token and a proof off the wire, wants to use them again, elsewhere or later."""
    text, holder = bound(api)
    second = int(api.clinic.clock().timestamp())
    used = holder.proof(text, "POST", HERE, second)
    assert present(api, text, scheme="DPoP", dpop=used).status_code == 200
    wrong: list[Callable[[], str]] = [
        lambda: used,
        lambda: holder.proof(text, "GET", HERE, second),
        lambda: holder.proof(text, "POST", "http://here/v1/models", second),
        lambda: holder.proof(text, "POST", "http://there/v1/analyze", second),
        lambda: holder.proof(token(api.clinic), "POST", HERE, second),
        lambda: holder.proof(text, "POST", HERE, second - 3600),
        lambda: holder.proof(text, "POST", HERE, second + 3600),
    ]
    for make in wrong:
        assert refused(api, text, scheme="DPoP", dpop=make())


def test_proof_with_a_private_or_foreign_header(api: Api):
    """Signs a proof as another type or algorithm, wants it taken for one of ours."""
    text, holder = bound(api)
    second = int(api.clinic.clock().timestamp())
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"typ": "at+jwt"},
                   {"jwk": None}, {"jwk": holder.jwk | {"d": "AA"}}, {"kid": "x"},
                   {"jwk": {"kty": "oct", "k": "AA"}}):  # fmt: skip
        proof = holder.proof(text, "POST", HERE, second, header=header)
        if header == {"kid": "x"}:  # a harmless extra member may be ignored or refused
            continue
        assert refused(api, text, scheme="DPoP", dpop=proof), header


def test_proof_signed_with_a_key_of_small_order(api: Api):
    """Sends the neutral point as key and an all-zero signature that holds for it."""
    text, holder = bound(api)
    point = bytes([1]) + bytes(31)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(point)}
    proof = holder.proof(
        text, "POST", HERE, int(api.clinic.clock().timestamp()), header={"jwk": jwk}
    )
    head, body, _ = proof.split(".")
    assert refused(api, text, scheme="DPoP", dpop=f"{head}.{body}.{b64(point + bytes(32))}")


def test_token_after_its_user_was_disabled(tmp_path: Path):
    """Was dismissed this morning, wants to use yesterday's token."""
    from accounts_help import SHELL

    with copied_clinic(tmp_path) as clinic:
        clinic.accounts.add(DOCTOR, "clinician", SHELL, clinic.tokens)
        api, text = Api(clinic), token(clinic)
        assert present(api, text).status_code == 200
        clinic.accounts.disable(DOCTOR, SHELL)
        assert refused(api, text)
        assert refused(Api(clinic), text)


def test_token_of_a_program_without_an_account(tmp_path: Path):
    """Took the token of a program of the ward, which no account can be disabled for."""
    with copied_clinic(tmp_path) as clinic:
        home, text = clinic.home.path, token(clinic)
        assert present(Api(clinic), text).status_code == 200
        assert call(home, "user", "end", DOCTOR) == (0, {"user": DOCTOR, "ended": True})
        assert refused(Api(clinic), text)
        told = [line for line in clinic.ledger.entries() if line.action == "sign out everywhere"]
        assert [dict(line.detail)["user"] for line in told] == [DOCTOR]


def test_length_extension_of_the_hash_of_a_token(api: Api):
    """Binds a proof to a token by a hash of another text, wants `ath` to be loose."""
    text, holder = bound(api)
    second = int(api.clinic.clock().timestamp())
    for ath in ("", b64(hashlib.sha256(text.encode() + b"\0").digest()),
                b64(hashlib.sha256(text.encode()).digest())[:-1], text):  # fmt: skip
        proof = holder.proof(text, "POST", HERE, second, payload={"ath": ath})
        assert refused(api, text, scheme="DPoP", dpop=proof)
