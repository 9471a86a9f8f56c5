"""The clinic's store in one encrypted SQLite file."""

from pathlib import Path

from euthymia.ground.clock import Clock
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store import engine
from euthymia.store.sealed import SealedStore


class SqliteStore(SealedStore):
    """A store over the file at `path`; it is made if it is not there.

    Raises
    ------
    IntegrityError
        If the file was changed, or the keys are of another clinic.
    SchemaError
        If a newer version of the software made the file.
    """

    def __init__(
        self,
        path: Path,
        keyring: Keyring,
        ledger: Ledger,
        clock: Clock,
        default_zone: str = "UTC",
    ) -> None:
        with engine.translated():
            database = engine.opened(path, keyring)
        super().__init__(database, keyring, ledger, clock, default_zone)
