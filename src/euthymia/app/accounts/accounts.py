"""The clinic's own accounts: made and ended by the shell, used by the pages.

Every change is in the ledger with the generation of the book it made, so that an older copy of the
file is noticed. A sign-in that fails takes the same way as one that does not: one stretch of the
password, one change of the book, one entry. So neither the answer nor its time says whether there
is such a user.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from euthymia.app.accounts.book import Account, Book, BookFile
from euthymia.app.accounts.throttle import Addresses, failed, locked
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Clock
from euthymia.ground.errors import AccessError, BusyError, IntegrityError, MissingError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.passwords import Stretch, matches, weakness
from euthymia.security.policy import ROLES
from euthymia.security.token import Claims, Kind, More, Tokens
from euthymia.security.totp import matching_step, new_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENROL_LIFETIME: Final = timedelta(hours=24)
GENERATION: Final = "accounts_generation"
WRONG: Final = (
    "name, password or code is not right, or there were too many tries: wait a minute and use the "
    "newest code"
)
NOT_PROVEN: Final = (
    "the present password or the code is not right, or there were too many tries: wait a minute "
    "and use the newest code"
)
DIFFER: Final = "the two passwords differ"
OLDER: Final = (
    "accounts.sealed is older than the ledger tells: somebody put back an earlier copy or removed "
    "it; restore the newest"
)
TOO_OFTEN: Final = "too many tries from this address: wait a minute"
AT_ONCE: Final = 2  # passwords stretched at a time: each takes 64 MiB and a core
WAIT_S: Final = 10
_NAME: Final = re.compile(r"[\w.@+-]{1,64}")
NOBODY: Final = Actor("unknown", "unknown")
Words = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Offer:
    """An enrolment link that holds: for whom, and the secret its QR code shows."""

    user: str
    role: str
    code: str
    token_id: str
    totp: bytes
    handle: bytes


class Accounts:
    """Accounts of one clinic, from the shell and from every worker of the server."""

    def __init__(
        self,
        path: Path,
        keyring: Keyring,
        ledger: Ledger,
        clock: Clock,
        stretch: Stretch = Stretch(),  # noqa: B008 - frozen
        place: str = "",
    ) -> None:
        self.file = BookFile(path, keyring.derive("accounts"))
        self.key = keyring.derive("session")
        self.clock = clock
        self._ledger = ledger
        self._stretch = stretch
        self._place = place  # words that passwords here may not be made of
        self._addresses = Addresses()
        self._turns = BoundedSemaphore(AT_ONCE)

    @property
    def second(self) -> int:
        """Return now, in seconds since 1970 UTC."""
        return int(self.clock().timestamp())

    # -- changes ----------------------------------------------------------------------------------
    def change(
        self,
        how: "Callable[[Book], object]",
        actor: Actor,
        action: str,
        detail: Words | None = None,
        subject: SubjectId | None = None,
    ) -> str:
        """Change the book and write it down; return the ledger entry's id."""
        _, generation = self.file.change(how)
        number: Words = {GENERATION: generation}
        if subject is None:
            words = {**(detail or {}), **number}
            return self._ledger.submit(Entry(actor, action, Purpose.CARE, None, words)).result()
        # what is said about a person goes when they are erased; the book's number must not
        self._ledger.submit(Entry(actor, "change accounts", Purpose.CARE, None, number))
        entry = Entry(actor, action, Purpose.CARE, subject, detail or {})
        return self._ledger.submit(entry).result()

    def tell(self, actor: Actor, action: str, detail: Words) -> str:
        """Write an entry that is about nobody's record; return its id."""
        return self._ledger.submit(Entry(actor, action, Purpose.CARE, None, detail)).result()

    def add(
        self, user: str, role: str, actor: Actor, tokens: Tokens, subject: SubjectId | None = None
    ) -> str:
        """Make an account; return its enrolment code. A patient's names whose record is theirs.

        Raises
        ------
        AccessError
            There is one of that name, or the name or role is not one we take.
        """
        if role not in ROLES or (role == "patient") is not (subject is not None):
            staff = ", ".join(sorted(ROLES - {"patient"}))
            raise AccessError(
                f"accounts are for staff: choose one of {staff}; a patient's account names whose "
                "record is their own"
            )
        if not _NAME.fullmatch(user):
            raise AccessError("a user name has 1 to 64 letters, digits or . _ @ + -")
        if is_subject_id(user) and user != subject:
            raise AccessError("this is a patient's pseudonym: choose another user name")
        code, token_id = self._enrol_code(user, role, tokens)
        made = Account(
            role, secrets.token_bytes(16), self.second, enrol_id=token_id, subject=subject or ""
        )

        def how(book: Book) -> None:
            if user in book.accounts:
                raise AccessError("there is an account of that name: `euthymia user list`")
            book.accounts[user] = made

        self.change(how, actor, "add user", {"user": user, "role": role}, subject)
        return code

    def reset(self, user: str, actor: Actor, tokens: Tokens) -> str:
        """Take away every credential and session of a user; return a new enrolment code.

        Raises
        ------
        AccessError
            The account is disabled: a new link would let somebody in again, unsaid.
        """
        before = self._known(self.file.now(), user)
        if before.disabled:
            raise AccessError(f"{user} is disabled; to let them in again: `euthymia user enable`")
        code, token_id = self._enrol_code(user, before.role, tokens)

        def how(book: Book) -> None:
            known = self._known(book, user)
            book.accounts[user] = Account(
                known.role,
                secrets.token_bytes(16),
                known.made_at,
                enrol_id=token_id,
                subject=known.subject,
            )
            book.ended[user] = self.second
            book.failures.pop(self._veil(user), None)

        self.change(how, actor, "reset user", {"user": user}, _whose(before))
        return code

    def disable(self, user: str, actor: Actor, *, disabled: bool = True) -> None:
        """Let a user in no more, wherever they are signed in; or let them in again."""
        whose = _whose(self._known(self.file.now(), user))

        def how(book: Book) -> None:
            self._known(book, user).disabled = disabled
            if disabled:
                book.ended[user] = self.second

        action = "disable user" if disabled else "enable user"
        self.change(how, actor, action, {"user": user}, whose)

    def end_everywhere(self, user: str, actor: Actor) -> None:
        """End every session and token of a user that was issued up to now, account or none."""
        words: Words = {} if actor.user == user else {"user": user}
        account = self.file.now().accounts.get(user)

        def how(book: Book) -> None:
            book.ended[user] = self.second

        self.change(how, actor, "sign out everywhere", words, _whose(account) if account else None)

    # -- enrolment --------------------------------------------------------------------------------
    def _enrol_code(self, user: str, role: str, tokens: Tokens) -> tuple[str, str]:
        token_id = secrets.token_hex(16)
        more = More(token_id=token_id)
        now = self.clock()
        code = tokens.issue(
            user, role, now=now, lifetime=ENROL_LIFETIME, kind=Kind.ENROL, more=more
        )
        return code, token_id

    def offer(self, code: str, tokens: Tokens) -> Offer:
        """Return what an enrolment link is for; AccessError if it does not hold."""
        claims = tokens.verify(code, now=self.clock(), kind=Kind.ENROL)
        account = self.file.now().accounts.get(claims.user)
        if account is None or account.disabled or account.enrol_id != claims.token_id:
            raise AccessError("this link was used before, or there is a newer one: ask for it")
        secret = hmac.digest(self.key, b"enrol totp:" + claims.token_id.encode(), "sha1")
        return Offer(claims.user, account.role, code, claims.token_id, secret, account.handle)

    def enrol_password(self, offer: Offer, password: str, again: str, code: str) -> None:
        """Take the first password and the authenticator; the link is used up.

        Raises
        ------
        AccessError
            The password is weak or typed differently, or the code is not the authenticator's.
        """
        if password != again:
            raise AccessError(DIFFER)
        self._require_strong(offer.user, password)
        step = matching_step(offer.totp, code, self.clock())
        if step is None:
            raise AccessError(
                "the code is not the newest one of the new entry in your authenticator app"
            )
        with self._turn():
            hashed = self._stretch.hash(password)

        def how(account: Account) -> None:
            account.password, account.totp, account.totp_step = hashed, offer.totp, step

        self.use_offer(offer, how, "password and code")

    def _require_strong(self, user: str, password: str) -> None:
        weak = weakness(password, user, self._place)
        if weak:
            raise AccessError(f"choose another password: {weak}")

    def use_offer(self, offer: Offer, how: "Callable[[Account], None]", kind: str) -> None:
        """Apply what was enrolled and use the link up, both or neither."""

        def whole(book: Book) -> None:
            account = book.accounts.get(offer.user)
            if account is None or account.disabled or account.enrol_id != offer.token_id:
                raise AccessError("this link was used before, or there is a newer one: ask for it")
            how(account)
            account.enrol_id = ""

        self.change(whole, Actor(offer.user, offer.role), "enrol", {"kind": kind})

    # -- signing in -------------------------------------------------------------------------------
    def sign_in(self, user: str, password: str, code: str, address: str) -> tuple[str, str]:
        """Return the user and role that name, password and code prove.

        Raises
        ------
        AccessError
            They prove nothing; which of them was wrong is not said.
        """
        self.count_try(address)
        proven, generation = self._prove(user, password, code)
        role = proven.role if proven else ""
        actor = Actor(user, role) if proven else NOBODY
        words: Words = {
            "outcome": "signed in" if proven else "refused",
            "kind": "password and code",
            GENERATION: generation,
        }
        self._ledger.submit(Entry(actor, "sign in", Purpose.CARE, None, words)).result()
        if not proven:
            raise AccessError(WRONG)
        return user, role

    def change_password(self, actor: Actor, present: str, code: str, wanted: str) -> int:
        """Take another password of a user who proves the present one and a code, as at signing in.

        Returns the second up to which a session or token of theirs must have begun to have ended.

        Raises
        ------
        AccessError
            The password wanted is weak or the present one, or what was typed proves nothing.
        """
        self._require_strong(actor.user, wanted)
        if present == wanted:
            raise AccessError("choose another password: it is the present one")
        with self._turn():
            hashed = self._stretch.hash(wanted)
        ended = 0

        def take(book: Book, account: Account) -> None:
            nonlocal ended  # told now: a session that began while we waited for a turn ends too
            ended = max(self.second, book.ended.get(actor.user, 0))
            account.password, book.ended[actor.user] = hashed, ended

        proven, generation = self._prove(actor.user, present, code, take)
        words: Words = {"outcome": "changed" if proven else "refused", GENERATION: generation}
        self._ledger.submit(Entry(actor, "change password", Purpose.CARE, None, words)).result()
        if not proven:
            raise AccessError(NOT_PROVEN)
        return ended

    def _prove(
        self,
        user: str,
        password: str,
        code: str,
        then: "Callable[[Book, Account], None] | None" = None,
    ) -> tuple[Account | None, int]:
        """Return whose password and code these are, and the book's number; uses the code up.

        A failure counts against the name. `then` changes the book together with what was proven.
        """
        before = self.file.now().accounts.get(user)
        hashed = before.password if before is not None and before.password else self._decoy
        with self._turn():
            right = matches(password, hashed)

        def how(book: Book) -> Account | None:
            account, veiled = book.accounts.get(user), self._veil(user)
            secret = account.totp if account is not None and account.totp else self._decoy_secret
            last = account.totp_step if account is not None else -1
            step = matching_step(secret, code, self.clock(), after=last)
            if locked(book.failures, veiled, self.second):
                return None
            usable = account is not None and not account.disabled and account.password == hashed
            if account is None or not usable or not right or step is None:
                failed(book.failures, veiled, self.second)
                return None
            account.totp_step = step
            book.failures.pop(veiled, None)
            if then is not None:
                then(book, account)
            return account

        return self.file.change(how)

    def prove_again(self, user: str, code: str) -> bool:
        """Tell whether a signed-in user proves their second factor right now; uses the code up.

        Failures count by themselves: whoever fails to sign in under a clinician's name, from
        anywhere, keeps the clinician who is signed in from no emergency.
        """
        right: list[int] = []

        def how(book: Book) -> None:
            account, veiled = book.accounts.get(user), self._veil(user, b"again:")
            if account is None or account.disabled or not account.totp:
                return
            if locked(book.failures, veiled, self.second):
                return
            step = matching_step(account.totp, code, self.clock(), after=account.totp_step)
            if step is None:
                failed(book.failures, veiled, self.second)
                return
            account.totp_step = step
            book.failures.pop(veiled, None)
            right.append(step)

        self.file.change(how)
        return bool(right)

    def count_try(self, address: str) -> None:
        """Count a try from an address; AccessError beyond the minute's number."""
        if not self._addresses.may_try(address, self.second):
            raise AccessError(TOO_OFTEN)

    # -- asked on every call -----------------------------------------------------------------------
    def ended(self, claims: Claims) -> bool:
        """Tell whether a session or token holds no more: its user is disabled, or ended it."""
        book = self.file.now()
        account, user = book.accounts.get(claims.user), claims.user
        if account is not None and account.disabled:
            return True
        ended = book.ended.get(user if user in book.ended else self._veil(user), 0)
        return (claims.began or claims.issued_at) <= ended

    def entered_as(self, user: str) -> str:
        """Return under which name the ledger tells of a patient: no user name outlives them."""
        account = self.file.now().accounts.get(user)
        named = account.subject if account else user
        return named if is_subject_id(named) else NOBODY.user

    def forget(self, book: Book, user: str) -> None:
        """Take an account out of the book, name and all; its sessions and tokens have ended."""
        book.accounts.pop(user, None)
        book.ended.pop(user, None)
        book.ended[self._veil(user)] = self.second

    def verify(self) -> list[str]:
        """Return what is wrong with the book, by itself and by the ledger's word ([]: nothing)."""
        try:
            held = BookFile(self.file.path, self.file.key).now().generation
        except IntegrityError as error:
            return [str(error)]
        told = max(
            (int(line.detail.get(GENERATION, 0)) for line in self._ledger.entries()), default=0
        )
        if held < told:
            return [OLDER]
        return []

    # -- inside ------------------------------------------------------------------------------------
    @staticmethod
    def _known(book: Book, user: str) -> Account:
        found = book.accounts.get(user)
        if found is None:
            raise MissingError("no account of that name: `euthymia user list` lists them")
        return found

    def _veil(self, user: str, use: bytes = b"tries:") -> str:
        """Return a name as tries are counted, and as sessions of somebody erased have ended."""
        veiled = hmac.digest(self.key, use + user.encode("utf-8", "replace"), "sha256")
        return veiled.hex()[:32]

    @contextmanager
    def _turn(self) -> "Iterator[None]":
        if not self._turns.acquire(timeout=WAIT_S):
            raise BusyError("many sign in at this moment: try again")
        try:
            yield
        finally:
            self._turns.release()

    @cached_property
    def _decoy(self) -> str:
        return self._stretch.decoy()

    @cached_property
    def _decoy_secret(self) -> bytes:
        return new_secret()


def _whose(account: Account) -> SubjectId | None:
    """Return whose record is an account's own: what the ledger is told of it goes with them."""
    return SubjectId(account.subject) if account.subject else None
