"""One person from first to last: lived, recorded, written, and told to the truth file."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from euthymia.simulate import phone
from euthymia.simulate.adherence import Presence, presence
from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.daily import Life, distance_km, home_hours, lead
from euthymia.simulate.fhir import History, encode
from euthymia.simulate.files import Folder, gzipped
from euthymia.simulate.illness import Course, Relapse, Traits, live
from euthymia.simulate.journey import MINUTE_US, Grid, Trip, draw_trips, timeline_of
from euthymia.simulate.narrative import Note, write_note
from euthymia.simulate.people import Person, draw_person
from euthymia.simulate.phone_files import cut, write_aware, write_beiwe
from euthymia.simulate.physiology import sessions
from euthymia.simulate.profile import Profile
from euthymia.simulate.truth import DAILY, Account
from euthymia.simulate.wearable import Actigraphy, record
from euthymia.simulate.wearable_files import write_actigraph, write_empatica


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated: the same for every person, and small enough to hand to a process."""

    seed: int
    start: date
    days: int
    profile: Profile
    out: Path


@dataclass(frozen=True, slots=True)
class Written:
    """What one person came to."""

    account: Account
    files: int
    size: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class _World:
    person: Person
    traits: Traits
    course: Course
    trips: tuple[Trip, ...]
    life: Life
    here: Presence


def write_subject(plan: Plan, index: int) -> Written:
    """Simulate person number `index` and write all their files."""
    world = _world(plan, index)
    folder = Folder(plan.out)
    actigraphy = _record_wearables(plan, world, folder)
    first_ids = _record_phone(plan, world, folder)
    in_record, in_folder = _notes(plan, world)
    who = world.person.identity.mrn
    for note in in_folder:
        on = plan.start + timedelta(days=note.day)
        folder.write(f"notes/{who}/{on.isoformat()}.txt", note.text.encode())
    identifiers = _identifiers(world.person, first_ids, bool(in_folder))
    history = History(
        world.person,
        world.traits,
        world.course,
        world.life,
        world.trips,
        tuple(in_record),
        plan.start,
        plan.days,
        identifiers,
    )
    rng = draws(plan.seed, index, Topic.RECORD)
    folder.write(f"fhir/{who}.json.gz", gzipped(encode(history, rng)))
    account = Account(
        _subject(plan, world, identifiers),
        [_relapse(plan, who, r) for r in world.course.relapses],
        [_told(plan, who, n, "fhir") for n in in_record]
        + [_told(plan, who, n, "notes") for n in in_folder],
        _daily(plan, world, actigraphy),
    )
    return Written(account, folder.files, folder.size, _counts(world, account))


def _world(plan: Plan, index: int) -> _World:
    person = draw_person(plan.seed, index, plan.profile, plan.start, plan.days)
    traits, course = live(plan.seed, person, plan.days)
    trips = draw_trips(plan.seed, person, plan.start, plan.days)
    grid = Grid.over(timeline_of(person, trips, plan.start), plan.start, plan.days)
    life = lead(plan.seed, person, traits, course, trips, grid, plan.start)
    return _World(person, traits, course, trips, life, presence(plan.seed, person, traits, course))


def _record_wearables(plan: Plan, world: _World, folder: Folder) -> Actigraphy | None:
    person, here = world.person, world.here
    if person.devices.actigraph is None:
        return None
    actigraphy = record(plan.seed, person, world.traits, world.course, world.life, here)
    write_actigraph(folder, person, world.life, actigraphy)
    if person.devices.empatica is not None:
        found = sessions(
            plan.seed, person, world.traits, world.course, world.life, here, plan.profile
        )
        write_empatica(folder, person, found)
    return actigraphy


def _record_phone(plan: Plan, world: _World, folder: Folder) -> tuple[str, ...]:
    """Write the phone's files and return the sources they belong to."""
    person, traits, course, life = world.person, world.traits, world.course, world.life
    if person.devices.phone is None or not world.here.phone.any():
        return ()
    recorded = (
        phone.fixes(plan.seed, person, life, world.here, plan.profile),
        phone.screen(plan.seed, person, traits, course, life, world.here),
        phone.calls(plan.seed, person, traits, course, life, world.here),
    )
    if person.devices.phone == "aware":
        write_aware(folder, person, *recorded)
        return ("aware",)
    kept = plan.profile.beiwe_days
    change = 0 if kept is None else max(0, plan.days - kept)
    minute = (
        life.grid.minute[np.searchsorted(life.grid.day, change)] if change < plan.days else 2**52
    )
    change_ms = int(minute) * MINUTE_US // 1000
    if change:
        write_aware(folder, person, *cut(recorded, 0, change_ms))
    later = cut(recorded, change_ms, 2**60)
    write_beiwe(folder, person, *later, zipped=plan.profile.beiwe_zip)
    return ("beiwe", "aware") if change else ("beiwe",)


