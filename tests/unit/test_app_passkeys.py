"""Passkeys, answered by an authenticator in software that does as it is told."""

import base64
import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

from accounts_help import SHELL, enrolled
from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.passkeys import Passkeys, origin_of
from euthymia.app.once import Once
from euthymia.ground.audit import Actor
from euthymia.ground.errors import AccessError
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.passwords import Stretch
from euthymia.security.token import Tokens

NOW = datetime(2026, 6, 12, 9, 0, tzinfo=UTC)
HERE = "https://clinic.example"
PRESENT, VERIFIED, KEY_COMES = 1, 4, 64
LEE = Actor("dr-lee", "clinician")


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Device:
    """One authenticator with one key. `flags`: what it says of its user; `uses`: its count."""

    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    identifier: bytes = b"k" * 32
    flags: int = PRESENT | VERIFIED
    uses: int = 0
    origin: str = HERE

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin}
        return json.dumps(said).encode()

    def _data(self, host: str, more: bytes = b"") -> bytes:
        flags = self.flags | (KEY_COMES if more else 0)
        place = hashlib.sha256(host.encode()).digest()
        return place + bytes([flags]) + self.uses.to_bytes(4, "big") + more

    def _answer(self, response: dict[str, str]) -> str:
        name = b64(self.identifier)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def register(self, options: dict) -> str:
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big")}
        public[-3] = numbers.y.to_bytes(32, "big")
        size = len(self.identifier).to_bytes(2, "big")
        data = self._data(
            options["rp"]["id"], bytes(16) + size + self.identifier + cbor2.dumps(public)
        )
        held = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("create", options["challenge"])
        return self._answer({"clientDataJSON": b64(client), "attestationObject": b64(held)})

    def sign(self, options: dict, host: str = "clinic.example") -> str:
        self.uses += 1
        data, client = self._data(host), self._client("get", options["challenge"])
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        said = {"clientDataJSON": client, "authenticatorData": data, "signature": signed}
        return self._answer({name: b64(raw) for name, raw in said.items()})


@pytest.fixture
def keys(tmp_path: Path) -> Passkeys:
    keyring = Keyring.create(tmp_path / "keys")
    (tmp_path / "redeemed").mkdir()
    ledger = Ledger.open(tmp_path / "ledger", keyring, clock=lambda: NOW)
    path, stretch = tmp_path / "accounts.sealed", Stretch(1024, 1)
    accounts = Accounts(path, keyring, ledger, lambda: NOW, stretch)
    tokens = Tokens(keyring, issuer="euthymia", audience="api")
    enrolled(accounts, tokens, "dr-lee")
    accounts.add("dr-berg", "clinician", SHELL, tokens)
    origin = origin_of(HERE, "")
    assert origin is not None
    return Passkeys(accounts, tokens, Once(tmp_path / "redeemed"), origin, "Clinic")


def offered(keys: Passkeys, user: str = "dr-lee") -> tuple[str, dict]:
    return keys.registration(user, keys.accounts.file.now().accounts[user].handle, [])


@pytest.fixture
def device(keys: Passkeys) -> Device:
    """A device whose key is the user's."""
    made = Device()
    ticket, options = offered(keys)
    keys.add(LEE, ticket, made.register(options))
    return made


def try_it(keys: Passkeys, device: Device) -> tuple[str, str]:
    ticket, options = keys.request()
    return keys.sign_in(ticket, device.sign(options), "198.51.100.7")


def test_a_device_that_asks_its_user_signs_in(keys: Passkeys, device: Device) -> None:
    assert [try_it(keys, device) for _ in range(2)] == [("dr-lee", "clinician")] * 2


def test_a_device_that_did_not_ask_its_user_is_not_taken(keys: Passkeys, device: Device) -> None:
    ticket, options = offered(keys)
    with pytest.raises(AccessError):
        keys.add(LEE, ticket, Device(identifier=b"n" * 32, flags=PRESENT).register(options))
    device.flags = PRESENT
    with pytest.raises(AccessError):
        try_it(keys, device)


def test_a_challenge_is_answered_once_whatever_the_count_says(
    keys: Passkeys, device: Device
) -> None:
    ticket, options = keys.request()
    keys.sign_in(ticket, device.sign(options), "198.51.100.7")
    with pytest.raises(AccessError, match="before"):
        keys.sign_in(ticket, device.sign(options), "198.51.100.7")
    ticket, options = offered(keys)
    keys.add(LEE, ticket, Device(identifier=b"2" * 32).register(options))
    with pytest.raises(AccessError, match="before"):
        keys.add(LEE, ticket, Device(identifier=b"3" * 32).register(options))


def test_a_challenge_holds_for_what_it_was_made_for(keys: Passkeys, device: Device) -> None:
    ticket, options = offered(keys)
    with pytest.raises(AccessError):  # one to register is none to sign in
        keys.sign_in(ticket, device.sign(options), "198.51.100.7")
    ticket, asked = keys.request()
    with pytest.raises(AccessError):  # nor the other way round
        keys.add(LEE, ticket, Device(identifier=b"2" * 32).register({**options, **asked}))
    ticket, options = offered(keys, "dr-berg")
    with pytest.raises(AccessError):  # nor one that was made for somebody else
        keys.add(LEE, ticket, Device(identifier=b"2" * 32).register(options))
    other_ticket, _ = keys.request()
    _, options = keys.request()
    with pytest.raises(AccessError):  # nor another one of the same kind
        keys.sign_in(other_ticket, device.sign(options), "198.51.100.7")


def test_a_copy_of_a_key_whose_count_goes_back_is_refused(keys: Passkeys, device: Device) -> None:
    copy = replace(device)
    assert [try_it(keys, device) for _ in range(2)]
    for _ in range(2):  # the copy's first and second use: the count has been there
        with pytest.raises(AccessError):
            try_it(keys, copy)
    assert try_it(keys, copy) == ("dr-lee", "clinician")


def test_a_page_of_another_origin_gets_nobody_in(keys: Passkeys, device: Device) -> None:
    for origin in ("https://clinic.example.evil", "http://clinic.example", HERE + ":8443"):
        with pytest.raises(AccessError):
            try_it(keys, replace(device, origin=origin))
    ticket, options = keys.request()
    with pytest.raises(AccessError):
        keys.sign_in(ticket, device.sign(options, "evil.example"), "198.51.100.7")


def test_a_key_that_is_another_ones_by_its_name_alone(keys: Passkeys, device: Device) -> None:
    with pytest.raises(AccessError):
        try_it(keys, Device(identifier=device.identifier, uses=100))


def test_the_device_of_somebody_who_was_disabled(keys: Passkeys, device: Device) -> None:
    keys.accounts.disable("dr-lee", SHELL)
    with pytest.raises(AccessError):
        try_it(keys, device)
