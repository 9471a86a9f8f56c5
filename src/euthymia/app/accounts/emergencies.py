"""Breaking the glass: a patient who is not in one's care, opened in an emergency.

It takes a reason, a second factor at that moment, and ends by itself. It is in the ledger before
the patient is shown, on every supervisor's first page until one of them has seen it, and in the
patient's own record of who looked.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from euthymia.app.accounts.accounts import Accounts, Words
from euthymia.app.accounts.book import Book, Emergency
from euthymia.ground.audit import Actor, Purpose
from euthymia.ground.errors import AccessError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.security.policy import Action, Policies

LEAST_REASON: Final = 20  # characters: "suicidal, at the ward" passes, "emergency" does not
MOST_REASON: Final = 500
KEPT: Final = 10_000  # the ledger has all of them


@dataclass(frozen=True, slots=True)
class Emergencies:
    """Opens, ends and lists emergencies of one clinic."""

    accounts: Accounts
    policies: Policies
    minutes: int

    def begin(self, who: Actor, subject: SubjectId | None, reason: str, code: str) -> Emergency:
        """Open a patient to a clinician, after reason and second factor.

        Raises
        ------
        AccessError
            The role may not, the reason is too short, or the code does not hold.
        MissingError
            There is no such patient; said only after all else holds.
        """
        plain = " ".join(reason.split())
        given = LEAST_REASON <= len(plain) <= MOST_REASON
        if not self.policies.may_ever(who.role, Action.BREAK_GLASS):
            raise AccessError("this role may not do this")
        if not given:
            raise AccessError(
                f"type the reason in {LEAST_REASON} to {MOST_REASON} characters: the supervisor "
                "will read it"
            )
        proven = self.accounts.prove_again(who.user, code)
        ruling = self.policies.decide(
            role=who.role,
            action=Action.BREAK_GLASS,
            purpose=Purpose.CARE,
            reason=given,
            second_factor=proven,
        )
        if not ruling.allowed:
            told: Words = {"outcome": "refused", "rule": ruling.rule}
            self.accounts.change(lambda _: None, who, "break glass", told)
            if ruling.rule == "second factor":
                raise AccessError("the code is not the newest one of your authenticator app")
            raise AccessError(ruling.detail)
        if subject is None:
            self.accounts.change(lambda _: None, who, "break glass", {"outcome": "unknown patient"})
            raise MissingError("no patient has this identifier")
        return self._open(who, subject, plain)

    def _open(self, who: Actor, subject: SubjectId, reason: str) -> Emergency:
        now = self.accounts.second
        made = Emergency(
            secrets.token_hex(8), who.user, subject, reason, now, now + 60 * self.minutes
        )

        def how(book: Book) -> None:
            book.emergencies = [*book.emergencies[-KEPT:], made]

        detail: Words = {"reason": reason, "minutes": self.minutes, "emergency": made.id}
        self.accounts.change(how, who, "break glass", detail, subject)
        return made

    def current(self, user: str, subject: SubjectId) -> Emergency | None:
        """Return the user's open emergency for a patient."""
        now = self.accounts.second
        for one in reversed(self.accounts.file.now().emergencies):
            if one.user == user and one.subject == subject and one.open_at(now):
                return one
        return None

    def end(self, who: Actor, number: str) -> None:
        """End one's own emergency before its time is up."""

        def how(book: Book) -> None:
            for one in book.emergencies:
                if one.id == number and one.user == who.user and one.open_at(self.accounts.second):
                    one.ended = self.accounts.second
                    return
            raise MissingError("no emergency of yours is open under this number")

        self.accounts.change(how, who, "end emergency", {"emergency": number})

    def all(self) -> list[Emergency]:
        """Return every emergency, those nobody has seen first, newest first."""
        return sorted(self.newest(), key=lambda one: bool(one.seen_by))

    def newest(self) -> list[Emergency]:
        """Return every emergency, newest first."""
        return sorted(self.accounts.file.now().emergencies, key=lambda one: -one.began)

    def unseen(self) -> int:
        """Return how many no supervisor has seen."""
        return sum(not one.seen_by for one in self.accounts.file.now().emergencies)

    def see(self, who: Actor, number: str) -> None:
        """Note that a supervisor has read it."""

        def how(book: Book) -> None:
            for one in book.emergencies:
                if one.id == number:
                    one.seen_by = one.seen_by or who.user
                    one.seen_at = one.seen_at or self.accounts.second
                    return
            raise MissingError("there is no emergency under this number")

        detail = {"emergency": number}
        known = next((e.subject for e in self.all() if e.id == number), None)
        subject = SubjectId(known) if known else None
        self.accounts.change(how, who, "see emergency", detail, subject)


def forget(accounts: Accounts, subject: SubjectId, actor: Actor) -> None:
    """Take an erased person's emergencies, whose reasons are about them, and their account away.

    That somebody broke the glass stays until a supervisor has seen it, without patient and reason:
    else an erasure would hide it from the one who has to ask.
    """
    book = accounts.file.now()
    theirs = [user for user, account in book.accounts.items() if account.subject == subject]
    if theirs or any(one.subject == subject for one in book.emergencies):

        def how(now: Book) -> None:
            now.emergencies = [
                one if one.subject != subject else _of_nobody(one, accounts.second)
                for one in now.emergencies
                if one.subject != subject or not one.seen_by
            ]
            for user in theirs:
                accounts.forget(now, user)

        accounts.change(how, actor, "forget emergencies")


def _of_nobody(one: Emergency, now: int) -> Emergency:
    """Return what stays of an emergency after an erasure: who, when and for how long."""
    ended = one.ended or min(one.until, now)
    return Emergency(one.id, one.user, "", "", one.began, one.until, ended)


def forget_unknown(
    accounts: Accounts, resolve: Callable[[str], SubjectId | None], actor: Actor
) -> None:
    """Do as `forget` for everybody in the book whom the store does not know any more."""
    book = accounts.file.now()
    named = {one.subject for one in book.emergencies if one.subject}
    named |= {account.subject for account in book.accounts.values() if account.subject}
    for subject in sorted(named):
        if resolve(subject) is None:
            forget(accounts, SubjectId(subject), actor)
