"""The files of the registry's roles: read in the order of trust, written so that a crash is safe.

In `models/`: `root`, `timestamp`, `snapshot.N` and `targets.N` (one JSON file a role). A change is
made when `timestamp` takes its name: it names the one snapshot, which names root and targets.
Beside the folder, `models.seen` holds the largest versions ever seen, so that the folder put back
to an older state as a whole is noticed.
"""

import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.ground.clock import DAY_US, Clock, Micros, to_micros
from euthymia.ground.errors import IntegrityError
from euthymia.models.bundle import Keys
from euthymia.models.roles import (
    MAX_BYTES,
    NEVER,
    ROLES,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Seen,
    Snapshot,
    Targets,
    Timestamp,
    TrustedSet,
    key_id,
    make_root,
    named,
    sign,
)

VALID_FOR: Final = 180 * DAY_US
RENEW_BEFORE: Final = 90 * DAY_US
_TRIES: Final = 5
_MAC_BYTES: Final = 32


def write(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_bounded(path: Path, most: int) -> bytes:
    """Return a file's bytes, one more than `most` where it is longer; read once, and used."""
    with path.open("rb") as file:
        return file.read(most + 1)


class RoleFiles:
    """The roles of one registry. Without a `clock` nothing runs out."""

    def __init__(self, folder: Path, keys: Keys, clock: Clock | None) -> None:
        self._folder = folder
        self._keys = keys
        self._clock = clock

    @property
    def seen_file(self) -> Path:
        """Return the file of the versions seen, which lies beside the folder."""
        return self._folder.with_name(f"{self._folder.name}.seen")

    def exist(self) -> bool:
        """Tell whether there are files of this form, or were.

        What a crash before the first change was made leaves is nothing.
        """
        if (self._folder / TIMESTAMP).exists():
            return True
        return self.seen_file.exists() and self._seen() != Seen()

    # -- keys ------------------------------------------------------------------------------------

    def _own(self, role: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._keys.derive(f"model {role}"))

    def _signers(self, role: str) -> tuple[Ed25519PrivateKey, ...]:
        own = self._own(role)
        return (own, self._keys.signer("model")) if role == ROOT else (own,)

    def _anchors(self) -> dict[str, str]:
        public = [self._own(ROOT).public_key(), self._keys.verifier("model")]
        return {key_id(key): key.public_bytes_raw().hex() for key in public}

    # -- reading ---------------------------------------------------------------------------------

    def read(self, *, may_have_run_out: bool = False) -> TrustedSet:
        """Return the roles, all of them verified, none older than what was seen.

        Raises
        ------
        IntegrityError
            In words.
        """
        now = None if self._clock is None or may_have_run_out else to_micros(self._clock())
        for left in reversed(range(_TRIES)):
            seen = self._seen()  # first: it is written last
            timestamp = self._file(TIMESTAMP)
            try:
                return self._verified(timestamp, seen, now)
            except IntegrityError:  # another process may be at work
                if not left or self._file(TIMESTAMP) == timestamp:
                    raise
        raise AssertionError  # the last try returns or raises

    def _verified(self, timestamp: bytes, seen: Seen, now: Micros | None) -> TrustedSet:
        found = TrustedSet(self._file(ROOT), self._anchors(), seen, now)
        newest = found.update_timestamp(timestamp).snapshot
        named_ = found.update_snapshot(self._file(f"{SNAPSHOT}.{newest.version}")).targets
        found.update_targets(self._file(f"{TARGETS}.{named_.version}"))
        return found

    def _file(self, name: str) -> bytes:
        try:
            return read_bounded(self._folder / name, MAX_BYTES)
        except FileNotFoundError:
            raise IntegrityError(f"the registry's {name.partition('.')[0]} is missing") from None

    def _seen(self) -> Seen:
        try:
            raw = read_bounded(self.seen_file, 4096)
        except FileNotFoundError:
            raise IntegrityError(
                f"{self.seen_file.name} is missing: restore it from a backup of the same day"
            ) from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise IntegrityError(f"{self.seen_file.name} is not as it was written")
        return msgspec.json.decode(body, type=Seen)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._keys.derive("model seen"), body, "sha256")

    # -- writing ---------------------------------------------------------------------------------

    def save(self, targets: Targets) -> None:
        """Write new targets, and all that vouches for them. Call it with the folder held."""
        before = self.read(may_have_run_out=True).seen() if self.exist() else None
        if before is None:
            self._remember(Seen())
            public = {r: tuple(k.public_key() for k in self._signers(r)) for r in ROLES}
            write(self._folder / ROOT, sign(make_root(public), *self._signers(ROOT)))
            before = Seen(root=1)
        content = sign(targets, *self._signers(TARGETS))
        write(self._folder / f"{TARGETS}.{targets.version}", content)
        root = named(before.root, self._file(ROOT))
        version = before.snapshot + 1
        snapshot = sign(
            Snapshot(version, root, named(targets.version, content)), *self._signers(SNAPSHOT)
        )
        write(self._folder / f"{SNAPSHOT}.{version}", snapshot)
        self._stamp(before.timestamp + 1, version, snapshot)
        self._remove_older(targets.version, version)

    def renew(self) -> None:
        """Sign the timestamp anew. Call it held, and only after a comparison with the ledger."""
        found = self.read(may_have_run_out=True)
        seen = found.seen()
        snapshot = self._file(f"{SNAPSHOT}.{seen.snapshot}")
        self._stamp(seen.timestamp + 1, seen.snapshot, snapshot)

    def due(self) -> bool:
        """Tell whether the timestamp runs out soon, or has."""
        if self._clock is None or not (self._folder / TIMESTAMP).exists():
            return False
        stamp = self.read(may_have_run_out=True).timestamp
        assert stamp is not None
        return stamp.expires - to_micros(self._clock()) < RENEW_BEFORE

    def _stamp(self, version: int, of: int, snapshot: bytes) -> None:
        expires = NEVER if self._clock is None else to_micros(self._clock()) + VALID_FOR
        stamp = Timestamp(version, expires, named(of, snapshot))
        write(self._folder / TIMESTAMP, sign(stamp, *self._signers(TIMESTAMP)))
        self._remember(self.read().seen())

    def _remember(self, seen: Seen) -> None:
        body = msgspec.json.encode(seen, order="sorted")
        write(self.seen_file, self._mac(body) + body)

    def _remove_older(self, targets: int, snapshot: int) -> None:
        """Remove what nobody reads any more; the one before may still be read."""
        for path, role, number in self.numbered():
            now = targets if role == TARGETS else snapshot
            if number not in {now, now - 1}:
                path.unlink()

    def numbered(self) -> Iterator[tuple[Path, str, int]]:
        """Yield the files of numbered roles: path, role, number."""
        for path in sorted(self._folder.iterdir()):
            role, _, number = path.name.partition(".")
            if role in {TARGETS, SNAPSHOT} and number.isascii() and number.isdigit():
                yield path, role, int(number)

    def strange(self, trusted: TrustedSet, path: Path, role: str) -> bool:
        """Tell whether a numbered file that is not in use was never signed for its role."""
        try:
            trusted.signed(role, read_bounded(path, MAX_BYTES))
        except IntegrityError:
            return True
        return False
