"""A research snapshot: the rows that a task declares, of people who have other names there.

    EUTHSNP1 | length (4) | manifest, JSON | MAC (32) | length (4) | members | rows

`rows` is sealed under a key of the zone `research`, `members` (who the people are) under one of
`live`: whoever was lent the zone `research` can read the rows and nothing more. The manifest is
readable, holds counts and digests, and is authenticated by a key of `research`.

Rows hold the task's features (of some tasks also those of each single day), its outcome, its groups
and its metadata, and the pseudonyms of this snapshot alone. They hold no observation, no sample, no
note, no coordinate and no identifier; index dates are counted from each person's own first one.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.models.frame import CohortFrame
from euthymia.security.envelope import context, seal, unseal

MAGIC: Final = b"EUTHSNP1"
FORMAT: Final = 1
MAX_BYTES: Final = 1 << 30
_MAC_BYTES: Final = 32
_NAME_BYTES: Final = 10  # 80 bits, as of the live pseudonyms


class Deriving(Protocol):
    """The keys of a snapshot; `security.keys.Keyring` has them."""

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key for one use; refuses a zone that was not lent."""


class Manifest(msgspec.Struct, frozen=True):
    """What a snapshot is, readable by everybody who may see the file.

    `people`: those in it; `offered`: those who consented, of whom some had no row to give.
    `synthetic`: somebody in it is made up.
    """

    format: int
    snapshot: str
    task: str
    schema_digest: str
    made_at: str
    people: int
    offered: int
    without_consent: int
    rows: int
    features: int
    consent_basis: str
    ledger_entry: str
    rows_sha256: str
    members_sha256: str
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of a file whose manifest is authentic; rows and members are still sealed."""

    manifest: Manifest
    members: bytes
    rows: bytes


class _Array(msgspec.Struct, frozen=True):
    kind: str
    shape: tuple[int, ...]
    content: bytes | list[str]


class _Rows(msgspec.Struct, frozen=True):
    task: str
    names: tuple[str, ...]
    arrays: dict[str, _Array]
    groups: dict[str, _Array]
    metadata: dict[str, _Array]
    flow: tuple[tuple[str, int, int], ...]
    seen_until: int


_ARRAYS: Final = ("x", "y", "person", "site", "at", "coverage", "data_age_hours")
_TIMES: Final = ("time", "cause")  # only of a task on a time to an event
_DAILY: Final = ("daily",)  # only of a task that gives the single days of its lookback


def _optional(frame: CohortFrame) -> tuple[str, ...]:
    times = () if frame.time is None else _TIMES
    return times if frame.daily is None else (*times, *_DAILY)


def new_names(keys: Deriving, snapshot: str, people: Sequence[str]) -> dict[str, str]:
    """Return the name that each person has in one snapshot.

    Without the key of the zone `live` nobody can tell who is who, nor who is the same person in two
    snapshots. Sorted by these names the people stand in an order that stays the same from snapshot
    to snapshot (and that only this key can tell): the same people give the same model.
    """
    naming = keys.derive(f"snapshot names {snapshot}")
    order = keys.derive("snapshot order")
    names = sorted(_name(naming, who) for who in people)
    ordered = sorted(people, key=lambda who: hmac.digest(order, who.encode(), "sha256"))
    return dict(zip(ordered, names, strict=True))


def _name(key: bytes, who: str) -> str:
    digest = hmac.digest(key, who.encode(), "sha256")[:_NAME_BYTES]
    return "r-" + base64.b32encode(digest).decode("ascii").lower()


def renamed(frame: CohortFrame, names: Mapping[str, str]) -> CohortFrame:
    """Return the rows under a snapshot's names, in their order, with dates from 0 for each."""
    person = np.array([names[who] for who in frame.person.tolist()], np.str_)
    ordered = frame.rows(np.lexsort((frame.at, person)).astype(np.int64))
    person = np.sort(person)
    _, first, which = np.unique(person, return_index=True, return_inverse=True)
    at = ordered.at - ordered.at[first][which] if person.size else ordered.at
    return replace(ordered, person=person, at=at, seen_until=0)


def _packed(values: NDArray[np.generic]) -> _Array:
    if values.dtype.kind == "U":
        return _Array("text", values.shape, [str(value) for value in values.tolist()])
    kind = "<i8" if values.dtype.kind == "i" else "<f8"
    return _Array(kind, values.shape, np.ascontiguousarray(values, kind).tobytes())


def _unpacked(held: _Array) -> NDArray[Any]:
    if isinstance(held.content, list):
        return np.array(held.content, np.str_)
    if held.kind not in {"<i8", "<f8"}:
        raise SchemaError("the snapshot holds numbers of an unknown kind")
    return np.frombuffer(held.content, held.kind).reshape(held.shape).copy()


