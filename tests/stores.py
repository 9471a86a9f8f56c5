"""A clinic in a folder for tests of the store and the gateway: keys, ledger, a standing clock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from euthymia.gateway.admit import BatchConsent, Gateway
from euthymia.gateway.checks import FACTS_BORDER
from euthymia.gateway.contract import Admitted
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Item, Observations, Samples
from euthymia.ground.schemas import STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.contract import Receipt
from euthymia.store.memory import MemoryStore
from euthymia.store.postgresql import PostgresStore, Server
from euthymia.store.sqlite import SqliteStore

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
NOW_US = to_micros(NOW)
DAY = 86_400_000_000
MRN = "urn:euthymia:mrn"
ENGINES = ("memory", "sqlite", "postgresql")
ACTOR = Actor("tester", "shell")
ALL = BatchConsent(frozenset(Purpose), "a test")


def audit(
    purpose: Purpose = Purpose.CARE, action: str = "test", subject: SubjectId | None = None
) -> Entry:
    return Entry(ACTOR, action, purpose, subject)


MONITOR = audit(Purpose.MONITORING)


@dataclass
class House:
    """Keys, ledger, store and gateway. `now` may be moved."""

    folder: Path
    keyring: Keyring
    ledger: Ledger
    store: Any
    now: datetime = NOW
    clinical_basis: bool = True
    feature_only: tuple[str, ...] = ()

    @classmethod
    def build(cls, folder: Path, engine: str = "sqlite", server: Server | None = None) -> "House":
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "keys").exists():
            Keyring.create(folder / "keys")
        keyring = Keyring.open(folder / "keys")
        ledger = Ledger.open(folder / "ledger", keyring, clock=lambda: NOW)
        house = cls(folder, keyring, ledger, None)
        if engine == "sqlite":
            house.store = SqliteStore(folder / "clinic.db", keyring, ledger, house.clock)
        elif server is not None:
            house.store = PostgresStore(server, keyring, ledger, house.clock)
        else:
            house.store = MemoryStore(keyring, ledger, house.clock)
        return house

    def clock(self) -> datetime:
        return self.now

    def close(self) -> None:
        self.store.close()
        self.ledger.close()

    def admit(
        self,
        items: Iterable[Item],
        digest: str = "digest",
        consent: BatchConsent | None = None,
        rows_in: int | None = None,
        name: str = "a/file.csv",
    ) -> Admitted:
        gateway = Gateway(
            keyring=self.keyring,
            identities=self.store,
            consents=self.store,
            clock=self.clock,
            clinical_basis=self.clinical_basis,
            feature_only=self.feature_only,
        )
        return gateway.admit(
            items,
            source="test",
            file_name=name,
            file_digest=digest,
            rows_in=rows_in,
            batch_consent=consent,
        )

    def ingest(self, items: Iterable[Item], **given: Any) -> Receipt:
        return self.store.append(self.admit(items, **given), audit(action="append"))


def house_on(request: pytest.FixtureRequest, folder: Path) -> Iterator[House]:
    """Yield a house on the engine of a fixture's `param`; what it leaves behind is verified."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    house = House.build(folder, request.param, server)
    yield house
    assert house.store.verify() == []
    assert house.ledger.verify() == []
    house.close()


def times(start: int, count: int, step_s: float = 60) -> np.ndarray:
    return start + (np.arange(count) * int(step_s * 1e6)).astype(np.int64)


def samples(
    stream: str,
    at: Sequence[int] | np.ndarray,
    *,
    who: str | Sequence[str | None] = "A1",
    first_row: int = 1,
    rows: Sequence[int] | None = None,
    system: str = MRN,
    **columns: Any,
) -> Samples:
    """Build an item; columns that are not given hold a value that can be true."""
    count = len(at)
    data: dict[str, Any] = {
        "subject_id": [who] * count if isinstance(who, str) else list(who),
        "row": list(rows) if rows is not None else range(first_row, first_row + count),
        "time": pa.array(at, pa.int64()).cast(pa.timestamp("us", "UTC")),
    }
    for field in STREAMS[stream].fields:
        given = columns.get(field.name, 1)
        if field.type == pa.string() and given == 1:
            given = "c-abcdefghijklmnop"
        data[field.name] = given if not np.isscalar(given) else [given] * count
    return Samples(system, stream, pa.table(data, schema=STREAMS[stream].border_schema))


def facts(rows: Sequence[dict[str, Any]], system: str = MRN) -> Observations:
    """Build an item from dicts: `row`, `code` and whatever matters to the test."""
    full = [
        {
            "subject_id": "A1",
            "time": NOW,
            "purpose": "care",
            "source": "test",
            **row,
        }
        for row in rows
    ]
    return Observations(system, pa.Table.from_pylist(full, schema=FACTS_BORDER))


def the(house: House, value: str = "A1") -> SubjectId:
    found = house.store.resolve(value)
    assert found is not None
    return found


def mrn(value: str) -> SourceId:
    return SourceId(MRN, value)
