"""`euthymia verify`: read and authenticate every stored byte of a home."""

import hashlib
from pathlib import Path

from euthymia.app.clinic import wall_clock
from euthymia.app.home import Home, read_config
from euthymia.app.shell import Progress
from euthymia.ground.errors import EuthymiaError, MissingError
from euthymia.models.registry import Registry
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.sqlite import SqliteStore


def _ledger_and_store(home: Home, keyring: Keyring) -> list[str]:
    try:
        ledger = Ledger.open(home.ledger, keyring, clock=wall_clock)
    except EuthymiaError as error:
        return [f"ledger: {error}"]
    try:
        problems = [f"ledger: {problem}" for problem in ledger.verify()]
        problems += [] if problems else _reports(home, ledger)
        try:
            store = SqliteStore(home.database, keyring, ledger, wall_clock)
        except EuthymiaError as error:
            return [*problems, f"store: {error}"]
        try:
            return problems + [f"store: {problem}" for problem in store.verify()]
        finally:
            store.close()
    finally:
        ledger.close()


def _reports(home: Home, ledger: Ledger) -> list[str]:
    """Compare each training report with the digest that the ledger holds of it."""
    written = {
        str(line.detail["report"]): str(line.detail["report_sha256"])
        for line in ledger.entries()
        if "report_sha256" in line.detail
    }
    problems = []
    for file in sorted(home.reports.iterdir()):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if file.name not in written:
            problems.append(f"reports: {file.name} was not written by a training run")
        elif written[file.name] != digest:
            problems.append(f"reports: {file.name} is not as it was written")
    missing = [name for name in written if not (home.reports / name).is_file()]
    return problems + [f"reports: {name} is missing" for name in missing]


def verify_home(path: Path, progress: Progress) -> list[str]:
    """Return the problems found, in words; none means every byte is as it was written.

    Raises
    ------
    MissingError
        There is no clinic at `path`.
    """
    home = Home(path)
    progress(0, 4)
    if not home.exists():
        raise MissingError("no clinic here: make one with `euthymia init`, or name it with --home")
    try:
        _, keyring, accepted = read_config(home)
    except EuthymiaError as error:
        return [f"keys and settings: {error}"]
    problems = [f"keys: {problem}" for problem in keyring.verify()]
    if not accepted:
        problems.append("settings: euthymia.toml is not the file that was accepted")
    progress(1, 4)
    problems += _ledger_and_store(home, keyring)
    progress(3, 4)
    problems += [f"models: {problem}" for problem in Registry(home.models, keyring).verify()]
    progress(4, 4)
    return problems
