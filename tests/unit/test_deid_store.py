"""De-identification with the clinic's help: all that is on record of a person, and the files."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from euthymia.app import deid
from euthymia.app.clinic import Clinic
from euthymia.app.deid import known_of, read_known, read_text
from euthymia.app.people import erase_subject
from euthymia.gateway.deid.contract import NoTagger
from euthymia.gateway.deid.notes import deidentify
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import MissingError, SchemaError, SourceError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Directory, Person
from small_clinic import MRN, TEST, copied_clinic, subject_of

WHO = SourceId(MRN, "QX-77-1904")


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path) as opened:
        yield opened


def enrolled(clinic: Clinic) -> Clinic:
    """Put somebody on record with words that no list and no rule would find."""
    person = Person(
        1, (WHO,), "zorbla quenthi", date(1979, 8, 2), sex="female",
        address="7 plimb, wextor", telecom=("5550142", "zq@plimb.example"), site="morvexo",
        deceased_on=date(2025, 11, 3), care_team=("drelka vunt", "drelka@x.example", "u-17"),
    )  # fmt: skip
    staff = Directory(2, "Practitioner", SourceId(MRN, "st-1"), "ghosvar tilmen")
    place = Directory(3, "Organization", SourceId(MRN, "st-2"), "hulvane")
    batch = clinic.gateway().admit(
        [person, staff, place], source="t", file_name="t", file_digest="9" * 64
    )
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))
    return clinic


RECORDED = [
    "zorbla", "quenthi", "7 plimb, wextor", "5550142", "zq@plimb.example", "morvexo", "drelka",
    "ghosvar", "tilmen", "hulvane", "QX-77-1904", "1979-08-02", "2025-11-03",
]  # fmt: skip


def test_all_that_is_on_record_is_taken_out(clinic: Clinic) -> None:
    known, key = known_of(enrolled(clinic), WHO.value)
    for said in RECORDED:
        done = deidentify(f"it said {said} there", "en", known, NoTagger(), accept=True)
        assert done.text is not None
        assert not set(said.split()) & set(done.text.split()), said
    assert "u-17" not in known.staff  # a user's name of letters and digits is nobody's name
    assert (known.phones, known.emails) == (("5550142",), ("zq@plimb.example",))
    assert known.sex == "f"
    assert len(key) == 32


def test_the_key_of_surrogates_is_the_persons_own_and_lasts(clinic: Clinic) -> None:
    _, key = known_of(enrolled(clinic), WHO.value)
    assert known_of(clinic, WHO.value)[1] == key
    assert known_of(clinic, "MRN-1")[1] != key


def test_the_ledger_says_that_the_record_was_read_for_it(clinic: Clinic) -> None:
    known_of(enrolled(clinic), WHO.value)
    who = subject_of(clinic, WHO.value)
    assert "read identity to de-identify" in {e.action for e in clinic.ledger.about(who)}


def test_nothing_is_derived_from_the_key_of_somebody_erased_meanwhile(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their surrogates are gone with their key: this is said, and no other key taken."""
    read = clinic.store.directory

    def late(audit: Entry) -> tuple[Directory, ...]:
        if clinic.store.resolve(WHO.value):
            erase_subject(clinic, WHO.value)
        return read(audit)

    monkeypatch.setattr(enrolled(clinic).store, "directory", late)
    with pytest.raises(MissingError, match="erased while this was read"):
        known_of(clinic, WHO.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [('["Zelda Quimby"]', "one JSON object"), ("[" * 100_000, "not JSON that can be read")],
)
def test_known_facts_of_another_shape_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(SchemaError, match=told) as refused:
        read_known(path)
    assert "Quimby" not in str(refused.value)


def test_what_is_no_note_is_refused_before_it_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deid, "MOST_BYTES", 1 << 20)
    note = tmp_path / "note"
    note.write_bytes(b"a" * (1 << 20))
    assert len(read_text(str(note))) == 1 << 20
    note.write_bytes(b"a" * ((1 << 20) + 1))
    with pytest.raises(SourceError, match="file 3 is longer than 1 MB"):
        read_text(str(note), 3)
    with pytest.raises(MissingError, match="file 1 is no ordinary file"):
        read_text(os.devnull)  # a pipe would have it wait for ever
    with pytest.raises(MissingError, match="no such file or folder of marked notes"):
        deid.evaluate_gold(tmp_path / "gold")


def test_names_that_somebody_bore_before_are_taken_out_too(clinic: Clinic) -> None:
    """An older note calls them by the name before a marriage or a transition."""
    first = Person(1, (WHO,), "zorbla quenthi", other_names=("zorbla harvix",))
    later = Person(2, (WHO,), "drevo quenthi")
    for number, person in enumerate((first, later)):
        batch = clinic.gateway().admit(
            [person], source="t", file_name=f"t{number}", file_digest=str(number) * 64
        )
        clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))
    known, _ = known_of(clinic, WHO.value)
    assert known.names[0] == "drevo quenthi"
    for said in ("zorbla", "harvix", "quenthi", "drevo"):
        done = deidentify(f"it said {said} there", "en", known, NoTagger(), accept=True)
        assert done.text == "it said [PERSON] there"
