"""Sessions: opened by whoever proved who they are, carried by a signed cookie, ended for good.

A session has one id for all its life and a token that holds for a quarter of an hour without a
click. A click after the first minute gets the next token, until the shift is over. So a copied
cookie is worth a quarter hour at most, and the server keeps nothing but the ids that were ended.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from euthymia.app.once import Once
from euthymia.app.web.contract import Visitor
from euthymia.ground.clock import Clock
from euthymia.ground.errors import AccessError
from euthymia.security.token import Claims, Kind, More, Tokens

CSRF_LABEL: Final = b"csrf:"
IDLE: Final = timedelta(minutes=15)
SHIFT: Final = timedelta(hours=8)
RENEW_AFTER_S: Final = 60  # a token a minute is enough; each costs a signature
SECOND_FACTORS: Final = frozenset({"otp", "hwk", "mfa"})


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, checks, renews and ends sessions.

    `once` remembers what was used up: sign-in codes by their id, ended sessions by theirs. `key`
    makes the form tokens; it is derived from the clinic's master key and never leaves the server.
    """

    tokens: Tokens
    once: Once
    key: bytes
    clock: Clock
    idle: timedelta = IDLE
    length: timedelta = SHIFT

    def sign_in(self, code: str) -> tuple[str, Claims]:
        """Use up a one-time code and return a session token with its claims.

        Raises
        ------
        AccessError
            The code is not valid, has expired or was used before.
        """
        now = self.clock()
        who = self.tokens.redeem(code, now=now, redeemed=self.once)
        return self.open(who.user, who.role, ("link",), int(now.timestamp()))

    def open(
        self, user: str, role: str, proofs: tuple[str, ...], began: int = 0
    ) -> tuple[str, Claims]:
        """Open a new session for somebody who has proved who they are.

        `began`: the second before they were asked to (0: now). What ends their sessions between
        that and now (another password, a reset, being disabled) ends this one too.
        """
        now = self.clock()
        self.once.tidy(now)
        began = began or int(now.timestamp())
        token = self._token(user, role, More(began=began, proofs=proofs), now)
        return token, self.tokens.verify(token, now=now, kind=Kind.SESSION)

    def visitor(self, token: str) -> Visitor:
        """Return who holds a session.

        Raises
        ------
        AccessError
            The session is not valid, has expired, or was ended by signing out.
        """
        now = self.clock()
        claims = self.tokens.verify(token, now=now, kind=Kind.SESSION)
        end = self._end(claims)
        if not claims.began or int(now.timestamp()) >= end:
            raise AccessError("the session is over: sign in again")
        if self.once.used(claims.token_id, end):
            raise AccessError("the session was ended: sign in again")
        renewed = ""
        if int(now.timestamp()) - claims.issued_at >= RENEW_AFTER_S:
            more = More(claims.token_id, claims.began, claims.proofs)
            renewed = self._token(claims.user, claims.role, more, now)
        return Visitor(
            user=claims.user,
            role=claims.role,
            token_id=claims.token_id,
            expires_at=end,
            csrf=hmac.digest(self.key, CSRF_LABEL + claims.token_id.encode(), "sha256").hex(),
            second_factor=not SECOND_FACTORS.isdisjoint(claims.proofs),
            renewed=renewed,
        )

    def end(self, visitor: Visitor) -> None:
        """End a session for good, on every device that holds it."""
        self.once.redeem(visitor.token_id, visitor.expires_at)

    def _end(self, claims: Claims) -> int:
        return claims.began + int(self.length.total_seconds())

    def _token(self, user: str, role: str, more: More, now: datetime) -> str:
        left = more.began + int(self.length.total_seconds()) - int(now.timestamp())
        lifetime = min(self.idle, timedelta(seconds=left))
        return self.tokens.issue(
            user, role, now=now, lifetime=lifetime, kind=Kind.SESSION, more=more
        )
