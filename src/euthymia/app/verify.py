"""`euthymia verify`: read and authenticate every stored byte of a home."""

import time
from pathlib import Path
from typing import Final

from euthymia.app import calibrations, copies, in_force, published, tombstones
from euthymia.app.accounts.accounts import Accounts
from euthymia.app.alerts.policy_file import problems as alert_problems
from euthymia.app.clinic import wall_clock
from euthymia.app.config import Config, LedgerConfig
from euthymia.app.database import open_store
from euthymia.app.home import Home, read_config
from euthymia.app.privacy import problems as budget_problems
from euthymia.app.reports import held, problems, told
from euthymia.app.shell import Progress
from euthymia.app.snapshots import problems as snapshot_problems
from euthymia.app.snapshots import told_of
from euthymia.app.witnesses import vouched
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.models.registry import Registry
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger

PATIENCE_S: Final = 3.0
"""Within which whoever puts a file into force at this moment has told the ledger of it."""


def _ledger_problems(ledger: Ledger, config: LedgerConfig) -> list[str]:
    """Read the whole ledger, and compare it with what its witnesses saw."""
    try:
        seen, missing = vouched(ledger, config)
    except IntegrityError:
        seen, missing = [], []  # a ledger so damaged that it has no name: the audit says how
    return [*missing, *ledger.audit(seen).problems]


def _ledger_and_all_it_tells_of(
    home: Home, keyring: Keyring, config: Config, *, accepted: bool, witnessed: bool
) -> list[str]:
    try:
        ledger = Ledger.open(home.ledger, keyring, clock=wall_clock)
    except EuthymiaError as error:
        return [f"ledger: {error}", *_models(home, keyring, 0)]
    try:
        told_by = config.ledger if witnessed else LedgerConfig()
        found = [f"ledger: {problem}" for problem in _ledger_problems(ledger, told_by)]
        if found:  # what it tells is not to be relied on
            found += _models(home, keyring, 0)
        else:
            found += _reports_and_models(home, keyring, ledger)
            accounts = Accounts(home.accounts, keyring, ledger, wall_clock)
            found += [f"accounts: {problem}" for problem in accounts.verify()]
            found += [f"privacy: {said}" for said in budget_problems(home, keyring, ledger)]
            if witnessed:  # a restore brings its settings into line, and tells the ledger then
                found += _in_force(home, config, ledger)
        if not accepted and config.store.engine != "sqlite":
            return [*found, "store: the server that unaccepted settings name is not spoken to"]
        return found + _store(home, config, keyring, ledger)
    finally:
        ledger.close()


def _in_force(home: Home, config: Config, ledger: Ledger) -> list[str]:
    """Compare what is in force with the ledger; once more where somebody may be at it just now."""
    if not in_force.problems(home, config, in_force.newest(ledger.entries())):
        return []
    time.sleep(PATIENCE_S)
    return in_force.problems(home, config, in_force.newest(ledger.entries()))


def _store(home: Home, config: Config, keyring: Keyring, ledger: Ledger) -> list[str]:
    try:
        store = open_store(home, config, keyring, ledger, wall_clock)
    except EuthymiaError as error:
        return [f"store: {error}"]
    try:
        found = [f"store: {problem}" for problem in store.verify()]
        return found + tombstones.problems(home.tombstones, keyring, store.tombstones)
    finally:
        store.close()


def _reports_and_models(home: Home, keyring: Keyring, ledger: Ledger) -> list[str]:
    """Compare the reports and the model registry with what the ledger tells of them."""
    if not home.reports.is_dir():
        return ["reports: the folder is missing", *_models(home, keyring, 0)]
    with held(home.reports, alone=False):  # or a report written meanwhile would look like a foreign
        named = ("registry_counter", "snapshot_rows_sha256")
        lines = [line for line in ledger.entries() if any(name in line.detail for name in named)]
        found = [f"reports: {problem}" for problem in problems(home.reports, told(lines))]
    of_snapshots = told_of(line.detail for line in lines)
    found += [f"snapshots: {said}" for said in snapshot_problems(home, keyring, of_snapshots)]
    counters = (int(line.detail.get("registry_counter", 0)) for line in lines)
    return found + _models(home, keyring, max(counters, default=0))


def _models(home: Home, keyring: Keyring, least_counter: int) -> list[str]:
    found = Registry(home.models, keyring, wall_clock).verify(least_counter=least_counter)
    return [f"models: {problem}" for problem in found]


def _open_to_others(config: Config) -> list[str]:
    """Say where a key file that rests apart, outside the folders of the home, is read by others."""
    file = Path(config.keys.master) if config.keys.master else None
    if file is None or not file.is_file() or not file.stat().st_mode & 0o077:
        return []
    return [f"others may read the key file, which opens everything: run `chmod 600 {file}`"]


def verify_home(path: Path, progress: Progress, *, witnessed: bool = True) -> list[str]:
    """Return the problems found, in words; none means every byte is as it was written.

    Not `witnessed`: what witnesses saw is left out, for a state that is known to be an older one.

    Raises
    ------
    MissingError
        There is no clinic at `path`.
    """
    home = Home(path)
    progress(0, 2)
    if not home.exists():
        raise MissingError("no clinic here: make one with `euthymia init`, or name it with --home")
    try:
        config, keyring, accepted = read_config(home)
    except EuthymiaError as error:
        return [f"keys and settings: {error}"]
    found = [f"keys: {problem}" for problem in (*keyring.verify(), *_open_to_others(config))]
    found += copies.problems(home, keyring)
    found += calibrations.problems(home, keyring)
    if not accepted:
        found.append("settings: euthymia.toml is not the file that was accepted")
    try:
        home.policies.read(keyring)
    except EuthymiaError as error:
        found.append(f"policies: {error}")
    found += [f"alerts: {problem}" for problem in alert_problems(home, keyring)]
    found += published.problems(home, config, keyring) if witnessed else []
    progress(1, 2)
    found += _ledger_and_all_it_tells_of(
        home, keyring, config, accepted=accepted, witnessed=witnessed
    )
    progress(2, 2)
    return found
