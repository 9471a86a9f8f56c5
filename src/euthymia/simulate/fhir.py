"""A person's record as a FHIR R4 transaction bundle."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from euthymia.ground.clock import from_micros
from euthymia.simulate.daily import Life
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.journey import MINUTE_US, Trip
from euthymia.simulate.names import CLINICIANS
from euthymia.simulate.narrative import Note
from euthymia.simulate.people import Person
from euthymia.simulate.treatment import Treatment

Resource = dict[str, Any]

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
OMB: Final = "urn:oid:2.16.840.1.113883.6.238"
TEST_DATA: Final = {"system": HL7 + "v3-ActReason", "code": "HTEST", "display": "test health data"}
"""Every person is marked as nobody, in the way of FHIR."""
DEPRESSION: Final = ("370143000", "Major depressive disorder")

CONDITIONS: Final = {
    "anxiety": ("21897009", "Generalized anxiety disorder"),
    "insomnia": ("193462001", "Insomnia"),
    "ptsd": ("47505003", "Posttraumatic stress disorder"),
    "hypertension": ("59621000", "Essential hypertension"),
    "diabetes": ("44054006", "Diabetes mellitus type 2"),
    "hypothyroidism": ("40930008", "Hypothyroidism"),
    "migraine": ("37796009", "Migraine"),
    "asthma": ("195967001", "Asthma"),
    "pain": ("82423001", "Chronic pain"),
    "alcohol": ("66590003", "Alcohol dependence"),
}
RACES: Final = {
    "2106-3": "White",
    "2054-5": "Black or African American",
    "2028-9": "Asian",
    "2131-1": "Other Race",
}
LANGUAGES: Final = {
    "en": "English",
    "es": "Spanish",
    "pt": "Portuguese",
    "pl": "Polish",
    "bn": "Bengali",
}
PHQ9: Final = (
    ("44250-9", "Little interest or pleasure in doing things"),
    ("44255-8", "Feeling down, depressed, or hopeless"),
    ("44259-0", "Trouble falling or staying asleep, or sleeping too much"),
    ("44254-1", "Feeling tired or having little energy"),
    ("44251-7", "Poor appetite or overeating"),
    ("44258-2", "Feeling bad about yourself - or that you are a failure"),
    ("44252-5", "Trouble concentrating on things"),
    ("44253-3", "Moving or speaking slowly, or being fidgety or restless"),
    ("44260-8", "Thoughts that you would be better off dead, or of hurting yourself"),
)
ANSWERS: Final = (
    ("LA6568-5", "Not at all"),
    ("LA6569-3", "Several days"),
    ("LA6570-1", "More than half the days"),
    ("LA6571-9", "Nearly every day"),
)


@dataclass(frozen=True, slots=True)
class History:
    """All that goes into a person's record."""

    person: Person
    traits: Traits
    course: Course
    life: Life
    trips: tuple[Trip, ...]
    notes: tuple[Note, ...]
    start: date
    days: int
    identifiers: tuple[tuple[str, str], ...]


def encode(history: History, rng: np.random.Generator) -> bytes:
    """Return the bundle as JSON. `rng` draws the hours at which questionnaires are filled in."""
    return msgspec.json.encode(bundle(history, rng))


def bundle(history: History, rng: np.random.Generator) -> Resource:
    """Return the bundle: the patient, the clinic, and what happened, each resource once."""
    chart = _Chart(history)
    resources = [chart.organization(), chart.practitioner(), chart.patient()]
    resources += chart.consents()
    resources += chart.conditions()
    resources += chart.treatments()
    resources += chart.encounters()
    resources += chart.questionnaires(rng)
    resources += chart.zones()
    resources += chart.documents()
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{r['id']}",
                "resource": r,
                "request": {"method": "POST", "url": r["resourceType"]},
            }
            for r in resources
        ],
    }


