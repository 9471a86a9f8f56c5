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
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
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


def _told(home: Home, keyring: Keyring, after: int) -> Iterator[LedgerLine]:
    """Yield the consents of people that a home's ledger tells of after a number."""
    if not home.ledger.is_dir():
        raise MissingError("the home has no ledger")
    with closing(Ledger.open(home.ledger, keyring, clock=no_clock)) as ledger:
        for line in ledger.entries():
            if line.seq > after and line.subject and line.action in {GIVEN, WITHDRAWN}:
                yield line


def withdrawn(homes: Sequence[Home], keyring: Keyring, after: int) -> tuple[Withdrawn, bool]:
    """Return who withdrew which consent after an entry of the ledger, and did not give it anew.

    Whoever gave a part of it anew withdrew the rest. Also tells whether every ledger was read to
    its end; of a damaged one, as far as it goes.
    """
    found: dict[tuple[SubjectId, Purpose], Micros] = {}
    whole = True
    for home in homes:
        try:
            for line in _told(home, keyring, after):
                what = SubjectId(line.subject or ""), Purpose(line.purpose)
                if line.action == WITHDRAWN:
                    found[what] = max(line.at, found.get(what, line.at))
                else:
                    found.pop(what, None)
        except (EuthymiaError, OSError):  # the damage that is restored from
            whole = False
    return found, whole


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
