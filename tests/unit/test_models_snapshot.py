"""A snapshot's bytes: opened as they were written, or not at all."""

from collections.abc import Callable
from io import BytesIO

import msgspec
import pytest

import models_data
from euthymia.app.trainer import work
from euthymia.app.trainer_messages import Order, send
from euthymia.ground.errors import EuthymiaError, IntegrityError, SchemaError
from euthymia.models import snapshot
from euthymia.models.snapshot import (
    FORMAT,
    MAGIC,
    Manifest,
    Opened,
    digest,
    ended_of,
    frame_of,
    members_of,
    pack,
    pack_members,
    pack_rows,
    unpack,
)
from euthymia.models.tasks import tasks
from euthymia.security.envelope import context, seal
from small_clinic import TASK


class Keys:
    """Derives like a keyring of its own seed."""

    def __init__(self, seed: bytes = b"1") -> None:
        self.seed = seed

    def derive(self, label: str) -> bytes:
        return (self.seed + label.encode()).ljust(32, b"0")[:32]


KEYS = Keys()
FRAME = models_data.frame(people=4, rows=2)
NAMES = {f"p-{i}": f"r-{i}" for i in range(4)}


def made(name: str = "s", **said: object) -> tuple[Manifest, bytes, bytes]:
    rows = pack_rows(KEYS, name, FRAME)
    members = pack_members(KEYS, name, NAMES, dict.fromkeys(NAMES, 2))
    manifest = Manifest(
        format=FORMAT, snapshot=name, task=TASK, schema_digest=tasks()[TASK].schema_digest,
        made_at="", people=4, offered=4, without_consent=0, rows=8, features=1, consent_basis="",
        ledger_entry="", rows_sha256=digest(rows), members_sha256=digest(members),
    )  # fmt: skip
    return msgspec.structs.replace(manifest, **said), members, rows


def test_what_was_written_comes_back() -> None:
    opened = unpack(KEYS, pack(KEYS, *made()))
    assert frame_of(KEYS, opened).x.tobytes() == FRAME.x.tobytes()
    assert members_of(KEYS, opened) == NAMES
    assert ended_of(KEYS, opened) == dict.fromkeys(NAMES, 2)


def test_members_of_before_ends_were_counted_are_read() -> None:
    manifest, _, rows = made()
    place = context("snapshot members", FORMAT, "s")
    old = seal(KEYS.derive("snapshot members"), msgspec.msgpack.encode(NAMES), context=place)
    opened = Opened(manifest, old, rows)
    assert (members_of(KEYS, opened), ended_of(KEYS, opened)) == (NAMES, dict.fromkeys(NAMES, 0))


def swapped(part: int) -> bytes:
    """Return a snapshot with the sealed part of another in the place of its own."""
    own, other = list(made("s")), made("t")
    own[part] = other[part]
    return pack(KEYS, *own)


WRONG: dict[str, Callable[[], bytes]] = {
    "another magic": lambda: b"X" + pack(KEYS, *made())[1:],
    "another clinic": lambda: pack(Keys(b"2"), *made()),
    "another manifest": lambda: pack(KEYS, *made()).replace(b'"rows":8', b'"rows":9'),
    "another's members": lambda: swapped(1),
    "another's rows": lambda: swapped(2),
    "cut": lambda: pack(KEYS, *made())[:-1],
    "longer": lambda: pack(KEYS, *made()) + b"0",
    "its magic alone": lambda: MAGIC,
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_as_it_was_written_is_refused(what: str) -> None:
    with pytest.raises(IntegrityError, match="not as it was written, or it is another clinic's"):
        unpack(KEYS, WRONG[what]())


def test_a_snapshot_of_another_format_is_not_guessed_at() -> None:
    with pytest.raises(IntegrityError, match=f"format {FORMAT + 1}, not {FORMAT}"):
        unpack(KEYS, pack(KEYS, *made(format=FORMAT + 1)))


def sealed_rows(change: Callable[[snapshot._Rows], snapshot._Rows]) -> Opened:
    plain = snapshot._Rows(
        FRAME.task, FRAME.names, {n: snapshot._packed(getattr(FRAME, n)) for n in snapshot._ARRAYS},
        {}, {}, FRAME.flow, FRAME.seen_until,
    )  # fmt: skip
    raw = msgspec.msgpack.encode(change(plain))
    place = context("snapshot rows", FORMAT, "s")
    rows = seal(KEYS.derive("research snapshot"), raw, context=place)
    return Opened(made()[0], b"", rows)


def test_rows_with_other_columns_than_training_takes_are_refused() -> None:
    """A column more could be a name: what training may see is a list, not what happens to come."""
    assert frame_of(KEYS, sealed_rows(lambda rows: rows)).task == FRAME.task
    for change in (
        lambda held: {**held, "name": held["person"]},
        lambda held: {n: v for n, v in held.items() if n != "coverage"},
        lambda held: {**held, "time": held["at"]},  # a time without its cause
    ):
        with pytest.raises(SchemaError, match="other columns than training takes"):
            frame_of(
                KEYS,
                sealed_rows(lambda r, c=change: msgspec.structs.replace(r, arrays=c(r.arrays))),
            )


def test_numbers_of_a_kind_that_is_not_ours_are_refused() -> None:
    def objects(rows: snapshot._Rows) -> snapshot._Rows:
        other = msgspec.structs.replace(rows.arrays["at"], kind="|V8")
        return msgspec.structs.replace(rows, arrays={**rows.arrays, "at": other})

    with pytest.raises(SchemaError, match="numbers of an unknown kind"):
        frame_of(KEYS, sealed_rows(objects))


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("no-such-task", {"task": "no-such-task"}),
        (TASK, {"task": "worsening-30d"}),
        (TASK, {"schema_digest": "0" * 64}),
    ],
)
def test_the_trainer_learns_from_no_snapshot_of_another_task(
    order: str, said: dict[str, str]
) -> None:
    """Its columns would stand for other features, and the model for another question."""
    source, told = BytesIO(), BytesIO()
    asked = {"task": order, "seed": 1, "now": 0, "closed": (), "must_be_closed": False}
    send(source, msgspec.msgpack.encode(Order(**asked)))  # type: ignore[arg-type]
    send(source, pack(KEYS, *made(**said)))
    source.seek(0)
    with pytest.raises(EuthymiaError, match="made for another task, or for other features"):
        work(KEYS, source, told, enclosed=True)  # type: ignore[arg-type]
