"""A clinic's home directory: what lies where, and whether its settings are those accepted."""

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from euthymia.app.accepted import AcceptedText
from euthymia.app.config import Config, load, render
from euthymia.app.vaults import asker, opener
from euthymia.ground.errors import IntegrityError, MissingError
from euthymia.security.keys import Keyring
from euthymia.security.roots import Vault


@dataclass(frozen=True, slots=True)
class Home:
    """The folders and files of one clinic. `EUTHYMIA_HOME` or `--home` says where it is."""

    path: Path

    @property
    def config_file(self) -> Path:
        """Return the settings, which a person may edit."""
        return self.path / "euthymia.toml"

    @property
    def config_seal(self) -> Path:
        """Return the keyed digest of the settings that were accepted last."""
        return self.path / "euthymia.toml.seal"

    @property
    def policies(self) -> AcceptedText:
        """Return the clinic's own policies on who may do what; there need be none."""
        return AcceptedText(self.path / "policies.cedar", "policies", "euthymia policy")

    @property
    def evidence_seal(self) -> Path:
        """Return the keyed digest of the published evidence that was accepted; none without any."""
        return self.path / "evidence.seal"

    @property
    def keys(self) -> Path:
        """Return the folder of the keys."""
        return self.path / "keys"

    @property
    def database(self) -> Path:
        """Return the encrypted database."""
        return self.path / "clinic.db"

    @property
    def ledger(self) -> Path:
        """Return the folder of the ledger."""
        return self.path / "ledger"

    @property
    def models(self) -> Path:
        """Return the folder of the model bundles."""
        return self.path / "models"

    @property
    def models_seen(self) -> Path:
        """Return the file of the largest versions of the registry; none before the first model."""
        return self.path / "models.seen"

    @property
    def reports(self) -> Path:
        """Return the folder of the training reports."""
        return self.path / "reports"

    @property
    def snapshots(self) -> Path:
        """Return the folder of the research snapshots; there is none before the first."""
        return self.path / "snapshots"

    @property
    def tombstones(self) -> Path:
        """Return the signed list of erased people; there is none before the first."""
        return self.path / "tombstones"

    @property
    def copies(self) -> Path:
        """Return the sealed list of where backups lie; there is none before the first."""
        return self.path / "copies.sealed"

    @property
    def budget(self) -> Path:
        """Return the sealed ledger of epsilon; there is none before the first private training."""
        return self.path / "budget.sealed"

    @property
    def watch(self) -> Path:
        """Return the sealed norms and lines of the watch; there are none before its first run."""
        return self.path / "watch.sealed"

    @property
    def alert_policy(self) -> AcceptedText:
        """Return the clinic's own alert policy; there need be none."""
        return AcceptedText(self.path / "alerts.yaml", "alerts", "euthymia alerts")

    @property
    def alert_book(self) -> Path:
        """Return the sealed book of alerts: since when which policy holds; none before a run."""
        return self.path / "alerts.sealed"

    @property
    def redeemed(self) -> Path:
        """Return the folder of the sign-in links that have been used."""
        return self.path / "redeemed"

    @property
    def served(self) -> Path:
        """Return the file in which a running server says at what address."""
        return self.path / "served"

    @property
    def proofs(self) -> Path:
        """Return the folder of the callers' proofs of the running minute."""
        return self.path / "proofs"

    @property
    def accounts(self) -> Path:
        """Return the sealed book of accounts; there is none before the first."""
        return self.path / "accounts.sealed"

    def exists(self) -> bool:
        """Tell whether a clinic was made here."""
        return self.config_file.is_file() and self.keys.is_dir()


def _seal_of(keyring: Keyring, raw: bytes) -> str:
    return hmac.new(keyring.derive("config"), raw, "sha256").hexdigest() + "\n"


def default_home() -> Path:
    """Return the home when none is named: `EUTHYMIA_HOME`, else `~/.euthymia`."""
    named = os.environ.get("EUTHYMIA_HOME")
    return Path(named) if named else Path.home() / ".euthymia"


def create(home: Home, config: Config, vault: Vault | None = None) -> Keyring:
    """Make a new home: folders only its owner can enter, fresh keys, sealed settings.

    `vault` keeps the root key; without one it is a key file. The rights of a folder that holds
    other files already are left as they are.
    """
    home.path.mkdir(parents=True, exist_ok=True)
    if not any(home.path.iterdir()):
        home.path.chmod(0o700)
    for folder in (home.ledger, home.models, home.reports, home.redeemed):
        folder.mkdir(mode=0o700, exist_ok=True)
    master = Path(config.keys.master) if config.keys.master else None
    keyring = Keyring.create(home.keys, master=master, vault=vault)
    home.config_file.write_text(render(config), encoding="utf-8")
    accept_config(home, keyring)
    return keyring


def accept_config(home: Home, keyring: Keyring) -> None:
    """Seal the settings as they are now; whoever changed them answers for it in the ledger."""
    _, raw = load(home.config_file)
    home.config_seal.write_text(_seal_of(keyring, raw), encoding="ascii")
    home.config_seal.chmod(0o600)


def open_keys(home: Home, config: Config) -> Keyring:
    """Open the keys of a home; asks for the secret of its root where there is one."""
    master = Path(config.keys.master) if config.keys.master else None
    return Keyring.open(home.keys, master=master, vaults=opener(asker(config.keys.secret_file)))


def read_config(home: Home) -> tuple[Config, Keyring, bool]:
    """Return the settings, the keys, and whether the settings are those that were accepted."""
    if home.keys.is_dir() and not home.config_file.is_file():
        raise IntegrityError(
            "the keys are here and euthymia.toml is missing: restore it from a backup; if "
            "`euthymia init` was stopped and no data was ingested, remove the home and run it again"
        )
    if not home.exists():
        raise MissingError("no clinic here: make one with `euthymia init`, or name it with --home")
    config, raw = load(home.config_file)
    keyring = open_keys(home, config)
    return config, keyring, is_accepted(home, keyring, raw)


def is_accepted(home: Home, keyring: Keyring, raw: bytes) -> bool:
    """Tell whether the bytes of the settings are those that were accepted."""
    if not home.config_seal.is_file():
        return False
    sealed = home.config_seal.read_bytes()
    return hmac.compare_digest(sealed, _seal_of(keyring, raw).encode())


def require_accepted(*, accepted: bool) -> None:
    """Refuse settings that changed since they were accepted."""
    if not accepted:
        raise IntegrityError(
            "euthymia.toml is not the file that was accepted; "
            "if the change is yours, accept it with `euthymia init`"
        )