def _uuid(*parts: str) -> str:
    digest = blake2b("/".join(parts).encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _code(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


class _Chart:
    """Writes the resources of one person, with their references."""

    def __init__(self, history: History) -> None:
        self._h = history
        self._who = history.person.identity
        self._zone = ZoneInfo(history.person.site.city.zone)
        site = history.person.site
        self._organization = _uuid("organization", site.code)
        self._practitioner = _uuid("practitioner", site.code, str(self._who.clinician))
        self._patient = self._id("patient")
        self._subject = {"reference": f"urn:uuid:{self._patient}"}

    def _id(self, kind: str, number: int = 0) -> str:
        return _uuid(self._who.mrn, kind, str(number))

    def _new(self, kind: str, number: int, **fields: object) -> Resource:
        return {"resourceType": kind, "id": self._id(kind, number), **fields}

    def _on(self, day: int) -> date:
        return self._h.start + timedelta(days=int(day))

    def _at(self, day: int, hour: float) -> str:
        """Return an instant with its offset, by the clock where the person is."""
        if 0 <= day < self._h.days:
            grid = self._h.life.grid
            index = int(grid.at(np.array([day]), np.array([hour]))[0])
            minute = int(grid.minute[min(index, grid.minute.size - 1)])
            return from_micros(minute * MINUTE_US).astimezone(self._zone).isoformat()
        plain = datetime.combine(self._on(day), datetime.min.time(), self._zone)
        return (plain + timedelta(minutes=round(hour * 60))).isoformat()

    def organization(self) -> Resource:
        """Return the clinic."""
        site = self._h.person.site
        return {
            "resourceType": "Organization",
            "id": self._organization,
            "identifier": [{"system": "urn:euthymia:organization", "value": site.code}],
            "active": True,
            "name": site.name,
            "address": [{"city": site.city.name, "country": site.city.country}],
        }

    def practitioner(self) -> Resource:
        """Return the clinician who treats the person."""
        site, number = self._h.person.site, self._who.clinician
        given, family = CLINICIANS[site.number][number]
        value = f"{site.code}-{number + 1}"
        return {
            "resourceType": "Practitioner",
            "id": self._practitioner,
            "identifier": [{"system": "urn:euthymia:practitioner", "value": value}],
            "active": True,
            "name": [{"family": family, "given": [given], "prefix": ["Dr."]}],
        }

    def patient(self) -> Resource:
        """Return the person, with every identifier under which a source knows them."""
        p, who = self._h.person, self._who
        mrn = {
            "type": _concept(HL7 + "v2-0203", "MR", "Medical Record Number"),
            "system": "urn:euthymia:mrn",
            "value": who.mrn,
        }
        others = [
            {"system": f"urn:euthymia:source:{name}", "value": value}
            for name, value in self._h.identifiers
        ]
        return {
            "resourceType": "Patient",
            "id": self._patient,
            "meta": {"tag": [TEST_DATA]},
            "extension": [
                _us_core("race", p.race, RACES[p.race]),
                _us_core("ethnicity", *_ethnicity(p.hispanic)),
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/timezone",
                    "valueCode": p.site.city.zone,
                },
            ],
            "identifier": [mrn, *others],
            "active": True,
            "name": [{"use": "official", "family": who.family, "given": [who.given]}],
            "telecom": [
                {"system": "phone", "value": who.phone, "use": "mobile"},
                {"system": "email", "value": who.email},
            ],
            "gender": p.sex,
            "birthDate": who.birth_date.isoformat(),
            "address": [
                {
                    "line": [who.street],
                    "city": who.city,
                    "state": who.region,
                    "postalCode": who.postcode,
                    "country": who.country,
                }
            ],
            "contact": [{"relationship": [{"text": who.relation}], "name": {"text": who.relative}}],
            "communication": [
                {"language": _concept("urn:ietf:bcp:47", p.language, LANGUAGES[p.language])}
            ],
            "generalPractitioner": [{"reference": f"urn:uuid:{self._practitioner}"}],
            "managingOrganization": {
                "reference": f"urn:uuid:{self._organization}",
                "display": p.site.name,
            },
        }

    def consents(self) -> Iterable[Resource]:
        """Yield each decision: a consent given, or a later one that denies."""
        for number, decision in enumerate(self._h.person.consents):
            if decision.day >= self._h.days:
                continue
            at = self._at(decision.day, 10.0)
            yield self._new(
                "Consent",
                number,
                status="active",
                scope=_code(HL7 + "consentscope", "patient-privacy"),
                category=[_concept(LOINC, "59284-0", "Consent Document")],
                patient=self._subject,
                dateTime=at,
                organization=[{"reference": f"urn:uuid:{self._organization}"}],
                policyRule={"text": "Consent form of the clinic, version 3"},
                provision={
                    "type": "permit" if decision.permit else "deny",
                    "period": {"start": at},
                    "purpose": [
                        {"system": "urn:euthymia:purpose", "code": p} for p in decision.purposes
                    ],
                },
            )

    def conditions(self) -> Iterable[Resource]:
        """Yield the depression (as old as its episodes) and what comes with it."""
        traits = self._h.traits
        years = 1 + 2 * traits.covariates.prior_episodes
        found = [(DEPRESSION, min(years, max(1, self._h.person.age - 12)))]
        found += [(CONDITIONS[name], 2 + n) for n, name in enumerate(traits.conditions)]
        for number, ((code, display), since) in enumerate(found):
            onset = (self._h.start - timedelta(days=since * 365 + 11 * number)).isoformat()
            yield self._new(
                "Condition",
                number,
                clinicalStatus=_code(HL7 + "condition-clinical", "active"),
                verificationStatus=_code(HL7 + "condition-ver-status", "confirmed"),
                category=[_code(HL7 + "condition-category", "encounter-diagnosis")],
                code=_concept(SNOMED, code, display),
                subject=self._subject,
                onsetDateTime=onset,
                recordedDate=onset,
            )

    def treatments(self) -> Iterable[Resource]:
        """Yield prescriptions, and a course of therapy as a procedure."""
        for number, course in enumerate(self._h.course.treatments):
            if course.drug is None:
                yield self._therapy(number, course)
                continue
            running = course.end >= self._h.days
            yield self._new(
                "MedicationRequest",
                number,
                status="active" if running else "stopped",
                intent="order",
                medicationCodeableConcept=_concept(RXNORM, course.drug.rxnorm, course.drug.name),
                subject=self._subject,
                authoredOn=self._at(course.start, 11.0),
                requester={"reference": f"urn:uuid:{self._practitioner}"},
                reasonCode=[_concept(SNOMED, *DEPRESSION)],
                dosageInstruction=[{"text": f"{course.drug.dose_mg} mg by mouth once a day"}],
            )

    def _therapy(self, number: int, course: Treatment) -> Resource:
        running = course.end >= self._h.days
        period = {"start": self._at(course.start, 11.0)}
        if not running:
            period["end"] = self._at(course.end, 11.0)
        return self._new(
            "Procedure",
            number,
            status="in-progress" if running else "completed",
            code=_concept(SNOMED, "228557008", "Cognitive and behavioral therapy"),
            subject=self._subject,
            performedPeriod=period,
            reasonCode=[_concept(SNOMED, *DEPRESSION)],
        )

    def encounters(self) -> Iterable[Resource]:
        """Yield visits that were kept, and admissions."""
        visit_h = self._h.life.visit_h
        seen = [(d, visit_h[d], d, visit_h[d] + 0.75, "AMB") for d in self._h.course.visits]
        stays = [(a, 11.0, b, 11.0, "IMP") for a, b in self._h.course.admissions]
        kinds = {
            "AMB": ("ambulatory", ("390906007", "Follow-up encounter")),
            "IMP": ("inpatient encounter", ("183452005", "Emergency hospital admission")),
        }
        for number, (day, hour, end_day, end_hour, code) in enumerate([*seen, *stays]):
            display, kind = kinds[code]
            yield self._new(
                "Encounter",
                number,
                status="finished",
                **{"class": {"system": HL7 + "v3-ActCode", "code": code, "display": display}},
                type=[_concept(SNOMED, *kind)],
                subject=self._subject,
                participant=[{"individual": {"reference": f"urn:uuid:{self._practitioner}"}}],
                period={"start": self._at(day, hour), "end": self._at(end_day, end_hour)},
                reasonCode=[_concept(SNOMED, *DEPRESSION)],
                serviceProvider={"reference": f"urn:uuid:{self._organization}"},
            )

    def questionnaires(self, rng: np.random.Generator) -> Iterable[Resource]:
        """Yield each PHQ-9: the answers, and their sum as an observation."""
        for number, (day, answers) in enumerate(self._h.course.questionnaires):
            at = self._at(day, float(rng.uniform(8, 21)))
            response = self._new(
                "QuestionnaireResponse",
                number,
                questionnaire="http://loinc.org/q/44249-1",
                status="completed",
                subject=self._subject,
                authored=at,
                source=self._subject,
                item=[_item(q, value) for q, value in zip(PHQ9, answers, strict=True)],
            )
            yield response
            yield self._new(
                "Observation",
                number,
                status="final",
                category=[_code(HL7 + "observation-category", "survey")],
                code=_concept(LOINC, "44261-6", "PHQ-9 total score"),
                subject=self._subject,
                effectiveDateTime=at,
                issued=at,
                valueQuantity={
                    "value": sum(answers),
                    "unit": "{score}",
                    "system": "http://unitsofmeasure.org",
                    "code": "{score}",
                },
                derivedFrom=[{"reference": f"urn:uuid:{response['id']}"}],
            )

    def zones(self) -> Iterable[Resource]:
        """Yield each change of time zone: landing there, and landing at home."""
        home = self._h.person.site.city.zone
        for number, trip in enumerate(self._h.trips):
            landings = ((trip.arrives_us, trip.city.zone), (trip.back_us, home))
            for leg, (time_us, zone) in enumerate(landings):
                yield self._new(
                    "Observation",
                    100_000 + 2 * number + leg,
                    status="final",
                    code=_code("urn:euthymia:code", "time-zone"),
                    subject=self._subject,
                    effectiveDateTime=from_micros(time_us).isoformat(),
                    valueString=zone,
                )

    def documents(self) -> Iterable[Resource]:
        """Yield the notes that are kept in the record itself."""
        for number, note in enumerate(self._h.notes):
            at = self._at(note.day, float(self._h.life.visit_h[note.day]) + 0.75)
            data = b64encode(note.text.encode()).decode()
            yield self._new(
                "DocumentReference",
                number,
                status="current",
                type=_concept(LOINC, "11506-3", "Progress note"),
                subject=self._subject,
                date=at,
                author=[{"reference": f"urn:uuid:{self._practitioner}"}],
                content=[
                    {"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}
                ],
            )


def _item(question: tuple[str, str], value: int) -> Resource:
    loinc, text = question
    code, display = ANSWERS[value]
    coding = {
        "system": LOINC,
        "code": code,
        "display": display,
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/ordinalValue",
                "valueDecimal": value,
            }
        ],
    }
    return {"linkId": f"/{loinc}", "text": text, "answer": [{"valueCoding": coding}]}


def _us_core(name: str, code: str, display: str) -> Resource:
    coding = {"system": OMB, "code": code, "display": display}
    return {
        "url": US_CORE + name,
        "extension": [
            {"url": "ombCategory", "valueCoding": coding},
            {"url": "text", "valueString": display},
        ],
    }


def _ethnicity(hispanic: bool) -> tuple[str, str]:
    return ("2135-2", "Hispanic or Latino") if hispanic else ("2186-5", "Not Hispanic or Latino")
