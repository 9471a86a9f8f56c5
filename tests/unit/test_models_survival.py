"""Times to an event: the shape of the risk, competing events, and their way through training."""

import dataclasses

import numpy as np
import pytest

import estimator_cases as cases
import models_data
from euthymia.evaluation.survival import at_horizon, concordance, incidence
from euthymia.evaluation.timed import harrell_c
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators import estimator
from euthymia.models.estimators.contract import Sample
from euthymia.models.estimators.survival import piece_ends
from euthymia.models.snapshot import frame_of, new_names, pack, pack_members, pack_rows
from euthymia.models.snapshot import unpack as unpack_snapshot
from euthymia.models.table_frame import table_frame
from euthymia.models.task_file import task_of
from euthymia.models.train import for_model, sample_of
from euthymia.models.validate import held_out, outer_splits

ALL = [("all", np.arange(cases.FEATURES))]
both = pytest.mark.parametrize("name", ["cox", "hazard"])


@both
def test_the_risk_rises_with_time_and_the_causes_never_add_up_to_more_than_one(name):
    fitted = cases.fitted(name)
    x = cases.sample(estimator(name), seed=3, people=80).x
    curve = fitted.curve(x)
    assert np.all(np.diff(curve, axis=1) >= 0)
    np.testing.assert_allclose(curve[:, -1], fitted.predict(x))
    assert fitted.levels.shape[0] == 2  # the event, and the competing one
    swapped = dataclasses.replace(
        fitted, levels=fitted.levels[::-1], coefficients=fitted.coefficients[::-1]
    )
    assert np.all(curve + swapped.curve(x) <= 1 + 1e-12)


@both
def test_without_features_the_risk_is_the_cumulative_incidence(name):
    """Competing events are not censoring: one less Kaplan-Meier would say clearly more."""
    model = estimator(name)
    rows = cases.sample(model, seed=2, people=1500, rows=1, signal=0.0)
    flat = dataclasses.replace(rows, x=np.ones((1500, 1)))
    made = model.fit(flat, [("all", np.arange(1))], seed=1, heads=0)
    at = np.array([cases.HORIZON])
    known = incidence(rows.time, rows.cause, at)[0]
    alone = incidence(rows.time, np.where(rows.cause == 1, 1, 0), at)[0]
    assert made.predict(flat.x[:1])[0] == pytest.approx(known, abs=0.012)
    assert alone > known + 0.02


@both
def test_a_sample_without_times_is_refused(name):
    rows = cases.sample(estimator(name), people=40)
    bare = Sample(rows.x, rows.y, rows.person)
    with pytest.raises(SchemaError, match="how long each row was followed"):
        estimator(name).fit(bare, ALL, seed=1)


def test_pieces_end_at_events_and_at_the_horizon():
    rows = cases.sample(estimator("cox"))
    ends = piece_ends(rows.time, rows.cause, cases.HORIZON)
    assert ends[-1] == cases.HORIZON
    assert np.all(np.diff(ends) > 0)
    assert set(ends[:-1]) <= set(rows.time[rows.cause == 1])
    assert piece_ends(rows.time, np.zeros_like(rows.cause), 50.0).tolist() == [50.0]


def test_concordance_is_that_of_one_event_where_none_competes():
    rng = np.random.default_rng(5)
    time = np.ceil(rng.exponential(30, 120))
    cause = (rng.random(120) < 0.7).astype(int)
    score, weights = np.round(rng.normal(size=120), 1), rng.integers(0, 3, (4, 120)).astype(float)
    ours = concordance(time, cause, score, weights, np.zeros(120, int))
    np.testing.assert_allclose(ours, harrell_c(time, cause.astype(float), score, weights))


def test_who_had_a_competing_event_stays_behind_all_who_had_the_event():
    time, cause = np.array([5.0, 2.0]), np.array([1, 2])
    once, alike = np.ones((1, 2)), np.zeros(2, int)
    assert concordance(time, cause, np.array([1.0, 0.0]), once, alike)[0] == 1.0
    assert np.isnan(concordance(time, np.array([1, 0]), np.array([1.0, 0.0]), once, alike)[0])


