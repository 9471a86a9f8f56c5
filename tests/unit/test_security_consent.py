"""Which decision speaks of which use, against an oracle that shares no code."""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from euthymia.ground.audit import Purpose
from euthymia.ground.scope import Scope
from euthymia.security.consent import Use, consent_covers, covers, denied

MONITORING, RESEARCH, CARE = Purpose.MONITORING, Purpose.RESEARCH, Purpose.CARE
LOCATION = Use(MONITORING, stream="location", category="location")
SCREEN = Use(MONITORING, stream="screen", category="phone-use")


@dataclass(frozen=True)
class Grant:
    purpose: Purpose
    permit: bool
    since: int
    until: int | None = None
    scope: Scope | None = None
    told: int = 0


def test_a_permit_that_begins_later_does_not_undo_a_withdrawal_made_meanwhile():
    ahead = Grant(MONITORING, True, 10, told=1)
    assert covers([ahead], LOCATION, 10)
    withdrawn = Grant(MONITORING, False, 5)
    assert not covers([ahead, withdrawn], LOCATION, 10)
    assert not consent_covers([ahead, withdrawn], MONITORING, 10)
    anew = Grant(MONITORING, True, 2, told=6)  # decided last, for the time before too
    assert covers([ahead, withdrawn, anew], LOCATION, 10)


def test_a_withdrawal_of_one_stream_leaves_the_others():
    given_all = Grant(MONITORING, True, 1)
    but_location = Grant(MONITORING, False, 2, scope=Scope(streams=("location",)))
    assert not covers([given_all, but_location], LOCATION, 5)
    assert covers([given_all, but_location], SCREEN, 5)
    assert consent_covers([given_all, but_location], MONITORING, 5)
    again = Grant(MONITORING, True, 3)
    assert covers([given_all, but_location, again], LOCATION, 5)


def test_a_grant_of_one_category_gives_no_other():
    only = Grant(MONITORING, True, 1, scope=Scope(categories=("phone-use",)))
    assert covers([only], SCREEN, 5)
    assert not covers([only], LOCATION, 5)
    assert consent_covers([only], MONITORING, 5)
    assert not denied([only], LOCATION, 5)
    stop = Grant(MONITORING, False, 2)
    assert not consent_covers([only, stop], MONITORING, 5)
    assert denied([only, stop], LOCATION, 5)


def test_a_protected_kind_needs_a_grant_that_names_it():
    therapy = Use(CARE, category="notes", label="psychotherapy-notes")
    general = Grant(CARE, True, 9)
    named = Grant(CARE, True, 1, scope=Scope(labels=("psychotherapy-notes",)))
    assert not covers([general], therapy, 10)
    assert covers([general, named], therapy, 10)
    assert not covers([named], Use(CARE, category="notes"), 10)
    assert not covers([named, Grant(CARE, False, 9)], therapy, 10)


def test_a_grant_to_a_recipient_is_not_for_the_clinic_itself():
    abroad = Grant(RESEARCH, True, 1, scope=Scope(recipients=("University",)))
    assert covers([abroad], Use(RESEARCH, recipient="University"), 5)
    assert not covers([abroad], Use(RESEARCH, recipient="Company"), 5)
    assert not covers([abroad], Use(RESEARCH), 5)
    assert not consent_covers([abroad], RESEARCH, 5)
    nobody = Grant(RESEARCH, False, 2)
    assert not covers([abroad, nobody], Use(RESEARCH, recipient="University"), 5)
    not_them = Grant(RESEARCH, False, 2, scope=Scope(recipients=("University",)))
    assert covers([Grant(RESEARCH, True, 1), not_them], Use(RESEARCH), 5)


def oracle(grants, use, at):
    """The rules in plain words: the newest decision about it counts, and no beats yes."""
    about = []
    for g in grants:
        s = g.scope or Scope()
        if g.purpose != use.purpose or at < g.since or (g.until is not None and at >= g.until):
            continue
        told_again = [
            t for t in grants if t.permit and (t.since, t.purpose) == (g.since, g.purpose)
        ]
        same = [t for t in told_again if (t.scope or Scope()) == s]
        if g.permit and any(t.until is not None and at >= t.until for t in same):
            continue
        named = use.stream in s.streams or use.category in s.categories
        if (s.streams or s.categories) and not named:
            continue
        if s.labels and use.label not in s.labels:
            continue
        if g.permit and use.label and not s.labels:
            continue
        if s.recipients and use.recipient not in s.recipients:
            continue
        if g.permit and use.recipient and not s.recipients:
            continue
        about.append(g)
    if not about:
        return False
    newest = max(g.told or g.since for g in about)
    return all(g.permit for g in about if (g.told or g.since) == newest)


def some(words):
    return st.lists(st.sampled_from(words), unique=True, max_size=2).map(tuple)


scopes = st.none() | st.builds(
    Scope,
    streams=some(["location", "screen"]),
    categories=some(["location", "phone-use", "notes"]),
    labels=some(["hiv", "substance-use"]),
    recipients=some(["University", "Company"]),
)
decisions = st.builds(
    Grant,
    purpose=st.sampled_from([MONITORING, RESEARCH]),
    permit=st.booleans(),
    since=st.integers(0, 6),
    until=st.none() | st.integers(3, 9),
    scope=scopes,
    told=st.integers(0, 6),
)
uses = st.builds(
    Use,
    purpose=st.sampled_from([MONITORING, RESEARCH]),
    stream=st.sampled_from([None, "location", "screen"]),
    category=st.sampled_from([None, "location", "phone-use", "notes"]),
    label=st.sampled_from([None, "hiv"]),
    recipient=st.sampled_from([None, "University"]),
)


ENDED = [Grant(MONITORING, True, 1), Grant(MONITORING, True, 1, 4, Scope())]


def test_a_permit_that_is_told_again_with_an_end_ends():
    """So a health record takes a Consent back: the same one, with an end of its period."""
    for told in (ENDED, ENDED[::-1]):
        assert covers(told, LOCATION, 3)
        assert consent_covers(told, MONITORING, 3)
        assert not covers(told, LOCATION, 4)
        assert not consent_covers(told, MONITORING, 4)
    anew = [*ENDED, Grant(MONITORING, True, 5)]
    assert covers(anew, LOCATION, 6)
    assert consent_covers(anew, MONITORING, 6)


@given(grants=st.lists(decisions, max_size=6), use=uses, at=st.integers(0, 9))
@example(grants=ENDED, use=LOCATION, at=5)
def test_the_newest_decision_about_a_use_counts(grants, use, at):
    assert covers(grants, use, at) is oracle(grants, use, at)
    assert covers(grants[::-1], use, at) is oracle(grants, use, at)
    if denied(grants, use, at):
        assert not covers(grants, use, at)


@given(grants=st.lists(decisions, max_size=6), at=st.integers(0, 9))
@example(grants=[Grant(MONITORING, True, 0, scope=Scope(streams=("screen",)))], at=1)
@example(grants=ENDED, at=5)
def test_there_is_consent_to_something_when_some_use_of_the_clinics_own_is_covered(grants, at):
    own = [
        Use(MONITORING, stream=stream, category=category)
        for stream in (None, "location", "screen")
        for category in (None, "location", "phone-use", "notes")
        if stream is None or category is None
    ]
    assert consent_covers(grants, MONITORING, at) is any(oracle(grants, u, at) for u in own)
