"""A worklist made of summaries that are kept says what one made of the records says, always."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts_clinic import put_scores
from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.wanted import Wanted
from euthymia.app.clinic import Clinic
from euthymia.app.summaries import Summaries
from euthymia.app.web.reader import Looked, Reader
from euthymia.care.alerts.lifecycle import Move, State
from euthymia.care.worklist import Case, caseload
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.codes import ADMISSION, PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Observations
from euthymia.ground.schemas import OBSERVATIONS, ROW
from euthymia.models.contract import SubjectData
from small_clinic import (
    DOCTOR,
    MRN,
    TASK,
    TEST,
    Hands,
    copied_clinic,
    decide_consent,
    give_features,
    trained,
)

PEOPLE = ("MRN-1", "MRN-2", "MRN-3", "MRN-4")
Change = Callable[[Clinic, Hands, str], object]


def observe(clinic: Clinic, hands: Hands, who: str, code: str, value: float, ahead: int) -> None:
    """Store one observation; `ahead`: so many hours from now."""
    columns: dict[str, Any] = {
        "subject_id": [who],
        "time": [hands.now + timedelta(hours=ahead)],
        "code": [code],
        "numeric_value": [value],
        "text_value": [None],
        "unit": ["{score}"],
        "purpose": [Purpose.CARE.value],
        "source": ["test"],
        "sensitivity": [None],
        "row": [1],
    }
    item = Observations(MRN, pa.table(columns, schema=pa.schema([*OBSERVATIONS, ROW])))
    digest = f"{who} {code} {value} {hands.now}"
    batch = clinic.gateway().admit([item], source="test", file_name="t", file_digest=digest)
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))


def consent(clinic: Clinic, _hands: Hands, who: str) -> None:
    covered = Reader(clinic).look(subject(clinic, who), TEST).monitored
    decide_consent(clinic, who, permit=not covered)


def scored(clinic: Clinic, hands: Hands, who: str) -> None:
    if Reader(clinic).look(subject(clinic, who), TEST).monitored:
        clinic.home.watch.touch()
        put_scores(clinic, who, [0.2, 1.4, 2.0 + hands.now.hour / 24])


def featured(clinic: Clinic, _hands: Hands, who: str) -> None:
    if Reader(clinic).look(subject(clinic, who), TEST).monitored:
        give_features(clinic, who)


def acknowledged(clinic: Clinic, _hands: Hands, _who: str) -> None:
    alerts = Alerts(clinic)
    alerts.run()
    for alert in alerts.every():
        if alert.state is State.OPEN and alert.subject.startswith("p-"):
            user = min(clinic.store.care_team(SubjectId(alert.subject)))
            wanted = Wanted(alert.subject, alert.id, Move.ACKNOWLEDGE, "will-contact")
            alerts.act(user, "clinician", wanted)


def erased(clinic: Clinic, _hands: Hands, who: str) -> None:
    if len(everybody(clinic)) > 2:
        clinic.store.erase(subject(clinic, who), Entry(TEST, "erase subject", Purpose.CARE))


CHANGES: dict[str, Change] = {
    "answered": lambda c, h, who: observe(c, h, who, PHQ9_TOTAL, 3.0 + h.now.hour, 0),
    "answered ahead": lambda c, h, who: observe(c, h, who, PHQ9_ITEMS[8], 1.0, 2),
    "admitted": lambda c, h, who: observe(c, h, who, ADMISSION, 1.0, 0),
    "consent": consent,
    "scored": scored,
    "featured": featured,
    "acknowledged": acknowledged,
    "erased": erased,
    "an hour": lambda _c, h, _who: h.turn(timedelta(hours=1)),
    "a night": lambda _c, h, _who: h.turn(timedelta(hours=13)),
    "watched": lambda c, _h, _who: Summaries.of(c).keep(TEST),
}


def everybody(clinic: Clinic) -> list[SubjectId]:
    return list(clinic.store.subjects(Entry(TEST, "list", Purpose.CARE)))


def subject(clinic: Clinic, name: str) -> SubjectId:
    found = clinic.store.resolve(name)
    assert found is not None
    return found


def listed(people: dict[SubjectId, Looked], now: int) -> list[Case]:
    return caseload([looked.summary for looked in people.values()], now)


def afresh(clinic: Clinic, at: set[tuple[SubjectId, int]]) -> dict[tuple[SubjectId, int], Looked]:
    """Read everybody's record; what an estimate says is of the instant that it was made at."""
    reader = Reader(clinic)
    record, reader.summaries.kept = reader.summaries.record, lambda *_: {}  # type: ignore[method-assign]
    made = reader.look_at_all(everybody(clinic), TEST)
    found = {}
    for who, instant in at:
        summary = made[who].summary
        if instant != made[who].at:
            data: SubjectData = replace(record(who, entry(who)), seen_until=instant)
            then = reader.summaries.make(data, entry(who)).summary.prediction
            summary = replace(summary, prediction=then, predicted_at=instant)
        found[who, instant] = replace(made[who], summary=summary)
    return found


