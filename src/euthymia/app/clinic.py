"""One open clinic: the rooms, wired together. Everything the commands and the server work on."""

import getpass
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from euthymia.app import copies, present, tombstones
from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.emergencies import forget_unknown
from euthymia.app.config import Config
from euthymia.app.database import open_store, require_room
from euthymia.app.home import Home, create, read_config, require_accepted
from euthymia.app.on_demand import OnDemand
from euthymia.features.catalogue import families
from euthymia.gateway.admit import Gateway
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Clock, to_micros
from euthymia.ground.errors import IntegrityError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import SubjectData
from euthymia.models.registry import Registry
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.policy import ROLES, SHIPPED, Policies
from euthymia.security.roots import Vault
from euthymia.security.token import Tokens
from euthymia.store.consent import streams_for, unlabelled
from euthymia.store.sealed import SealedStore

ISSUER = "euthymia"
AUDIENCE = "euthymia-api"

wall_clock = present.wall_clock


def shell_actor() -> Actor:
    """Return who works at this machine's command line, by their login name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return Actor(user, "shell")


@dataclass(frozen=True, slots=True)
class _DetailKeys:
    """The store and the accounts, as the ledger asks them about people."""

    store: SealedStore
    accounts: Accounts

    def of(self, subject: str) -> bytes | None:
        """Return the key; None for somebody unknown or erased."""
        return self.store.detail_key(SubjectId(subject))

    def patient(self, user: str) -> str:
        """Return the pseudonym of whoever signs in under that name; of nobody known: "unknown"."""
        return self.accounts.entered_as(user)


@dataclass
class Clinic:
    """A clinic's home, opened. Close it, or use `Clinic.opened`."""

    home: Home
    config: Config
    keyring: Keyring
    ledger: Ledger
    store: SealedStore
    registry: Registry
    tokens: Tokens
    clock: Clock
    accounts: Accounts
    policies: Policies = SHIPPED
    brings_back: bool = False
    """Whether the database has lost the record of an erasure, so that a file could undo it."""

    @classmethod
    def open(cls, path: Path, clock: Clock = wall_clock) -> "Clinic":
        """Open the clinic at `path`.

        Raises
        ------
        MissingError
            No clinic was made there.
        IntegrityError
            A key, the ledger or the settings are not as they were left.
        """
        home = Home(path)
        config, keyring, accepted = read_config(home)
        require_accepted(accepted=accepted)
        own = home.policies.read(keyring)
        ledger = Ledger.open(home.ledger, keyring, clock=clock)
        place = " ".join(("Euthymia", config.clinic.name, *ROLES, *config.accounts.words))
        accounts = Accounts(home.accounts, keyring, ledger, clock, place=place)
        store = open_store(home, config, keyring, ledger, clock)
        ledger.seal_details(_DetailKeys(store, accounts))
        clinic = cls(
            home=home,
            config=config,
            keyring=keyring,
            ledger=ledger,
            store=store,
            registry=Registry(home.models, keyring, clock),
            tokens=Tokens(keyring, issuer=ISSUER, audience=AUDIENCE, revoked=accounts.ended),
            clock=clock,
            accounts=accounts,
            policies=Policies(own) if own else SHIPPED,
        )
        if tombstones.is_behind(home.tombstones, keyring, store.tombstones()):
            clinic.finish_erasures()
        clinic.brings_back = tombstones.is_ahead(home.tombstones, keyring, store.tombstones)
        return clinic

    @classmethod
    def create(
        cls, path: Path, config: Config, clock: Clock = wall_clock, vault: Vault | None = None
    ) -> "Clinic":
        """Make a new clinic at `path` and open it. `vault` keeps its root key."""
        require_room(config.store)
        create(Home(path), config, vault)
        return cls.open(path, clock)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, clock: Clock = wall_clock) -> Iterator["Clinic"]:
        """Open the clinic for the length of a `with` block."""
        clinic = cls.open(path, clock)
        try:
            yield clinic
        finally:
            clinic.close()

    def close(self) -> None:
        """Flush and close the database and the ledger."""
        self.store.close()
        self.ledger.close()

    def finish_erasures(self) -> None:
        """Do what an erasure that was killed had yet to do: the list of erased people is behind."""
        from euthymia.app.snapshots import sweep

        self.store.finish_erasures()
        forget_unknown(self.accounts, self.store.resolve, shell_actor())
        sweep(self)
        self.write_tombstones()

    def write_tombstones(self) -> list[str]:
        """Bring the signed list of erased people up to date, beside the backups and here.

        Returns the places of the backups that could not be told. The list here comes last: while
        it is behind, the next command knows that something of an erasure is left to do.
        """
        missed = self.tell_backups()
        blinds = self.store.tombstones()
        if blinds:
            tombstones.write(self.home.tombstones, self.keyring, self.ledger, blinds)
        return missed

    def tell_backups(self) -> list[str]:
        """Bring the list beside the backups alone up to date; return the places not got to."""
        blinds = self.store.tombstones()
        return copies.tell(self.home, self.keyring, self.ledger, blinds) if blinds else []

    def gateway(self) -> Gateway:
        """Return the only door in; IntegrityError if one who was erased could come in by it."""
        if self.brings_back:
            raise IntegrityError(tombstones.AHEAD)
        return Gateway(
            keyring=self.keyring,
            identities=self.store,
            consents=self.store,
            clock=self.clock,
            clinical_basis=self.config.clinic.clinical_basis,
            feature_only=self.config.gateway.feature_only,
        )

    def resolve(self, subject: str) -> SubjectId:
        """Return the subject for a pseudonym or any identifier a source gave.

        Raises
        ------
        MissingError
            Nobody is known by that name (or they were erased).
        """
        found = self.store.resolve(subject)
        if found is None:
            raise MissingError("no such subject: `euthymia show` lists the pseudonyms")
        return found

    def on_care_team(self, user: str, subject: SubjectId) -> bool:
        """Tell whether `user` is in a care relationship with the subject."""
        everyone = self.config.clinic.everyone_on_care_team
        return user in everyone or user in self.store.care_team(subject)

    def monitored(self, subject: SubjectId) -> frozenset[str]:
        """Return the streams that the person's consent to monitoring covers now."""
        grants = self.store.grants(subject)
        return streams_for(grants, Purpose.MONITORING, to_micros(self.clock()))

    def monitored_segments(self, subject: SubjectId) -> Mapping[str, Mapping[int, tuple[int, str]]]:
        """Return the days held of the streams that may be used for monitoring now."""
        allowed = self.monitored(subject)
        held = self.store.segments(subject)
        return {stream: days for stream, days in held.items() if stream in allowed}

    def simulated(self, subjects: Iterable[SubjectId]) -> bool:
        """Tell whether the clinic, or any of these people, is made up."""
        return self.config.clinic.simulated or any(map(self.store.synthetic, subjects))

    def subject_data(self, subject: SubjectId, audit: Entry) -> SubjectData:
        """Return all that a model's task may look at to describe one person."""
        data = self.subject_on_demand(subject, audit)
        return replace(data, features=dict(data.features))

    def subject_on_demand(
        self, subject: SubjectId, audit: Entry, read: Mapping[str, pa.Table] | None = None
    ) -> SubjectData:
        """Return the same, each family of features read when a task looks at it.

        `read`: families that were read of this person in the same run, and are not read again.
        """
        held = read or {}
        return SubjectData(
            subject=subject,
            observations=unlabelled(self.store.observations(subject, audit)),
            features=OnDemand(
                tuple(families()),
                lambda name: held.get(name) or self.store.features(subject, name, audit),
            ),
            attributes=self.store.attributes(subject, audit),
            seen_until=to_micros(self.clock()),
            timeline=self.store.timeline(subject),
            segments=self.monitored_segments(subject),
        )
