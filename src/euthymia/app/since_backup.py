"""What a restore keeps of the time since the backup, where a home of that clinic is still there.

Whoever was erased since stays erased by a list of its own (app/tombstones.py). A restore must not
undo a person's "no" either, nor let somebody in again whose account was closed: withdrawals come
from the newer ledger, accounts from the newer book.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from euthymia.app.accounts.book import BookFile
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.home import Home
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_lines import LedgerLine
from euthymia.store.consent import GIVEN, WITHDRAWN

BECAUSE: Final = "withdrawn after the backup that was restored"
Withdrawn = Mapping[tuple[SubjectId, Purpose], Micros]


def no_clock() -> Any:  # noqa: ANN401 - it never returns
    """Refuse to tell the time: of a home beside the restored one nothing is written."""
    raise IntegrityError("a ledger that is only read asked for the time")


def last_entry(home: Home, keyring: Keyring) -> int:
    """Return how far a home's ledger is; 0 if there is none that opens."""
    if not home.ledger.is_dir():
        return 0
    try:
        with closing(Ledger.open(home.ledger, keyring, clock=no_clock)) as ledger:
            return ledger.head()[0]
    except EuthymiaError:
        return 0


def _entries(home: Home, keyring: Keyring, after: int) -> Iterator[LedgerLine]:
    """Yield the entries of a home's ledger after a number, as far as they can be read."""
    if not home.ledger.is_dir():
        return
    try:
        with closing(Ledger.open(home.ledger, keyring, clock=no_clock)) as ledger:
            yield from (line for line in ledger.entries() if line.seq > after)
    except EuthymiaError:  # the damage that is restored from
        return


def withdrawn(homes: Sequence[Home], keyring: Keyring, after: int) -> Withdrawn:
    """Return who withdrew which consent after an entry of the ledger, and did not give it anew."""
    found: dict[tuple[SubjectId, Purpose], Micros] = {}
    for home in homes:
        for line in _entries(home, keyring, after):
            if line.subject is None or line.action not in {GIVEN, WITHDRAWN}:
                continue
            what = line.subject, Purpose(line.purpose)
            if line.action == WITHDRAWN:
                found[what] = max(line.at, found.get(what, line.at))
            else:
                found.pop(what, None)
    return found


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
