"""Consent as it is asked for: what is not clear is refused whole, and nobody is enrolled by it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.app.consents import Asked, change_consent, consents_of, scope_of, write_bundle
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.scope import Scope
from small_clinic import MINE, NO_CONSENT, TEST, copied_clinic, subject_of

NEW = "beiwe:abc123"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path) as opened:
        yield opened


def people(clinic: Clinic) -> int:
    return len(clinic.store.subjects(Entry(TEST, "list subjects", Purpose.CARE)))


UNCLEAR: dict[str, tuple[Asked, str]] = {
    "both": (Asked("care,training", "training"), "either granted or withdrawn"),
    "limits of nothing": (Asked(scope=Scope(streams=("location",))), "limits need a decision"),
    "an end of nothing": (Asked(until=date(2030, 1, 1)), "limits need a decision"),
    "a text of nothing": (Asked(version="v2"), "limits need a decision"),
    "no purpose of ours": (Asked("curiosity"), "a consent names purposes among: care"),
    "an end in the past": (Asked("care", until=date(2026, 3, 1)), "not in the future"),
}


@pytest.mark.parametrize("subject", [MINE, NEW])
@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_unclear_decides_nothing(clinic: Clinic, subject: str, what: str) -> None:
    asked, told = UNCLEAR[what]
    who = subject_of(clinic, MINE)
    before, count = consents_of(clinic, who), people(clinic)
    with pytest.raises(SchemaError, match=told):
        change_consent(clinic, subject, asked)
    assert consents_of(clinic, who) == before
    assert people(clinic) == count


def test_a_consent_holds_to_the_end_of_the_day_that_is_named(clinic: Clinic) -> None:
    told = change_consent(clinic, MINE, Asked("training", until=date(2026, 3, 2)))
    assert told["consents"][-1]["until"] == "2026-03-02T23:59:59+00:00"
    assert told["effects"] == []


@pytest.mark.parametrize(
    ("subject", "asked"),
    [
        ("nobody", Asked("care")),  # no source: a typing error of a pseudonym enrols nobody
        ("beiwe:", Asked("care")),
        ("nowhere:abc123", Asked("care")),
        (NEW, Asked()),
        (NEW, Asked(withdraw="care")),
        (NEW, Asked("care", "training")),
    ],
)
def test_nobody_is_enrolled_by_mistake(clinic: Clinic, subject: str, asked: Asked) -> None:
    count = people(clinic)
    with pytest.raises(MissingError, match="to enrol somebody new"):
        change_consent(clinic, subject, asked)
    assert people(clinic) == count


def test_somebody_new_is_enrolled_with_all_that_was_said(clinic: Clinic) -> None:
    scope = scope_of("location", None, None, " ana , ")
    asked = Asked("monitoring", because="asked", scope=scope, until=date(2027, 1, 1), version="v2")
    (said,) = change_consent(clinic, NEW, asked)["consents"]
    assert (said["purpose"], said["permit"], said["because"]) == ("monitoring", True, "asked")
    assert (said["streams"], said["recipients"], said["version"]) == (["location"], ["ana"], "v2")
    assert said["until"].startswith("2027-01-01T23:59:59")


@pytest.mark.parametrize("place", range(3))
def test_limits_in_words_that_are_not_ours_are_refused_and_not_dropped(place: int) -> None:
    """Dropped, a grant of one kind would be a grant of all."""
    given: list[str | None] = [None, None, None, None]
    given[place] = "everything"
    with pytest.raises(SchemaError, match="are among: "):
        scope_of(*given)


def test_a_withdrawal_says_what_it_did_and_who_recorded_it(clinic: Clinic) -> None:
    who = subject_of(clinic, MINE)
    told = change_consent(clinic, who, Asked(withdraw="monitoring"), Actor("dr-lind", "clinician"))
    assert told["effects"][0].startswith("refused from now on: ")
    assert not clinic.monitored(who)
    line = [e for e in clinic.ledger.about(who) if e.action == "withdraw consent"][-1]
    assert line.actor == "dr-lind"
    again = change_consent(clinic, NO_CONSENT, Asked(withdraw="research"))
    assert again["effects"] == ["nothing rested on it"]


def test_a_bundle_that_cannot_be_written_is_told_in_words(clinic: Clinic, tmp_path: Path) -> None:
    who = subject_of(clinic, MINE)
    with pytest.raises(SchemaError, match=r"cannot write there: .*; name another file"):
        write_bundle(clinic, who, tmp_path / "none" / "consents.json")
    form = tmp_path / "consents.json"
    form.write_text("a form that is to be read in")
    with pytest.raises(SchemaError, match="euthymia ingest FILE"):
        write_bundle(clinic, who, form)
    assert form.read_text() == "a form that is to be read in"
    assert write_bundle(clinic, who, tmp_path / "new.json").stat().st_mode & 0o077 == 0
