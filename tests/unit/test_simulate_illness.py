"""The latent illness of many people: how often, how seen, how it hides."""

from datetime import date

import numpy as np
import pytest

from euthymia.simulate.adherence import Presence, presence
from euthymia.simulate.illness import BEHAVIOURS, Course, Traits, live, relapses_in
from euthymia.simulate.people import Person, draw_person
from euthymia.simulate.profile import FULL
from euthymia.simulate.treatment import DRUGS, KINDS

PEOPLE = 300
START = date(2026, 1, 5)
Life = tuple[Person, Traits, Course, Presence]


def _lives(days: int) -> list[Life]:
    out = []
    for index in range(PEOPLE):
        person = draw_person(11, index, FULL, START, days)
        traits, course = live(11, person, days)
        out.append((person, traits, course, presence(11, person, traits, course)))
    return out


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    return _lives(120)


def test_about_two_in_five_relapse(lives: list[Life]) -> None:
    short = np.mean([bool(c.relapses) for _, _, c, _ in lives])
    long = np.mean([bool(c.relapses) for _, _, c, _ in _lives(180)])
    assert 0.27 < short < 0.42
    assert 0.36 < long < 0.50
    assert short < long


def test_a_relapse_comes_on_over_weeks(lives: list[Life]) -> None:
    found = [(r, c) for _, _, c, _ in lives for r in c.relapses]
    for relapse, course in found:
        assert 6 <= relapse.onset - relapse.prodrome <= 14  # half of 15 to 23 days
        assert relapse.prodrome < relapse.onset < relapse.end
        assert course.regime[relapse.onset] >= 0.5 > course.regime[relapse.onset - 1]
        assert (course.regime[relapse.onset : relapse.end] >= 0.5).all()


def test_an_episode_of_the_first_day_is_no_relapse() -> None:
    regime = np.concatenate([np.ones(10), np.zeros(20), np.linspace(0, 1, 11)])
    found = relapses_in(regime, starts_ill=True)
    assert [(r.prodrome, r.onset, r.end) for r in found] == [(31, 35, 41)]


def test_questionnaires_see_relapses_on_average(lives: list[Life]) -> None:
    inside, outside, crossings = [], [], []
    for _, _, course, _ in lives:
        for relapse in course.relapses:
            scores = [
                sum(items)
                for day, items in course.questionnaires
                if relapse.onset <= day < relapse.end
            ]
            if scores:
                crossings.append(max(scores) >= 10)
        for day, items in course.questionnaires:
            if any(r.onset <= day < r.end for r in course.relapses):
                inside.append(sum(items))
            elif course.regime[day] == 0:
                outside.append(sum(items))
    assert np.mean(inside) > 11
    assert np.mean(outside) < 6.5
    assert np.mean(crossings) > 0.8
    assert np.mean(np.array(outside) >= 10) < 0.05


def test_item_nine_is_rare_and_tied_to_severity(lives: list[Life]) -> None:
    asked = [(c.severity[d], a[8]) for _, _, c, _ in lives for d, a in c.questionnaires]
    severity, ninth = np.array(asked).T
    assert 0.02 < np.mean(ninth > 0) < 0.15
    assert np.mean(ninth[severity > 14] > 0) > 5 * np.mean(ninth[severity < 7] > 0)


def test_people_vanish_when_they_relapse(lives: list[Life]) -> None:
    ill_worn, well_worn, ill_phone, well_phone = [], [], [], []
    for person, _, course, here in lives:
        if person.monitored_until is not None:
            continue
        ill = course.regime >= 0.5
        ill_worn.append(here.wearable[ill])
        well_worn.append(here.wearable[course.regime == 0])
        ill_phone.append(here.phone[ill])
        well_phone.append(here.phone[course.regime == 0])
    assert np.concatenate(ill_worn).mean() < np.concatenate(well_worn).mean() - 0.08
    assert np.concatenate(ill_phone).mean() < np.concatenate(well_phone).mean() - 0.04


def test_people_miss_visits_when_they_relapse(lives: list[Life]) -> None:
    kept = {True: 0, False: 0}
    planned = {True: 0, False: 0}
    for _, _, course, _ in lives:
        for days, came in ((course.visits, 1), (course.missed_visits, 0)):
            for day in days:
                ill = bool(course.regime[day] >= 0.5)
                kept[ill] += came
                planned[ill] += 1
    assert kept[True] / planned[True] < kept[False] / planned[False] - 0.1


def test_treatment_effects_differ_and_follow_covariates_in_part(lives: list[Life]) -> None:
    anxious = np.array([t.covariates.anxiety for _, t, _, _ in lives])
    sleepless = np.array([t.covariates.insomnia for _, t, _, _ in lives])
    effects = {k: np.array([t.effects[k] for _, t, _, _ in lives]) for k in KINDS}
    for gain in effects.values():
        assert 1.5 < gain.mean() < 4
        assert gain.std() > 0.9
    assert effects["mirtazapine"][sleepless].mean() > effects["mirtazapine"][~sleepless].mean() + 1
    assert effects["bupropion"][anxious].mean() < effects["bupropion"][~anxious].mean() - 1


def test_treatments_do_not_overlap_and_drugs_are_of_their_kind(lives: list[Life]) -> None:
    for _, _, course, _ in lives:
        for before, after in zip(course.treatments, course.treatments[1:], strict=False):
            assert before.end == after.start
        for treatment in course.treatments:
            assert treatment.start < treatment.end
            assert (treatment.drug is None) == (treatment.kind == "cbt")
            assert treatment.drug is None or treatment.drug.kind == treatment.kind
    assert len({drug.rxnorm for drug in DRUGS}) == len(DRUGS)


def test_which_behaviours_change_differs_by_person(lives: list[Life]) -> None:
    for name in BEHAVIOURS:
        moved = np.mean([t.behaviour[name] != 0 for _, t, _, _ in lives])
        assert 0.68 < moved < 0.88
    assert len({tuple(t.behaviour.items()) for _, t, _, _ in lives}) == PEOPLE


def test_admissions_lie_within_relapses(lives: list[Life]) -> None:
    stays = [(a, c) for _, _, c, _ in lives for a in c.admissions]
    assert len(stays) >= 3
    for (begin, end), course in stays:
        assert any(r.onset < begin < end <= r.end for r in course.relapses)


def test_some_withhold_and_some_withdraw(lives: list[Life]) -> None:
    until = [p.monitored_until for p, _, _, _ in lives]
    assert 0.02 < np.mean([u == -1 for u in until]) < 0.1
    assert 0.005 < np.mean([u is not None and u > 0 for u in until]) < 0.08
    for (_, _, _, here), end in zip(lives, until, strict=True):
        if end is not None:
            assert not here.phone[max(end, 0) + 3 :].any()
    research = [p for p, _, _, _ in lives if any("research" in c.purposes for c in p.consents)]
    assert 0.75 < len(research) / PEOPLE < 0.95


def test_a_longer_study_has_the_same_people() -> None:
    for index in range(5):
        short, long = (draw_person(11, index, FULL, START, days) for days in (60, 200))
        assert short.identity == long.identity
        assert short.routine == long.routine
