"""Proofs of possession: the RFC's own examples, and everything that must not pass."""

import json

import pytest

from euthymia.ground.errors import AccessError
from euthymia.security.dpop import Jwk, check, read_jwk, thumbprint
from proofs import Holder, b64

URL, TOKEN, NOW = "https://clinic.example/v1/analyze", "the.access.token", 1_772_452_800


def ask(holder: Holder, proof: str, **changed):
    call = {"method": "POST", "url": URL, "token": TOKEN, "key": holder.thumbprint, "second": NOW}
    return check(proof, **(call | changed))


@pytest.mark.parametrize("kind", ["EdDSA", "ES256"])
def test_a_proof_of_the_right_key_holds(kind: str):
    holder = Holder(kind)
    proof = ask(holder, holder.proof(TOKEN, "POST", URL, NOW))
    assert len(proof.used) == 64
    assert proof.expires_at == NOW + 65


def test_thumbprints_are_those_of_the_rfcs():
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(Jwk(**okp)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037, A.3
    ec = {
        "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    }  # fmt: skip
    assert thumbprint(Jwk(**ec)) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449, 6.1


def test_the_example_of_the_rfc_holds_at_its_time():
    """RFC 9449, section 7.1."""
    proof = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0Vj"
        "NoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5"
        "VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUI"
        "iwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI"
        "2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqz"
        "hrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    )
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    held = check(
        proof, method="GET", url="https://resource.example.org/protectedresource", token=token,
        key="0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", second=1562262618,
    )  # fmt: skip
    assert held.expires_at == 1562262618 + 65


@pytest.mark.parametrize(
    "changed",
    [
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"typ": None}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"alg": "ES256"}},  # not the key's
        {"header": {"kid": "1"}},
        {"header": {"jku": "https://evil.example/jwks"}},
        {"header": {"x5u": "https://evil.example/x5"}},
        {"header": {"crit": ["exp"]}},
        {"header": {"jwk": Holder().jwk}},
        {"header": {"jwk": None}},
        {"payload": {"htm": "GET"}},
        {"payload": {"htm": "post"}},
        {"payload": {"htu": "https://clinic.example/v1/models"}},
        {"payload": {"htu": "https://evil.example/v1/analyze"}},
        {"payload": {"htu": "http://clinic.example/v1/analyze"}},
        {"payload": {"htu": "https://clinic.example:8443/v1/analyze"}},
        {"payload": {"htu": "https://clinic.example:x/v1/analyze"}},
        {"payload": {"htu": "/v1/analyze"}},
        {"payload": {"htu": 5}},
        {"payload": {"iat": NOW - 61}},
        {"payload": {"iat": NOW + 6}},
        {"payload": {"iat": str(NOW)}},
        {"payload": {"iat": None}},
        {"payload": {"ath": None}},
        {"payload": {"ath": b64(b"x" * 32)}},
        {"payload": {"jti": None}},
        {"payload": {"jti": "short"}},
        {"payload": {"jti": "x" * 129}},
    ],
)
def test_what_is_not_exactly_a_proof_for_this_call_is_refused(changed):
    holder = Holder()
    with pytest.raises(AccessError):
        ask(holder, holder.proof(TOKEN, "POST", URL, NOW, **changed))


def test_a_private_part_in_the_key_is_refused():
    holder = Holder()
    private = holder.jwk | {"d": b64(b"x" * 32)}
    with pytest.raises(AccessError):
        ask(holder, holder.proof(TOKEN, "POST", URL, NOW, header={"jwk": private}))
    with pytest.raises(AccessError, match="private"):
        read_jwk(json.dumps(private).encode())


@pytest.mark.parametrize(
    "url",
    [URL + "?x=1", URL + "#f", "https://CLINIC.example/v1/analyze",
     "https://clinic.example:443/v1/analyze"],
)  # fmt: skip
def test_query_and_the_usual_port_do_not_count(url: str):
    holder = Holder()
    assert ask(holder, holder.proof(TOKEN, "POST", url, NOW))


@pytest.mark.parametrize("kind", ["EdDSA", "ES256"])
def test_every_changed_character_is_refused(kind: str):
    holder = Holder(kind)
    proof = holder.proof(TOKEN, "POST", URL, NOW)
    for at in range(0, len(proof), 3):
        other = "A" if proof[at] != "A" else "B"
        with pytest.raises(AccessError):
            ask(holder, proof[:at] + other + proof[at + 1 :])


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", "é.b.c", "x" * 5000])
def test_rubbish_is_refused_in_words(text: str):
    with pytest.raises(AccessError):
        ask(Holder(), text)


@pytest.mark.parametrize(
    "key",
    [
        {}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": b64(b"x" * 32)},
        {"kty": "OKP", "crv": "Ed25519", "x": b64(b"x" * 31)},
        {"kty": "OKP", "crv": "Ed25519", "x": "!"},
        {"kty": "EC", "crv": "P-256", "x": b64(b"x" * 32), "y": b64(b"y" * 32)},
        {"kty": "EC", "crv": "P-256", "x": b64(b"x" * 32)},
        {"kty": "EC", "crv": "secp256k1", "x": b64(b"x" * 32), "y": b64(b"y" * 32)},
    ],
)  # fmt: skip
def test_keys_that_are_not_taken(key):
    with pytest.raises(AccessError):
        read_jwk(json.dumps(key).encode())
