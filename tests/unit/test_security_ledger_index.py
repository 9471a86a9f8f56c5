"""What the ledger says about one person: found through an index that grows with the log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security import ledger_index
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from ledgers import stepping_clock

PEOPLE = tuple(SubjectId(f"p-{letter * 16}") for letter in "abc")


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    return Keyring.create(tmp_path_factory.mktemp("home") / "keys")


def opened(folder, keyring):
    return Ledger.open(folder, keyring, clock=stepping_clock())


def of(subject, number=0):
    return Entry(Actor("ada", "clinician"), "view patient", Purpose.CARE, subject, {"n": number})


@given(st.lists(st.sampled_from([*PEOPLE, None, "look", "checkpoint", "elsewhere"]), max_size=25))
def test_it_says_what_reading_everything_says(keyring, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("ledger")
    ledger, other = opened(folder, keyring), opened(folder, keyring)
    for number, step in enumerate(steps):
        if step == "look":
            assert ledger.about(PEOPLE[0]) == [
                x for x in ledger.entries() if x.subject == PEOPLE[0]
            ]
        elif step == "checkpoint":
            ledger.checkpoint()
        elif step == "elsewhere":
            other.append(of(PEOPLE[number % 3], number))
        else:
            ledger.append(of(step, number))
    for who in PEOPLE:
        assert ledger.about(who) == [line for line in other.entries() if line.subject == who]
    ledger.close()
    other.close()


def test_what_was_read_is_not_read_again(keyring, tmp_path, monkeypatch):
    ledger = opened(tmp_path / "ledger", keyring)
    for number in range(20):
        ledger.append(of(PEOPLE[number % 2], number))
    assert len(ledger.about(PEOPLE[0])) == 10
    begun_after = []
    read_frames = ledger_index.read_frames

    def watched(log, after, *rest):
        begun_after.append(after.seq)
        return read_frames(log, after, *rest)

    monkeypatch.setattr(ledger_index, "read_frames", watched)
    assert len(ledger.about(PEOPLE[1])) == 10
    assert begun_after == []
    ledger.append(of(PEOPLE[1], 20))
    assert [line.detail["n"] for line in ledger.about(PEOPLE[1])][-1] == 20
    assert begun_after == [20]
    ledger.close()


@pytest.mark.parametrize("place", ["own entry", "entry before it"])
def test_a_changed_entry_is_refused_though_it_was_read_before(keyring, tmp_path, place):
    ledger = opened(tmp_path / "ledger", keyring)
    ledger.append(of(PEOPLE[1]))
    ledger.append(of(PEOPLE[0]))
    ledger.append(of(PEOPLE[2]))
    (line,) = ledger.about(PEOPLE[0])
    path = tmp_path / "ledger" / "ledger.log"
    log = bytearray(path.read_bytes())
    who = PEOPLE[0].encode()
    at = log.index(who)
    log[at if place == "own entry" else at - 70] ^= 1  # 70 before: the hash of the entry before
    path.write_bytes(log)
    with pytest.raises(IntegrityError, match=r"changed since|damaged"):
        ledger.about(line.subject)


def test_a_changed_entry_of_somebody_else_is_met_when_it_is_first_read(keyring, tmp_path):
    ledger = opened(tmp_path / "ledger", keyring)
    ledger.append(of(PEOPLE[1]))
    ledger.append(of(PEOPLE[0]))
    path = tmp_path / "ledger" / "ledger.log"
    log = bytearray(path.read_bytes())
    log[log.index(PEOPLE[1].encode())] ^= 1
    path.write_bytes(log)
    with pytest.raises(IntegrityError, match="changed"):
        ledger.about(PEOPLE[0])


def test_another_log_in_its_place_is_read_from_its_beginning(keyring, tmp_path):
    ledger = opened(tmp_path / "ledger", keyring)
    index = ledger_index.Index()
    ledger.append(of(PEOPLE[0]))
    other = opened(tmp_path / "other", keyring)
    for number in range(3):
        other.append(of(PEOPLE[0], number))

    def found(of_ledger):
        end, _, macs = of_ledger._to_read()
        with of_ledger._files.reader() as log:
            return len(index.frames(PEOPLE[0], log, end, macs))

    assert [found(ledger), found(other), found(ledger)] == [1, 3, 1]
    ledger.close()
    other.close()


def test_who_asks_for_less_than_another_has_read_makes_nobody_read_again(keyring, tmp_path):
    ledger, index = opened(tmp_path / "ledger", keyring), ledger_index.Index()
    ledger.append(of(PEOPLE[0]))
    before, _, macs = ledger._to_read()
    ledger.append(of(PEOPLE[0], 1))
    after, _, _ = ledger._to_read()
    with ledger._files.reader() as log:
        assert len(index.frames(PEOPLE[0], log, after, macs)) == 2
        read_to = index._read_to
        assert len(index.frames(PEOPLE[0], log, before, macs)) == 2
        assert index._read_to is read_to
    ledger.close()
