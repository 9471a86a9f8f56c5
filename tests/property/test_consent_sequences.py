"""Random sequences of grants, withdrawals, uploads and reads, against a diary kept by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import ConsentError
from euthymia.ground.scope import Scope
from stores import House, audit, facts, samples, the

STREAMS = {"location": "location", "screen": "phone-use", "battery": "phone-use"}
LIMITS = [
    None,
    Scope(streams=("location",)),
    Scope(categories=("phone-use",)),
    Scope(streams=("location", "battery")),
]
steps = st.lists(
    st.tuples(
        st.sampled_from(["grant", "withdraw", "ingest", "ingest", "monitor", "train"]),
        st.sampled_from([Purpose.MONITORING, Purpose.TRAINING]),
        st.sampled_from(LIMITS),
        st.sampled_from(list(STREAMS)),
    ),
    max_size=14,
)


@dataclass
class Diary:
    """What each stream may be used for now: the last word said about it, and what was let in."""

    word: dict[tuple[Purpose, str], bool] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))

    def say(self, purpose: Purpose, scope: Scope | None, *, permit: bool) -> None:
        for stream, category in STREAMS.items():
            if scope is None or stream in scope.streams or category in scope.categories:
                self.word[purpose, stream] = permit

    def may(self, purpose: Purpose, stream: str) -> bool:
        return self.word.get((purpose, stream), False)

    def expected(self, purpose: Purpose, stream: str) -> int | None:
        wanted = {purpose, Purpose.MONITORING}
        return self.held[stream] if all(self.may(p, stream) for p in wanted) else None


def read(house: House, purpose: Purpose, stream: str) -> int | None:
    try:
        end = to_micros(house.now) + 1
        return house.store.samples(the(house), stream, 0, end, audit(purpose)).num_rows
    except ConsentError:
        return None


def run(house: House, told: list, diary: Diary) -> Iterator[tuple[object, object]]:
    """Do every step; yield (what was seen, what the diary says)."""
    house.ingest([facts([{"row": 1, "code": "a"}])], digest="first")
    for number, (kind, purpose, scope, stream) in enumerate(told):
        house.now += timedelta(minutes=1)
        at = to_micros(house.now)
        if kind in {"grant", "withdraw"}:
            record = GrantRecord(purpose, kind == "grant", at, None, "asked", scope)
            house.store.put_grant(the(house), record, audit())
            diary.say(purpose, scope, permit=kind == "grant")
        elif kind == "ingest":
            receipt = house.ingest([samples(stream, [at])], digest=str(number))
            entered = diary.may(Purpose.MONITORING, stream)
            diary.held[stream] += entered
            yield (receipt.stored, receipt.rejected), (int(entered), int(not entered))
        else:
            asked = Purpose.MONITORING if kind == "monitor" else Purpose.TRAINING
            yield read(house, asked, stream), diary.expected(asked, stream)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=steps, engine=st.sampled_from(["memory", "sqlite"]))
def test_nothing_enters_and_nothing_is_read_beyond_the_last_word(told, engine) -> None:
    with TemporaryDirectory() as name:
        house = House.build(Path(name), engine)
        for seen, expected in run(house, told, Diary()):
            assert seen == expected
        assert house.store.verify() == []
        house.close()
