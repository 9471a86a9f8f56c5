"""FHIR Consent read and written: exceptions, limits, and the same decision there and back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Grant
from euthymia.ground.schemas import STREAMS
from euthymia.ground.scope import Category, Label, Scope
from euthymia.security.consent import Use, covers
from euthymia.sources.fhir_consent import UNKNOWN, consent_resource, grants_of
from euthymia.sources.fhir_people import Entry
from euthymia.sources.json_tree import ShapeError

WHO = SourceId("urn:euthymia:mrn", "A1")
AT = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
OURS = [{"system": "urn:euthymia:purpose", "code": "monitoring"}]
NO_LOCATION = {"type": "deny", "class": [{"system": "urn:euthymia:stream", "code": "location"}]}


def read(provision, **more):
    resource = {
        "resourceType": "Consent",
        "status": "active",
        "dateTime": "2025-03-01T09:30:00Z",
        "policyRule": {"text": "form 4"},
        "provision": provision,
        **more,
    }
    return list(grants_of(Entry(7, "entry 7", resource), WHO, "UTC"))


def test_an_exception_takes_effect_just_after_what_it_is_an_exception_to():
    whole, exception = read({"type": "permit", "purpose": OURS, "provision": [NO_LOCATION]})
    assert (whole.permit, whole.at, whole.scope, whole.version) == (True, AT, None, "form 4")
    assert (exception.permit, exception.scope) == (False, Scope(streams=("location",)))
    assert exception.at == AT + timedelta(microseconds=1)
    assert exception.purposes == whole.purposes == (Purpose.MONITORING,)
    assert {whole.row, exception.row} == {7}


def between(start, end=None):
    return {"period": {"start": start} | ({} if end is None else {"end": end})}


def of_stream(permit, name, *exceptions, **more):
    kind = {"type": "permit" if permit else "deny", "provision": list(exceptions), **more}
    return kind | {"class": [{"system": "urn:euthymia:stream", "code": name}]}


@pytest.mark.parametrize(
    ("root", "exceptions", "stream", "held"),
    [
        # an exception to an exception stands, whenever the one above it begins
        (
            False,
            [{"type": "permit", "provision": [NO_LOCATION], **between("2025-06-01", "2025-07-31")}],
            "location",
            {},
        ),
        (
            False,
            [{"type": "permit", "provision": [NO_LOCATION], **between("2025-06-01", "2025-07-31")}],
            "calls",
            {6, 7},
        ),
        (
            True,
            [{"type": "deny", "provision": [of_stream(True, "calls")], **between("2025-06-01")}],
            "calls",
            {3, 4, 5, 6, 7, 8, 9},
        ),
        # beside each other a refusal outdoes a permit, whichever begins first
        (
            False,
            [NO_LOCATION, {"type": "permit", **between("2025-06-01")}],
            "location",
            {},
        ),
        # no permit outlasts what it is an exception to
        (False, [of_stream(True, "calls", **between("2025-05-01"))], "calls", {5, 6, 7, 8, 9}),
        (
            False,
            [of_stream(True, "calls", **between("2026-05-01", "2026-06-01"))],
            "calls",
            {},
        ),
        # a refusal for a while
        (True, [NO_LOCATION | between("2025-05-01", "2025-06-30")], "location", {3, 4, 7, 8, 9}),
    ],
)
def test_exceptions_with_times_of_their_own(root, exceptions, stream, held):
    whole = {"type": "permit" if root else "deny", "purpose": OURS, "provision": exceptions}
    decisions = [
        GrantRecord(
            g.purposes[0],
            g.permit,
            to_micros(g.at),
            None if g.until is None else to_micros(g.until),
            "",
            g.scope,
            told=0 if g.told is None else to_micros(g.told),
        )
        for g in read(whole | between("2025-03-01", "2025-09-30"))
    ]
    use = Use(Purpose.MONITORING, stream=stream)
    months = {
        month: covers(decisions, use, to_micros(datetime(2025, month, 15, tzinfo=UTC)))
        for month in range(1, 13)
    }
    assert {month for month, covered in months.items() if covered} == set(held)
    assert not covers(decisions, use, to_micros(datetime(2026, 5, 15, tzinfo=UTC)))


def test_when_it_was_decided_is_not_from_when_it_holds():
    (ahead,) = read({"type": "permit", "purpose": OURS, **between("2025-06-01")})
    assert (ahead.at, ahead.told) == (datetime(2025, 6, 1, tzinfo=UTC), AT)


def test_all_limits_of_one_provision():
    (grant,) = read(
        {
            "type": "permit",
            "purpose": [{"code": "HRESCH"}],
            "period": {"start": "2025-01-01", "end": "2025-12-31"},
            "actor": [
                {"role": {"coding": [{"code": "CST"}]}, "reference": {"display": "us"}},
                {"role": {"coding": [{"code": "PRCP"}]}, "reference": {"display": "University"}},
            ],
            "securityLabel": [{"code": "PSYTHPN"}, {"code": "R"}],
            "class": [
                {"system": "http://hl7.org/fhir/resource-types", "code": "DocumentReference"},
                {"system": "urn:euthymia:category", "code": "answers"},
            ],
        }
    )
    assert grant.purposes == (Purpose.RESEARCH,)
    assert grant.scope == Scope(
        categories=("answers", "notes"),
        labels=("psychotherapy-notes",),
        recipients=("University",),
    )
    assert grant.until == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "maybe"}, "neither permit nor deny"),
        ({"purpose": [{"code": "HMARKT"}]}, "not made of care"),
        ({"class": [{"system": "urn:euthymia:stream", "code": "thoughts"}]}, "neither a stream"),
        ({"securityLabel": [{"code": "SECRET"}]}, "none that is protected"),
        ({"actor": [{"role": {}}]}, "names nobody"),
        ({"dataPeriod": {"start": "2025"}}, "dataPeriod, which is not understood"),
        ({"provision": [{"type": "deny", "action": [{"text": "x"}]}]}, "action, which is not"),
        (
            {
                "provision": [
                    NO_LOCATION
                    | {
                        "provision": [
                            NO_LOCATION
                            | {"provision": [NO_LOCATION | {"provision": [NO_LOCATION]}]}
                        ]
                    }
                ]
            },
            "more than 3 deep",
        ),
    ],
)
def test_what_cannot_be_held_is_refused_whole(change, words):
    with pytest.raises(ShapeError, match=words):
        read({"type": "permit", "purpose": OURS} | change)


def test_a_consent_whose_meaning_an_unknown_extension_changes_is_refused():
    unknown = {"modifierExtension": [{"url": "urn:hospital:only-by-day", "valueBoolean": True}]}
    plain = {"type": "permit", "purpose": OURS}
    with pytest.raises(ShapeError, match="modifierExtension changes what it says"):
        read(plain, **unknown)
    with pytest.raises(ShapeError, match="implicitRules changes what it says"):
        read(plain, implicitRules="urn:hospital:rules")
    for provision in (plain | unknown, plain | {"provision": [NO_LOCATION | unknown]}):
        with pytest.raises(ShapeError, match="limited by modifierExtension"):
            read(provision)


def test_a_rejected_consent_permits_nothing():
    assert [g.permit for g in read({"type": "permit", "purpose": OURS}, status="rejected")] == [
        False
    ]


@pytest.mark.parametrize("status", ["inactive", "entered-in-error"])
def test_a_consent_that_was_taken_back_is_a_refusal_of_the_same_instant(status):
    given = {"type": "permit", "purpose": OURS, "period": {"end": "2025-06-01"}}
    (before,), (after,) = read({"type": "permit", "purpose": OURS}), read(given, status=status)
    assert (after.permit, after.at, after.until) == (False, before.at, None)
    use = Use(Purpose.MONITORING, stream="location")
    told = [
        GrantRecord(g.purposes[0], g.permit, to_micros(g.at), None, "") for g in (before, after)
    ]
    assert covers(told[:1], use, to_micros(AT) + 1)
    assert not covers(told, use, to_micros(AT) + 1)


def test_a_consent_says_which_it_is_and_when_it_was_written():
    plain = {"type": "permit", "purpose": OURS, "provision": [NO_LOCATION]}
    meta = {"lastUpdated": "2025-04-01T10:00:00+02:00", "versionId": "3"}
    written = datetime(2025, 4, 1, 8, tzinfo=UTC)
    for decision in read(plain, id="c7", meta=meta):
        assert (decision.form, decision.revised) == (f"{WHO.system} c7", written)
    for less in ({"id": "c7"}, {"meta": meta}):  # half of it is no identity
        assert {(g.form, g.revised) for g in read(plain, **less)} == {("", None)}
    with pytest.raises(ShapeError, match=r"Consent\.meta\.lastUpdated"):
        read(plain, id="c7", meta={"lastUpdated": "yesterday"})


def some(words):
    return st.lists(st.sampled_from(sorted(words)), unique=True, max_size=3).map(
        lambda found: tuple(sorted(found))
    )


texts = st.text(st.characters(categories=("L", "N", "Zs")), min_size=1, max_size=20).filter(
    lambda t: t.strip() == t and t != UNKNOWN
)
moments = st.integers(0, 4 * 10**15).map(
    lambda us: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)
)
scopes = st.builds(
    Scope,
    streams=some(STREAMS),
    categories=some(map(str, Category)),
    labels=some(map(str, Label)),
    recipients=st.lists(texts, unique=True, max_size=2).map(lambda f: tuple(sorted(f))),
)


@given(
    purpose=st.sampled_from(Purpose),
    permit=st.booleans(),
    at=moments,
    lasts=st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)),
    because=st.just("") | texts,
    scope=scopes,
    version=st.just("") | texts,
    told=st.none() | moments,
)
def test_a_decision_written_reads_back_the_same(
    purpose, permit, at, lasts, because, scope, version, told
):
    until = None if lasts is None else at + lasts
    grant = Grant(3, WHO, (purpose,), permit, at, until, because, scope or None, version)
    grant = replace(grant, told=None if told == at else told)
    resource = consent_resource(grant)
    assert resource["policyRule"]["text"]  # R4's ppc-1: a policy or a rule is always there
    (back,) = grants_of(Entry(3, "entry 3", resource), WHO, "UTC")
    assert back == grant