def entry(who: SubjectId) -> Entry:
    return Entry(TEST, "read for care", Purpose.CARE, who)


def shown(looked: Looked) -> tuple[object, ...]:
    rest = (looked.who, looked.team, looked.owners, looked.monitored, looked.grants)
    return looked.summary, *rest, looked.identifier, looked.observations


@settings(max_examples=int(os.environ.get("EUTHYMIA_EXAMPLES", "2")))
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(PEOPLE)), min_size=4, max_size=6
    )
)
def test_whatever_happens_the_worklist_of_summaries_is_the_one_made_afresh(
    steps: list[tuple[str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hands = Hands()
        with copied_clinic(Path(folder), hands) as clinic:
            stays = Reader(clinic)
            for name, who in [("watched", ""), *steps]:
                if not who or clinic.store.resolve(who):  # nobody erased
                    CHANGES[name](clinic, hands, who)
                readers = (stays, Reader(clinic))
                quick = [r.look_at_all(everybody(clinic), TEST) for r in readers]
                at = {(who, one.at) for people in quick for who, one in people.items()}
                slow = afresh(clinic, at)
                for people in quick:
                    same = {who: slow[who, one.at] for who, one in people.items()}
                    assert set(people) == set(everybody(clinic))
                    assert all(shown(people[who]) == shown(same[who]) for who in people)
                    now = to_micros(hands.now)
                    assert listed(people, now) == listed(same, now)


def test_summaries_that_hold_are_all_that_a_worklist_reads() -> None:
    with tempfile.TemporaryDirectory() as folder, copied_clinic(Path(folder)) as clinic:
        assert Summaries.of(clinic).keep(TEST) == len(PEOPLE)
        assert Summaries.of(clinic).keep(TEST) == 0
        reader = Reader(clinic)
        reader.summaries.record = None  # type: ignore[assignment,method-assign]
        people = reader.look_at_all(reader.mine(DOCTOR, TEST), TEST)
        assert {looked.who.name for looked in people.values()} == {
            "Person 1", "Person 3", "Person 4",
        }  # fmt: skip


def test_a_model_released_against_its_audit_carries_the_doubt_into_the_summary() -> None:
    with tempfile.TemporaryDirectory() as folder, copied_clinic(Path(folder)) as clinic:
        audit = Entry(TEST, "read for care", Purpose.CARE)
        summaries, who = Summaries.of(clinic), everybody(clinic)[0]
        assert summaries.make(summaries.record(who, audit), audit).summary.doubt == ""
        verdict = {"verdict": "no better than chance: not evidence", "why": "random numbers"}
        clinic.registry.add(replace(trained(), audits={"confounds": verdict}))
        clinic.registry.release(TASK, because="a test")
        summaries = Summaries.of(clinic)
        found = summaries.make(summaries.record(who, audit), audit).summary
        assert found.doubt == "no better than chance"


def test_another_model_or_other_settings_take_no_summary_of_before() -> None:
    with tempfile.TemporaryDirectory() as folder, copied_clinic(Path(folder)) as clinic:
        summaries = Summaries.of(clinic)
        summaries.keep(TEST)
        who, audit = everybody(clinic), Entry(TEST, "read for care", Purpose.CARE)
        assert len(summaries.kept(who, audit)) == len(PEOPLE)
        used = clinic.config
        gateway = replace(used.gateway, feature_only=("location",))
        clinic.config = replace(used, gateway=gateway)
        assert summaries.kept(who, audit) == {}
        clinic.config = replace(used, clinic=replace(used.clinic, time_zone="Asia/Tokyo"))
        assert summaries.kept(who, audit) == {}
        clinic.config = used
        summaries.model = lambda: None  # type: ignore[method-assign]
        assert summaries.kept(who, audit) == {}


def test_whoever_looks_reads_in_their_own_name_and_an_erasure_meanwhile_takes_one_row() -> None:
    with tempfile.TemporaryDirectory() as folder, copied_clinic(Path(folder)) as clinic:
        Summaries.of(clinic).keep(TEST)
        reader, (who, gone, *_) = Reader(clinic), everybody(clinic)
        one, other = Actor("dr-one", "clinician"), Actor("dr-other", "clinician")
        reader.look_at_all([who, gone], one)
        before = len(list(clinic.ledger.entries()))
        assert reader.look(who, other).observations.num_rows
        clinic.ledger.sync()
        assert {line.actor for line in list(clinic.ledger.entries())[before:]} == {other.user}

        kept = clinic.store.summaries
        fresh = Reader(clinic)

        def erased_meanwhile(subjects: Any, audit: Entry) -> Any:
            found = kept(subjects, audit)
            clinic.store.summaries = kept  # type: ignore[method-assign]
            clinic.store.erase(gone, Entry(TEST, "erase subject", Purpose.CARE))
            return found

        clinic.store.summaries = erased_meanwhile  # type: ignore[method-assign]
        assert set(fresh.look_at_all([who, gone], TEST)) == {who}
        assert gone not in reader.look_at_all([who, gone], one)
        assert gone not in reader._people, "nothing of them is at hand"
