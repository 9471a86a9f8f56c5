"""What a restore keeps of the time since the backup, where a home of that clinic is still there.

Whoever was erased since stays erased by a list of its own (app/tombstones.py). A restore must not
undo a person's "no" either, nor bring back a record that was taken back, nor let somebody in again
whose account was closed: withdrawals and retractions come from the newer ledger, accounts from the
newer book.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from euthymia.app.accounts.book import BookFile
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.ground.scope import Scope
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.consent import GIVEN, WITHDRAWN
from euthymia.store.retract import BY_HAND, RETRACTED, read_told

BECAUSE: Final = "withdrawn after the backup that was restored"
Withdrawn = Mapping[tuple[SubjectId, Purpose], Micros]


def no_clock() -> Any:  # noqa: ANN401 - it never returns
    """Refuse to tell the time: of a home beside the restored one nothing is written."""
    raise IntegrityError("a ledger that is only read asked for the time")


class Newer(NamedTuple):
    """What the ledgers of newer homes tell. `whole`: each was read to its end.

    `anew`: withdrawn, then given as a whole; not what had been given for a protected label or a
    recipient. `records` were taken back, {keyed hash: order}; `by_hand`: how often rows of a file
    were.
    """

    last: int
    withdrawn: Withdrawn
    anew: Withdrawn
    records: dict[int, int]
    by_hand: int
    whole: bool


@contextmanager
def _opened(home: Home, keyring: Keyring, scratch: Path) -> Iterator[Ledger]:
    """Open a home's ledger; a copy where nothing can be written there, as on a rescued disk."""
    if not home.ledger.is_dir():
        raise MissingError("the home has no ledger")
    try:
        try:
            ledger = Ledger.open(home.ledger, keyring, clock=no_clock)
        except OSError:
            shutil.copytree(home.ledger, scratch)
            ledger = Ledger.open(scratch, keyring, clock=no_clock)
        with closing(ledger):
            yield ledger
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def newer(homes: Sequence[Home], keyring: Keyring, after: int, scratch: Path) -> Newer:
    """Return who withdrew which consent after an entry of the ledger, and did not give it anew.

    And which single records were taken back. Whoever gave a part of it anew withdrew the rest. Of
    a damaged ledger, as far as it goes.
    """
    found: dict[tuple[SubjectId, Purpose], Micros] = {}
    anew: dict[tuple[SubjectId, Purpose], Micros] = {}
    records: dict[int, int] = {}
    by_hand: set[str] = set()
    last, whole = 0, True
    for home in homes:
        try:
            with _opened(home, keyring, scratch) as ledger:
                last = max(last, ledger.head()[0])
                for line in ledger.entries():
                    if line.seq > after and line.action == RETRACTED:
                        records |= read_told(str(line.detail.get("taken_back", "")))
                    if line.seq > after and line.action == BY_HAND:
                        by_hand.add(line.id)
                    if line.seq <= after or line.subject is None:
                        continue
                    if line.action == WITHDRAWN:
                        found[line.subject, Purpose(line.purpose)] = line.at
                    elif line.action == GIVEN:
                        what = (line.subject, Purpose(line.purpose))
                        if what in found:
                            anew[what] = found.pop(what)
        except (EuthymiaError, OSError):  # the damage that is restored from
            whole = False
    return Newer(last, found, anew, records, len(by_hand), whole)


def withdraw_again(clinic: Clinic, since: Newer) -> int:
    """Record the withdrawals, each of the whole purpose; return how many there were.

    Of what a limited one was about the clinic has only the sealed word of a key that is not here.
    Of what was given anew, the labels and recipients that the backup names stay withdrawn.
    """
    done = 0
    for (who, purpose), at in {**since.anew, **since.withdrawn}.items():
        if clinic.store.resolve(who) is None:  # not in the backup, or erased since
            continue
        scopes: list[Scope | None] = [None]
        if (who, purpose) not in since.withdrawn:
            scopes = list(beyond(clinic.store.grants(who), purpose))
        for scope in scopes:
            grant = GrantRecord(purpose, False, at, None, BECAUSE, scope)
            audit = Entry(shell_actor(), WITHDRAWN, purpose, who, {"purpose": purpose.value})
            clinic.store.put_grant(who, grant, audit)
        done += bool(scopes)
    return done


def beyond(grants: Sequence[GrantRecord], purpose: Purpose) -> Iterator[Scope]:
    """Yield what decisions open that one without limits does not."""
    scopes = [g.scope for g in grants if g.scope and g.permit and g.purpose is purpose]
    labels = {label for scope in scopes for label in scope.labels}
    recipients = {name for scope in scopes for name in scope.recipients}
    if labels:
        yield Scope(labels=tuple(sorted(labels)))
    if recipients:
        yield Scope(recipients=tuple(sorted(recipients)))


def take_newer_accounts(homes: Sequence[Home], into: Home, keyring: Keyring) -> bool:
    """Put the newest book of accounts in place; tell whether it is newer than the backup's."""
    key, newest = keyring.derive("accounts"), -1
    source = into
    for home in (into, *homes):
        try:
            made = BookFile(home.accounts, key).now().generation
        except (EuthymiaError, OSError):
            continue
        if made > newest:
            source, newest = home, made
    if source is into:
        return False
    shutil.copyfile(source.accounts, into.accounts)
    into.accounts.chmod(0o600)
    return True


def take_newer_marks(homes: Sequence[Home], into: Home) -> None:
    """Have what was used up since, a link, a session or a token for one call, stay so.

    All that is told is in the names of empty files.
    """
    into.redeemed.mkdir(mode=0o700, exist_ok=True)
    for home in homes:
        with suppress(OSError):  # a home that is half there
            for mark in list(home.redeemed.iterdir()):
                (into.redeemed / mark.name).touch(mode=0o600)
