"""Passkeys (WebAuthn): a key in the user's device, opened by finger, face or PIN.

A challenge is the digest of a short-lived token that we signed, sent along with the answer and used
up by it; so the server keeps none. The relying party is the host of `serve.public_url`.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from euthymia.app.accounts.accounts import GENERATION, NOBODY, Accounts, Offer, Words
from euthymia.app.accounts.book import Account, Book, Passkey
from euthymia.app.once import Once
from euthymia.ground.audit import Actor
from euthymia.ground.errors import AccessError
from euthymia.security.token import Kind, Tokens

ANSWER_WITHIN: Final = timedelta(minutes=5)
MOST_KEYS: Final = 10
REFUSED: Final = "the passkey does not hold here: try again, or use your password and code"
_SIGN_IN: Final = "passkey sign-in"


def origin_of(public: str | None, host: str) -> str | None:
    """Return the origin that passkeys are bound to; None where there can be none.

    Without `serve.public_url` they work on this machine only, under the name "localhost".
    """
    if public:
        parts = urlsplit(public)
        return f"{parts.scheme}://{parts.netloc}"
    return f"http://{host}" if host.partition(":")[0] == "localhost" else None


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Registers and checks passkeys for one origin."""

    accounts: Accounts
    tokens: Tokens
    once: Once
    origin: str
    clinic: str

    @property
    def host(self) -> str:
        """Return the relying party's id."""
        return urlsplit(self.origin).hostname or ""

    def _challenge(self, about: str) -> tuple[str, bytes]:
        now = self.accounts.clock()
        kind, life = Kind.CHALLENGE, ANSWER_WITHIN
        ticket = self.tokens.issue(about, "it", now=now, lifetime=life, kind=kind)
        return ticket, hashlib.sha256(ticket.encode()).digest()

    def _answered(self, ticket: str, about: str) -> bytes:
        """Return the challenge of a ticket, and use the ticket up."""
        now = self.accounts.clock()
        claims = self.tokens.verify(ticket, now=now, kind=Kind.CHALLENGE)
        if claims.user != about or not self.once.redeem(claims.token_id, claims.expires_at):
            raise AccessError("this was answered before, or for something else: try again")
        return hashlib.sha256(ticket.encode()).digest()

    # -- a new key ---------------------------------------------------------------------------------
    def registration(self, user: str, handle: bytes, known: list[Passkey]) -> tuple[str, Any]:
        """Return a ticket and the options for `navigator.credentials.create`."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AttestationConveyancePreference,
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        ticket, challenge = self._challenge(f"passkey of {user}")
        options = generate_registration_options(
            rp_id=self.host,
            rp_name=self.clinic,
            user_name=user,
            user_id=handle,
            challenge=challenge,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=key.id) for key in known],
        )
        return ticket, msgspec.json.decode(options_to_json(options))

    def _registered(self, user: str, ticket: str, answer: str) -> Passkey:
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = self._answered(ticket, f"passkey of {user}")
        try:
            found = verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise AccessError(REFUSED) from None
        return Passkey(
            found.credential_id, found.credential_public_key, found.sign_count, self.accounts.second
        )

    def enrol(self, offer: Offer, ticket: str, answer: str) -> None:
        """Take a passkey as the way to sign in; the enrolment link is used up."""
        key = self._registered(offer.user, ticket, answer)

        def how(account: Account) -> None:
            account.passkeys = [key]

        self.accounts.use_offer(offer, how, "passkey")

    def add(self, actor: Actor, ticket: str, answer: str) -> None:
        """Add a passkey to one's own account."""
        key = self._registered(actor.user, ticket, answer)

        def how(book: Book) -> None:
            account = book.accounts.get(actor.user)
            if account is None or account.disabled:
                raise AccessError("you have no account here: ask your administrator for one")
            if len(account.passkeys) >= MOST_KEYS:
                raise AccessError(f"an account has at most {MOST_KEYS} passkeys")
            account.passkeys = [*account.passkeys, key]

        self.accounts.change(how, actor, "add passkey")

    # -- signing in --------------------------------------------------------------------------------
    def request(self) -> tuple[str, Any]:
        """Return a ticket and the options for `navigator.credentials.get`."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        ticket, challenge = self._challenge(_SIGN_IN)
        options = generate_authentication_options(
            rp_id=self.host,
            challenge=challenge,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return ticket, msgspec.json.decode(options_to_json(options))

    def sign_in(self, ticket: str, answer: str, address: str) -> tuple[str, str]:
        """Return the user and role that a passkey proves.

        Raises
        ------
        AccessError
            It proves nothing here.
        """
        self.accounts.count_try(address)
        challenge = self._answered(ticket, _SIGN_IN)
        signed: list[tuple[str, str]] = []

        def how(book: Book) -> None:
            found = self._proven(book, challenge, answer)
            if found is not None:
                signed.append((found[0], found[1].role))

        _, generation = self.accounts.file.change(how)
        outcome = "signed in" if signed else "refused"
        actor = Actor(*signed[0]) if signed else NOBODY
        detail: Words = {"outcome": outcome, "kind": "passkey", GENERATION: generation}
        self.accounts.tell(actor, "sign in", detail)
        if not signed:
            raise AccessError(REFUSED)
        return signed[0]

    def _proven(self, book: Book, challenge: bytes, answer: str) -> tuple[str, Account] | None:
        """Return whose passkey signed the challenge; its count of uses goes on."""
        from webauthn import verify_authentication_response
        from webauthn.helpers import parse_authentication_credential_json
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            given = parse_authentication_credential_json(answer)
            for user, account in book.accounts.items():
                for key in account.passkeys:
                    if not hmac.compare_digest(key.id, given.raw_id) or account.disabled:
                        continue
                    if (given.response.user_handle or account.handle) != account.handle:
                        return None
                    held = verify_authentication_response(
                        credential=given,
                        expected_challenge=challenge,
                        expected_rp_id=self.host,
                        expected_origin=self.origin,
                        credential_public_key=key.public_key,
                        credential_current_sign_count=key.uses,
                        require_user_verification=True,
                    )
                    key.uses = held.new_sign_count
                    return user, account
        except (WebAuthnException, ValueError, KeyError, TypeError):
            return None
        return None