def pack_rows(keys: Deriving, snapshot: str, frame: CohortFrame) -> bytes:
    """Return the sealed rows of a snapshot."""
    held = _Rows(
        frame.task,
        frame.names,
        {name: _packed(getattr(frame, name)) for name in (*_ARRAYS, *_optional(frame))},
        {name: _packed(values) for name, values in frame.groups.items()},
        {name: _packed(values) for name, values in frame.metadata.items()},
        frame.flow,
        frame.seen_until,
    )
    return seal(
        keys.derive("research snapshot"),
        msgspec.msgpack.encode(held),
        context=context("snapshot rows", FORMAT, snapshot),
    )


def pack_members(
    keys: Deriving, snapshot: str, names: Mapping[str, str], ended: Mapping[str, int]
) -> bytes:
    """Return who is who and how many consents of each had ended, sealed under a key of `live`.

    Parameters
    ----------
    names : {live pseudonym: name in the snapshot}
    ended : {live pseudonym: how many were withdrawn or had run out when their data was read}
    """
    held = {who: (name, ended[who]) for who, name in names.items()}
    return seal(
        keys.derive("snapshot members"),
        msgspec.msgpack.encode(held, order="sorted"),
        context=context("snapshot members", FORMAT, snapshot),
    )


def _mac(keys: Deriving, manifest: bytes) -> bytes:
    return hmac.digest(keys.derive("research manifest"), MAGIC + manifest, "sha256")


def pack(keys: Deriving, manifest: Manifest, members: bytes, rows: bytes) -> bytes:
    """Return the file's bytes."""
    head = msgspec.json.encode(manifest, order="sorted")
    return b"".join(
        (
            MAGIC,
            len(head).to_bytes(4, "big"),
            head,
            _mac(keys, head),
            len(members).to_bytes(4, "big"),
            members,
            rows,
        )
    )


def digest(part: bytes) -> str:
    """Return the SHA-256 of a part, hex."""
    return hashlib.sha256(part).hexdigest()


def unpack(keys: Deriving, content: bytes) -> Opened:
    """Return the parts of a snapshot, each bit of them as it was written.

    Raises
    ------
    IntegrityError
        It is not, or it is another clinic's.
    """
    start = len(MAGIC) + 4
    size = int.from_bytes(content[len(MAGIC) : start], "big")
    head = content[start : start + size]
    place = start + size + _MAC_BYTES
    mac = content[start + size : place]
    if content[: len(MAGIC)] != MAGIC or not hmac.compare_digest(mac, _mac(keys, head)):
        raise _altered()
    cut = place + 4 + int.from_bytes(content[place : place + 4], "big")
    members, rows = content[place + 4 : cut], content[cut:]
    manifest = msgspec.json.decode(head, type=Manifest)
    if (digest(members), digest(rows)) != (manifest.members_sha256, manifest.rows_sha256):
        raise _altered()
    if manifest.format != FORMAT:
        raise IntegrityError(f"the snapshot has format {manifest.format}, not {FORMAT}")
    return Opened(manifest, members, rows)


def _altered() -> IntegrityError:
    return IntegrityError("the snapshot is not as it was written, or it is another clinic's")


def members_of(keys: Deriving, opened: Opened) -> dict[str, str]:
    """Return {live pseudonym: name in the snapshot}; needs a key of `live`."""
    return {who: name for who, (name, _) in _members(keys, opened).items()}


def ended_of(keys: Deriving, opened: Opened) -> dict[str, int]:
    """Return {live pseudonym: how many consents had ended}; needs a key of `live`.

    None had, as far as a snapshot tells that was written before this was counted.
    """
    return {who: count for who, (_, count) in _members(keys, opened).items()}


def _members(keys: Deriving, opened: Opened) -> dict[str, tuple[str, int]]:
    place = context("snapshot members", FORMAT, opened.manifest.snapshot)
    plain = unseal(keys.derive("snapshot members"), opened.members, context=place)
    held = msgspec.msgpack.decode(plain, type=dict[str, str | tuple[str, int]])
    return {who: (one, 0) if isinstance(one, str) else one for who, one in held.items()}


def frame_of(keys: Deriving, opened: Opened) -> CohortFrame:
    """Return the rows; needs a key of `research` only."""
    place = context("snapshot rows", FORMAT, opened.manifest.snapshot)
    plain = unseal(keys.derive("research snapshot"), opened.rows, context=place)
    held = msgspec.msgpack.decode(plain, type=_Rows)
    if set(held.arrays) - set(_DAILY) not in (set(_ARRAYS), {*_ARRAYS, *_TIMES}):
        raise SchemaError("the snapshot holds other columns than training takes")
    return CohortFrame(
        task=held.task,
        names=held.names,
        **{name: _unpacked(values) for name, values in held.arrays.items()},
        groups={name: _unpacked(values) for name, values in held.groups.items()},
        metadata={name: _unpacked(values) for name, values in held.metadata.items()},
        flow=held.flow,
        seen_until=held.seen_until,
    )