# -- on the way through training -------------------------------------------------------------------
@pytest.fixture
def timed():
    rows = cases.sample(estimator("cox"), people=60, rows=2)
    frame = models_data.frame(people=60, rows=2)
    label, _ = at_horizon(rows.time, rows.cause, cases.HORIZON)
    return dataclasses.replace(
        frame, x=rows.x, y=label, person=rows.person, time=rows.time, cause=rows.cause
    )


def _task(days=90):
    return dataclasses.replace(cases.tasks()[cases.TASK], horizon_days=days)


def test_only_those_whose_outcome_is_known_are_judged_and_stand_for_the_others(timed):
    sample = sample_of(_task(), timed)
    splits = outer_splits(sample, 1)
    found = held_out(sample, splits, [np.zeros(s.test.size) for s in splits])
    known = at_horizon(timed.time, timed.cause, 90)[1]
    assert 0 < known.sum() < known.size
    assert found.y.size == 2 * known.sum()
    assert np.all(found.weight >= 1)
    assert found.every[0].size == 2 * known.size


def test_a_binary_estimator_leaves_out_and_counts_who_was_lost(timed):
    kept = for_model(_task(), timed, estimator("logistic"))
    known = at_horizon(timed.time, timed.cause, 90)[1]
    assert kept.time is None
    assert kept.y.size == known.sum()
    assert kept.flow[-1][1] == (~known).sum()
    assert for_model(_task(), timed, estimator("cox")) is timed
    with pytest.raises(SchemaError, match="only says whether it came"):
        for_model(_task(0), timed, estimator("cox"))


class _Keys:
    def derive(self, label):
        return label.encode().ljust(32, b"0")[:32]


def test_a_snapshot_carries_the_times(timed):
    keys = _Keys()
    names = new_names(keys, "s", sorted(set(timed.person.tolist())))
    rows, members = (
        pack_rows(keys, "s", timed),
        pack_members(keys, "s", names, dict.fromkeys(names, 0)),
    )
    for frame, has in ((timed, True), (dataclasses.replace(timed, time=None, cause=None), False)):
        rows = pack_rows(keys, "s", frame)
        back = frame_of(keys, _opened(keys, members, rows))
        assert (back.time is not None) == has
        if has:
            np.testing.assert_array_equal(back.time, timed.time)
            np.testing.assert_array_equal(back.cause, timed.cause)


def _opened(keys, members, rows):
    from euthymia.models.snapshot import FORMAT, Manifest, digest

    manifest = Manifest(
        format=FORMAT, snapshot="s", task="t", schema_digest="", made_at="", people=1, offered=1,
        without_consent=0, rows=1, features=1, consent_basis="", ledger_entry="",
        rows_sha256=digest(rows), members_sha256=digest(members),
    )  # fmt: skip
    return unpack_snapshot(keys, pack(keys, manifest, members, rows))


FILE = {
    "name": "relapse",
    "horizon_days": 30,
    "follow_up": "days",
    "ended_by": "why",
    "features": ["age"],
    "estimator": "cox",
}


def test_a_task_file_can_ask_for_a_time():
    task = task_of(FILE, where="task.toml")
    table = {"days": [10.0, 40.0, 20.0, None], "why": [1, 0, 0, 1], "age": [30, 40, 50, 60]}
    frame = table_frame(task, table)
    assert frame.y.tolist() == [1, 0, 0]
    assert frame.time.tolist() == [10, 40, 20]
    told = {why: n for why, n, _ in frame.flow}
    assert told["of them followed for less than 30 days, no event seen"] == 1
    with pytest.raises(SchemaError, match="row 2: a follow-up lasts longer"):
        table_frame(task, {"days": [10.0, 0.0], "why": [1, 0], "age": [30, 40]})
    with pytest.raises(SchemaError, match="needs follow_up, ended_by and horizon_days"):
        task_of({**FILE, "horizon_days": 0}, where="task.toml")
