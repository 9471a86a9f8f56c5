"""What a restore keeps of the time since the backup, where a home of that clinic is still there.

Whoever was erased since stays erased by a list of its own (app/tombstones.py). A restore must not
undo a person's "no" either, nor bring back a record that was taken back, nor let somebody in again
whose account was closed: withdrawals and retractions come from the newer ledger, accounts from the
newer book.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
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

    `records` were taken back, {keyed hash: order}; `by_hand`: how often rows of a file were.
    """

    last: int
    withdrawn: Withdrawn
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
                        found.pop((line.subject, Purpose(line.purpose)), None)
        except (EuthymiaError, OSError):  # the damage that is restored from
            whole = False
    return Newer(last, found, records, len(by_hand), whole)


def withdraw_again(clinic: Clinic, what: Withdrawn) -> int:
    """Record the withdrawals, each of the whole purpose; return how many there were.

    Of what a limited one was about the clinic has only the sealed word of a key that is not here.
    """
    done = 0
    for (who, purpose), at in what.items():
        if clinic.store.resolve(who) is None:  # not in the backup, or erased since
            continue
        grant = GrantRecord(purpose, False, at, None, BECAUSE)
        audit = Entry(shell_actor(), WITHDRAWN, purpose, who, {"purpose": purpose.value})
        clinic.store.put_grant(who, grant, audit)
        done += 1
    return done


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