def _notes(plan: Plan, world: _World) -> tuple[list[Note], list[Note]]:
    """Return the notes kept in the record, and those kept in the notes folder."""
    rng = draws(plan.seed, world.person.index, Topic.NOTES)
    in_record: list[Note] = []
    in_folder: list[Note] = []
    for day in world.course.visits:
        on = plan.start + timedelta(days=day)
        note = write_note(rng, world.person, day, on, float(world.course.severity[day]))
        (in_record if rng.random() < 0.6 else in_folder).append(note)
    return in_record, in_folder


def _identifiers(
    person: Person, phones: tuple[str, ...], has_notes: bool
) -> tuple[tuple[str, str], ...]:
    devices = person.devices
    ids = {"beiwe": devices.beiwe, "aware": devices.aware}
    found = [(name, ids[name]) for name in phones]
    if devices.actigraph is not None:
        found.append(("actigraph", devices.actigraph))
    if devices.empatica is not None:
        found.append(("empatica", devices.empatica))
    if has_notes:
        found.append(("notes", person.identity.mrn))
    return tuple(found)


def _subject(plan: Plan, world: _World, identifiers: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    person, traits, course = world.person, world.traits, world.course
    return {
        "mrn": person.identity.mrn,
        "identifiers": dict(identifiers),
        "site": person.site.code,
        "sex": person.sex,
        "age": person.age,
        "race": person.race,
        "hispanic": person.hispanic,
        "language": person.language,
        "home": list(person.home),
        "work": list(person.work) if person.routine.works else None,
        "thirds": [list(p) for p in person.thirds],
        "zones": _zones(plan, world),
        "traits": {
            "residual": traits.residual,
            "height": traits.height,
            "frailty": traits.frailty,
            "starts_ill": traits.starts_ill,
            "vanishes": traits.vanishes,
            "medication_kept": traits.medication_kept,
        },
        "covariates": asdict(traits.covariates),
        "conditions": list(traits.conditions),
        "behaviour": traits.behaviour,
        "treatment_effects": traits.effects,
        "treatments": [
            {"kind": t.kind, "drug": t.drug and t.drug.name, "start": t.start, "end": t.end}
            for t in course.treatments
        ],
        "visits": course.visits,
        "missed_visits": course.missed_visits,
        "admissions": [list(a) for a in course.admissions],
        "consents": [asdict(c) for c in person.consents],
        "beat_loss": person.devices.beat_loss,
        "rmssd_ms": person.routine.rmssd_ms,
    }


def _zones(plan: Plan, world: _World) -> list[dict[str, Any]]:
    timeline = timeline_of(world.person, world.trips, plan.start)
    return [{"since_us": since, "zone": zone} for since, zone in timeline.changes]


def _relapse(plan: Plan, who: str, relapse: Relapse) -> dict[str, Any]:
    days = asdict(relapse)
    return {"mrn": who} | {
        name: (plan.start + timedelta(days=day)).isoformat() for name, day in days.items()
    }


def _told(plan: Plan, who: str, note: Note, kept_in: str) -> dict[str, Any]:
    return {
        "mrn": who,
        "date": (plan.start + timedelta(days=note.day)).isoformat(),
        "kept_in": kept_in,
        "text": note.text,
        "spans": [[s.start, s.end, s.kind] for s in note.spans],
    }


def _daily(plan: Plan, world: _World, actigraphy: Actigraphy | None) -> pa.Table:
    life, course, days = world.life, world.course, plan.days
    last = life.grid.minute.size - 1
    onset = life.grid.minute[np.minimum(life.sleep_start[:days], last)] * MINUTE_US
    offset = life.grid.minute[np.minimum(life.sleep_end[:days], last)] * MINUTE_US
    worn = np.zeros(days)
    if actigraphy is not None:
        worn = np.bincount(life.grid.day, weights=actigraphy.worn, minlength=days) / 60
    stay = np.zeros(days, np.bool_)
    for begin, end in course.admissions:
        stay[begin:end] = True
    numbers = (course.severity, course.regime, course.burden)
    columns = [
        pa.repeat(pa.scalar(world.person.identity.mrn), days),
        pa.array(np.arange(days) + life.grid.first_day, pa.int32()).cast(pa.date32()),
        *(pa.array(x, pa.float32()) for x in numbers),
        pa.array(onset).cast(pa.timestamp("us", tz="UTC")),
        pa.array(offset).cast(pa.timestamp("us", tz="UTC")),
        *(pa.array(x, pa.float32()) for x in (home_hours(life), distance_km(life), worn)),
        pa.array(world.here.phone & (world.person.devices.phone is not None)),
        pa.array(stay),
    ]
    return pa.Table.from_arrays(columns, schema=DAILY)


def _counts(world: _World, account: Account) -> dict[str, int]:
    return {
        "relapses": len(account.relapses),
        "people_relapsed": int(bool(account.relapses)),
        "questionnaires": len(world.course.questionnaires),
        "visits": len(world.course.visits),
        "admissions": len(world.course.admissions),
        "notes": len(account.notes),
        "trips": len(world.trips),
    }
