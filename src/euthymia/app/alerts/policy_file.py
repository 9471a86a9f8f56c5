"""The clinic's alert policy: `alerts.yaml` in its home, checked, accepted, sealed, and its history.

The history says which policy was in force from when on, with its text: a replay of the live clinic
goes through the same policies at the same instants.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia.app.accepted import read_text
from euthymia.app.alerts.rights import SHELL, cannot_take, gone, require_change
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home
from euthymia.app.in_force import ALERTS, digest_of
from euthymia.care.alerts.policy import Policy, parse, shipped, shipped_text
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import SECOND_US, Micros, to_micros
from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.key_files import held, replace_private
from euthymia.security.keys import Keyring

LABEL: Final = "alert policy"
FILE: Final = "alerts.yaml"
AT_ONCE_US: Final = SECOND_US
"""What happens at once gets one instant after another; a clock further behind was put back."""
_PLACE: Final = context("alert book", 1)
_JOB: Final = Actor("alerts job", "job")


class Book(msgspec.Struct):
    """What the clinic knows of its alerts beside what lies with each person.

    `policies`: (from when, text), oldest first. `start`: the first run; nothing was shown before.
    `stamp`: the last instant that was given to anything: the clinic's clock never goes back.
    `scored`: (when it became known, newest local day that was scored), oldest first.
    `gone`: (from when, who of the staff could take no alert: disabled, or of a role that acts on
    none), oldest first.
    `behind`: (the machine's clock, `stamp`) when the clock stood before it; None: it does not.
    `altered`: when a run first found the stored rows other than the ledger tells; None: they agree.
    """

    policies: list[tuple[Micros, str]] = []
    start: Micros | None = None
    stamp: Micros = 0
    scored: list[tuple[Micros, int]] = []
    gone: list[tuple[Micros, tuple[str, ...]]] = []
    behind: tuple[Micros, Micros] | None = None
    altered: Micros | None = None


def read_book(clinic: Clinic) -> Book:
    """Return the clinic's book; an empty one before the first run.

    Raises
    ------
    IntegrityError
        It is not as it was written.
    """
    return _read(clinic.home, clinic.keyring)


def problems(home: Home, keyring: Keyring) -> list[str]:
    """Return what is wrong with the alert policy and the book, in words."""
    found = []
    for read in (own_text, _read):
        try:
            read(home, keyring)
        except IntegrityError as error:
            found.append(str(error))
    return found


def _read(home: Home, keyring: Keyring) -> Book:
    path = home.alert_book
    if not path.exists():
        return Book()
    try:
        raw = unseal(keyring.derive(LABEL), path.read_bytes(), context=_PLACE)
        return msgspec.json.decode(raw, type=Book)
    except (IntegrityError, msgspec.DecodeError):
        raise IntegrityError(
            "alerts.sealed is not as it was written; restore it from a backup: it says since when "
            "which alert policy is in force"
        ) from None


def write_book(clinic: Clinic, book: Book) -> None:
    """Keep the book, whole or not at all."""
    sealed = seal(clinic.keyring.derive(LABEL), msgspec.json.encode(book), context=_PLACE)
    replace_private(clinic.home.alert_book, sealed)


def own_text(home: Home, keyring: Keyring) -> str:
    """Return the clinic's own policy as it was accepted; "" where it has none."""
    return home.alert_policy.read(keyring)


def policy_in_force(clinic: Clinic) -> Policy:
    """Return the policy that holds now: the clinic's own, else the shipped one."""
    text = own_text(clinic.home, clinic.keyring)
    return _parsed(text) if text else shipped()


def history(book: Book) -> list[tuple[Micros, Policy]]:
    """Return the policies since the first run, as the engine takes them."""
    return [(since, _parsed(text)) for since, text in _told(book)]


@lru_cache(maxsize=32)
def _parsed(text: str) -> Policy:
    """Return a policy that was accepted: read once, for a page asks again and again."""
    return parse(text, FILE)


def check(path: Path, file: Path | None) -> dict[str, Any]:
    """Say whether a policy may be used, and what it says; without `file` the home's own."""
    home = Home(path)
    named = file or (home.alert_policy.file if home.alert_policy.file.is_file() else None)
    text = read_text(named) if named else shipped_text()
    told: dict[str, Any] = {"file": str(named) if named else "shipped", "ok": True, "problems": []}
    try:
        policy = parse(text, named.name if named else "shipped.yaml")
    except SchemaError as error:
        return told | {"ok": False, "problems": [str(error)]}
    return told | {
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest,
        "rules": {rule.value: lines.tier.value for rule, lines in policy.rules.items()},
        "escalates_to": sorted(
            {step.to for lines in policy.tiers.values() for step in lines.escalate}
        ),
        "lead": policy.lead,
    }


def accept(
    clinic: Clinic,
    text: str | None,
    actor: Actor | None = None,
    role: str = SHELL,
    *,
    second_factor: bool = False,
) -> dict[str, Any]:
    """Take a policy into force from now on; None: the shipped one.

    Raises
    ------
    SchemaError
        It may not be used, or names somebody who cannot take an alert; says why.
    AccessError
        The role may not change it.
    """
    require_change(clinic, role, second_factor=second_factor)
    policy = shipped() if text is None else parse(text, FILE)
    cannot = sorted(user for user in policy.people if text and cannot_take(clinic, user))
    if cannot:
        raise SchemaError(
            f"{FILE} names {', '.join(cannot)}, whose account is disabled or may not act on "
            "alerts: name somebody else"
        )
    detail = {"policy": policy.label, "sha256": policy.digest}
    by = actor or shell_actor()
    with held(clinic.home.path):  # nobody else writes the book meanwhile
        raw = None if text is None else text.encode()
        clinic.home.alert_policy.keep(clinic.keyring, raw)
        detail |= {ALERTS: digest_of(clinic.home.alert_policy.file)}
        entry = Entry(by, "accept alert policy", Purpose.CARE, None, detail)
        told = clinic.ledger.append(entry)
        book = read_book(clinic)
        book.policies = [*_told(book), (stamp(clinic, book), text or shipped_text())]
        write_book(clinic, book)
    return {"name": policy.name, "version": policy.version, "digest": policy.digest, "entry": told}


def settle(clinic: Clinic, book: Book) -> None:
    """Have the book say which policy is in force, where whoever accepted it was ended before.

    It counts from now on, and the ledger is told: until now the engine went by the one before. A
    file that was changed and not accepted is told by whoever asks for it, and keeps no answer from
    being taken in.
    """
    try:
        now = own_text(clinic.home, clinic.keyring) or shipped_text()
    except IntegrityError:
        return
    if _told(book)[-1][1] == now:
        return
    policy = _parsed(now)
    detail = {"policy": policy.label, "sha256": policy.digest}
    clinic.ledger.append(Entry(_JOB, "take alert policy into force", Purpose.CARE, None, detail))
    book.policies = [*_told(book), (stamp(clinic, book), now)]


def newly_gone(clinic: Clinic, book: Book) -> tuple[str, ...] | None:
    """Return who can take no alert, where that is not as the book has it; else None.

    Accounts that were changed by hand are told by whoever asks for them, and keep no answer from
    being taken in.
    """
    try:
        now = gone(clinic)
    except IntegrityError:
        return None
    return None if now == (book.gone[-1][1] if book.gone else ()) else now


def note_gone(clinic: Clinic, book: Book) -> None:
    """Have the book say who can take no alert from now on, where that has changed."""
    if (now := newly_gone(clinic, book)) is not None:
        book.gone.append((stamp(clinic, book), now))


def _told(book: Book) -> list[tuple[Micros, str]]:
    """Return which policy was in force from when; the shipped one before any was accepted."""
    return book.policies or [(0, shipped_text())]


def reckoned(book: Book, clock: Micros) -> Micros:
    """Return the instant that a machine's clock stands for: never before what is on record.

    A clock that was put back does not put back what was done, and stops no timer: time goes on from
    the last instant on record, at nine tenths of its pace, until the clock has caught up.
    """
    found = max(clock, book.stamp)
    if book.behind is not None and book.behind[0] <= clock < book.behind[1]:
        found = max(found, book.behind[1] + (clock - book.behind[0]) * 9 // 10)
    return found


def stamp(clinic: Clinic, book: Book) -> Micros:
    """Return an instant for what happens now: after all that came before, whatever the clock says.

    See `reckoned` for a clock that is put back.
    """
    clock = to_micros(clinic.clock())
    book.stamp = max(reckoned(book, clock), book.stamp + 1)
    book.behind = (clock, book.stamp) if book.stamp - clock > AT_ONCE_US else None
    return book.stamp
