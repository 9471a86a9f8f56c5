"""Signing in and out: a one-time code becomes a session of one shift, a signed cookie."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from euthymia.app.web.contract import Visitor
from euthymia.app.web.guard import SESSION_SECONDS
from euthymia.app.web.once import Once
from euthymia.ground.clock import Clock
from euthymia.ground.errors import AccessError
from euthymia.security.token import Claims, Kind, Tokens

CSRF_LABEL: Final = b"csrf:"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, checks and ends sessions.

    `once` remembers what was used up: sign-in codes by their id, ended sessions by theirs. `key`
    makes the form tokens; it is derived from the clinic's master key and never leaves the server.
    """

    tokens: Tokens
    once: Once
    key: bytes
    clock: Clock

    def sign_in(self, code: str) -> tuple[str, Claims]:
        """Use up a code and return a session token with its claims.

        Raises
        ------
        AccessError
            The code is not valid, has expired or was used before.
        """
        now = self.clock()
        self.once.tidy(now)
        who = self.tokens.redeem(code, now=now, redeemed=self.once)
        lifetime = timedelta(seconds=SESSION_SECONDS)
        token = self.tokens.issue(who.user, who.role, now=now, lifetime=lifetime, kind=Kind.SESSION)
        return token, self.tokens.verify(token, now=now, kind=Kind.SESSION)

    def visitor(self, token: str) -> Visitor:
        """Return who holds a session.

        Raises
        ------
        AccessError
            The session is not valid, has expired, or was ended by signing out.
        """
        claims = self.tokens.verify(token, now=self.clock(), kind=Kind.SESSION)
        if self.once.used(claims.token_id, claims.expires_at):
            raise AccessError("the session was ended: sign in again")
        return Visitor(
            user=claims.user,
            role=claims.role,
            token_id=claims.token_id,
            expires_at=claims.expires_at,
            csrf=hmac.digest(self.key, CSRF_LABEL + claims.token_id.encode(), "sha256").hex(),
        )

    def end(self, visitor: Visitor) -> None:
        """End a session for good, on every device that holds it."""
        self.once.redeem(visitor.token_id, visitor.expires_at)
