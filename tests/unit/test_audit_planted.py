"""Leaks, look-ahead, copies and confounds that were planted are found, and honest tables pass."""

import numpy as np
import pyarrow as pa
import pytest

from audit_tables import changing, honest, made_ready
from euthymia.evaluation.duplicates import suspected_copies
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.probe import row_split_inflation
from euthymia.ground.errors import SchemaError
from euthymia.models.audits import ahead, leaks, places
from euthymia.models.audits import audit as run_audit
from euthymia.models.audits.columns import Column, code_for_unknown, design
from euthymia.models.audits.signs import measurements, signs
from euthymia.models.plain_task import plain_task


def _columns(findings, kind):
    return {c for f in findings if f.kind == kind for c in f.columns}


# -- the whole audit -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def clean():
    table, _, _ = honest(80, 2)
    return run_audit(table, outcome="ill", person="pid")


def test_an_honest_table_is_only_told_to_split_by_person(clean):
    assert {f.kind for f in clean.findings} <= {"row_split", "constant_outcome", "site"}
    assert clean.model.low > 0.5
    assert clean.outcome["constant_within_person"]


@pytest.fixture(scope="module")
def rotten():
    """Ill people start in winter, stay longer, stand first in the file; a column is the outcome."""
    table, who, rng = honest(70, 4)
    ill = table["ill"]
    month = np.where(ill == 1, rng.integers(1, 4, 70)[who], rng.integers(5, 9, 70)[who])
    table["visit"] = np.array([f"2021-{m:02d}-{1 + i % 4:02d}" for i, m in enumerate(month)])
    table["code"] = np.where(ill == 1, 7.0, 3.0) + rng.normal(0, 0.2, who.size)
    kept = (ill == 1) | (np.arange(who.size) % 4 < rng.integers(1, 3, 70)[who])
    order = np.argsort(-ill[kept], kind="stable")
    return run_audit({k: v[kept][order] for k, v in table.items()}, outcome="ill", person="pid")


def test_what_was_planted_is_named(rotten):
    assert rotten.verdict == "not evidence until mended"
    alone = {a.row.variable: a.row.auc.estimate for a in rotten.confounds if a.row.auc}
    assert alone["start (visit): month"] > 0.9
    assert alone["rows per person"] > 0.9
    assert alone["order of people in the file"] > 0.9
    assert _columns(rotten.findings, "leak") == {"code"}
    said = " ".join(f.words for f in rotten.findings if f.kind == "confound")
    assert "month" in said
    assert "rows per person" in said


def test_json_is_one_plain_object(rotten):
    import json

    found = json.loads(json.dumps(rotten.to_json(), allow_nan=False))
    assert found["row_split"]["inflation"].keys() == {"estimate", "low", "high", "chance"}
    assert {c["variable"] for c in found["confounds"]} >= {"rows per person", "order in the file"}
    assert "verdict: not evidence" in rotten.words()


def test_splitting_rows_flatters_where_rows_tell_who_it_is():
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(50), 5)
    x = rng.normal(size=(50, 5))[who] + 0.2 * rng.normal(size=(250, 5))
    y = rng.integers(0, 2, 50)[who].astype(float)
    memory = next(s for s in row_split_inflation(x, y, who, seed=1) if "neighbours" in s.model)
    assert memory.inflation.low > 0.2
    assert memory.by_person.low < 0.5 < memory.by_person.high
    gap = memory.by_row.estimate - memory.by_person.estimate
    assert memory.inflation.estimate == pytest.approx(gap)
    assert row_split_inflation(x[::5], y[::5], who[::5], seed=1) == ()


# -- leaks ---------------------------------------------------------------------------------------
def test_an_outcome_computed_from_two_columns_is_found():
    rng = np.random.default_rng(1)
    before, after = rng.normal(30, 6, 150), rng.normal(20, 7, 150)
    table = {
        "pid": np.arange(150),
        "ill": ((before - after) / before >= 0.5).astype(int),
        "before": before,
        "after": after,
        "age": rng.integers(20, 70, 150),
    }
    found = list(leaks.derived(made_ready(table), seed=1))
    assert [f.columns for f in found] in ([("before", "after")], [("after", "before")])


def test_a_column_that_few_have_makes_up_no_outcome_by_luck():
    rng = np.random.default_rng(1)
    table = {f"x{k}": rng.normal(size=400) for k in range(30)}
    table |= {"pid": np.arange(400), "ill": np.r_[1, np.zeros(11), np.arange(388) % 2]}
    table["rare"] = np.r_[rng.normal(size=12), np.full(388, np.nan)]
    assert list(leaks.derived(made_ready(table), seed=1)) == []


def test_two_columns_that_make_up_a_measured_outcome_are_found_in_few_people():
    before, change = np.random.default_rng(1).normal(size=(2, 24))
    table = {"pid": np.arange(24), "before": before, "after": before + change, "ill": change}
    found = [set(f.columns) for f in leaks.derived(made_ready(table), seed=1)]
    assert found == [{"before", "after"}]


@pytest.mark.parametrize("people", [24, 8])
def test_two_columns_that_few_have_make_up_the_outcome_in_a_narrow_table(people):
    rng = np.random.default_rng(2)
    rows = 24 // people
    pid = np.r_[np.repeat(np.arange(people), rows), np.arange(people, 300)]
    ill = np.arange(pid.size) % 2
    before, change = rng.normal(size=pid.size), (2 * ill - 1) * rng.uniform(0.1, 2, pid.size)
    known = np.arange(pid.size) < 24
    table = {"pid": pid, "ill": ill, "before": np.where(known, before, np.nan)}
    table["after"] = np.where(known, before + change, np.nan)
    found = [set(f.columns) for f in leaks.derived(made_ready(table), seed=1)]
    assert found == [{"before", "after"}]


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_the_outcome_of_the_few_who_have_a_column_is_found_in_it(share):
    rng = np.random.default_rng(3)
    ill, has = rng.integers(0, 2, 300), rng.random(300) < share
    table = {"pid": np.arange(300), "ill": ill, "x": rng.normal(size=300)}
    table["note"] = np.where(has, np.array(["calm", "worse"])[ill], "")
    table["code"] = np.where(has, ill + 0.1 * rng.normal(size=300), np.nan)
    table["fair"] = np.where(has, ill + rng.normal(size=300), np.nan)
    table["rare"] = np.r_[rng.permutation(ill[:8]) + 0.1 * ill[:8], np.full(292, np.nan)]
    found = run_audit(table, outcome="ill", person="pid")
    leaked = [f.columns for f in found.findings if (f.kind, f.weight) == ("leak", "stop")]
    assert sorted(leaked) == [("code",), ("note",)]


def test_what_is_only_there_with_the_outcome_is_known_for_it():
    table, _, _ = honest(120, 1)
    rng = np.random.default_rng(2)
    table["day_of_death"] = np.where(
        table["ill"] == 1, rng.integers(1, 29, len(table["ill"])), np.nan
    )
    assert list(leaks.known_after(made_ready(table))) == ["day_of_death"]


def test_honest_columns_do_not_make_up_the_outcome():
    table, _, _ = honest(120, 1)
    assert list(leaks.derived(made_ready(table), seed=1)) == []
    assert list(leaks.encoded(made_ready(table))) == []


@pytest.mark.parametrize("way", ["mean", "others", "shrunken"])
def test_target_encoding_is_found(way):
    table, _, rng = honest(300, 1)
    ward = rng.integers(0, 12, 300)
    y = table["ill"].astype(float)
    total, count = np.bincount(ward, weights=y)[ward], np.bincount(ward)[ward]
    table["ward_risk"] = {
        "mean": total / count,
        "others": (total - y) / (count - 1),
        "shrunken": (total + 10 * y.mean()) / (count + 10),
    }[way]
    table["ward"] = np.array([f"w{i}" for i in ward])
    assert _columns(leaks.encoded(made_ready(table)), "target_encoding") == {"ward_risk"}
    if way == "mean":
        del table["ward"]
        assert _columns(leaks.encoded(made_ready(table)), "target_encoding") == {"ward_risk"}


# -- look-ahead ----------------------------------------------------------------------------------
def _per_person(x, who, how):
    return np.concatenate([how(x[who == i]) for i in range(who.max() + 1)])


def _moved(part, by):
    out = np.full(part.size, np.nan)
    out[max(0, -by) : part.size - max(0, by)] = part[max(0, by) : part.size + min(0, by)]
    return out


@pytest.mark.parametrize(
    "how",
    [
        lambda part: _moved(part, 1),
        lambda part: (_moved(part, -1) + part + _moved(part, 1)) / 3,
        lambda part: np.full(part.size, part.mean()),
        lambda part: np.full(part.size, part.max()),
        lambda part: (part - part.mean()) / part.std(),
        lambda part: np.maximum.accumulate(part[::-1])[::-1],
        lambda part: np.cumsum(part[::-1])[::-1],
    ],
    ids=["next", "around", "mean", "largest", "standardised", "largest to come", "sum to come"],
)
def test_columns_made_from_later_rows_are_found(how):
    table, who, _ = changing()
    table["made"] = _per_person(table["x3"], who, how)
    assert _columns(ahead.ahead_of_time(made_ready(table)), "look_ahead") == {"made"}


@pytest.mark.parametrize(
    "how",
    [
        lambda part: _moved(part, -1),
        lambda part: (_moved(part, -2) + _moved(part, -1) + part) / 3,
        np.cumsum,
        lambda part: np.r_[0, np.cumsum(part)[:-1]],
        lambda part: np.r_[np.nan, np.diff(part)],
        lambda part: (_moved(part, -2) + _moved(part, -1)) / 2,
        np.maximum.accumulate,
    ],
    ids=[
        "last",
        "trailing mean",
        "sum so far",
        "sum before",
        "change",
        "mean of the two before",
        "largest so far",
    ],
)
def test_columns_made_from_earlier_rows_pass(how):
    table, who, _ = changing()
    table["made"] = _per_person(table["x3"], who, how)
    assert list(ahead.ahead_of_time(made_ready(table))) == []


def test_the_next_outcome_and_later_dates_are_found():
    table, who, _ = changing()
    table["soon"] = _per_person(table["ill"].astype(float), who, lambda part: _moved(part, 1))
    day = table["visit"].astype("datetime64[D]")
    table["discharged"] = (day + np.where(np.arange(day.size) % 4 == 0, 9, -3)).astype(str)
    made = made_ready(table, index_date="visit")
    found = [*ahead.ahead_of_time(made), *ahead.after_the_index_date(made)]
    assert _columns(found, "look_ahead") == {"soon", "discharged"}


# -- copies --------------------------------------------------------------------------------------
def _copied(table, who, names, noise, rng):
    """Return the table with some people's rows once more under new names."""
    rows = np.flatnonzero(np.isin(who, names))
    more = {k: np.concatenate([v, v[rows]]) for k, v in table.items()}
    more["pid"] = np.concatenate([table["pid"], np.char.add("Q", table["pid"][rows])])
    for k in ("x0", "x1", "x2", "x3", "x4"):
        more[k][-rows.size :] += rng.normal(0, noise, rows.size)
    return more


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("rows", [1, 4])
def test_people_under_two_names_are_found(noise, rows):
    table, who, rng = honest(100, rows)
    made = made_ready(_copied(table, who, [3, 50, 77], noise, rng))
    x, _ = design(measurements(made), made.people)
    found = suspected_copies(x, made.person, seed=1)
    pairs = {frozenset((made.names[c.first_row], made.names[c.second_row])) for c in found}
    named = {table["pid"][who == i][0] for i in (3, 50, 77)}
    assert pairs == {frozenset((n, "Q" + n)) for n in named}


@pytest.mark.parametrize("rows", [1, 4])
def test_different_people_are_not_taken_for_copies(rows):
    for seed in range(2):
        made = made_ready(honest(100, rows, seed=seed)[0])
        x, _ = design(measurements(made), made.people)
        assert suspected_copies(x, made.person, seed=1) == ()


def test_people_who_answer_alike_are_not_taken_for_copies():
    rng = np.random.default_rng(2)
    answers = rng.binomial(3, 0.2, (300, 9)).astype(float)
    assert suspected_copies(answers, np.arange(300), seed=1) == ()


# -- signs ---------------------------------------------------------------------------------------
def test_signs_are_found_by_themselves():
    table, _, rng = honest()
    table["device"] = np.array(["a", "b"])[rng.integers(0, 2, table["ill"].size)]
    table["x4"][rng.uniform(size=table["ill"].size) < 0.2] = np.nan
    names = {s.name: s.kind for s in signs(made_ready(table))}
    assert names["start (visit): month"] == "season"
    assert names["start (visit): weekday"] == "weekday"
    assert names["sex"] == "who people are"
    assert names["device"] == "named so"
    assert names["order in the file"] == "order"
    assert "pid: number" in names
    assert any("missing" in n for n in names)


def test_naming_features_does_not_hide_how_the_data_were_collected():
    table = honest()[0] | {"device": np.tile(["a", "b"], 200)}
    made = made_ready(table, features=("x0", "x1"))
    assert [c.name for c in measurements(made)] == ["x0", "x1"]
    assert {"device", "start (visit): month", "sex"} <= {s.name for s in signs(made)}
    assert "x3" not in {c.name for c in made.columns}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.r_[np.linspace(0, 27, 90), np.full(10, 99.0)], 99.0),
        (np.r_[np.linspace(0, 27, 90), np.full(10, -9.0)], -9.0),
        (np.r_[np.linspace(-3, 3, 90), np.full(10, 999.0)], 999.0),
        (np.r_[np.linspace(18, 97, 90), np.full(10, 99.0)], None),  # ages
        (np.r_[np.linspace(-20, 20, 90), np.full(10, -9.0)], None),  # changes of a score
        (np.r_[np.linspace(0, 27, 99), [99.0]], None),  # once: a slip, no code
        (np.r_[np.zeros(50), np.full(50, 99.0)], None),  # two values: no measurement
    ],
)
def test_numbers_that_stand_for_not_known_are_found(values, code):
    assert code_for_unknown(Column("x", "number", values)) == code


def test_a_code_for_not_known_is_a_gap_and_named():
    table, _, rng = honest(100, 1)
    table["x4"][(table["ill"] == 1) & (rng.uniform(size=100) < 0.8)] = 999.0
    found = run_audit(table, outcome="ill", person="pid")
    assert _columns(found.findings, "code") == {"x4"}
    alone = {a.row.variable: a.row for a in found.confounds}
    assert alone["x4 is missing"].p_value <= 0.05


# -- refusals ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "asked", "says"),
    [
        ({}, {"outcome": "il"}, "did you mean ill"),
        ({"ill": np.ones(400)}, {}, "the same in every row"),
        ({"ill": np.array(["a", "b", "c", "d"] * 100)}, {}, "--positive"),
        ({"pid": np.array([""] + ["p"] * 399)}, {}, "line 2, column pid"),
        ({"pid": np.repeat(["p", "q"], 200)}, {}, "too few people"),
        ({}, {"index_date": "x0"}, "column x0: holds no dates"),
    ],
)
def test_bad_input_is_refused_with_the_fix(change, asked, says):
    table = honest()[0] | change
    with pytest.raises(SchemaError, match=says):
        made_ready(table, **asked)


def test_many_near_copies_are_found_though_none_is_sure_alone():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 6))
    again = x[:50] + 0.12 * rng.normal(size=(50, 6))
    found = suspected_copies(np.vstack([x, again]), np.arange(350), seed=1)
    assert len(found) >= 10
    assert all(c.second_row == c.first_row + 300 for c in found)
    for seed in range(3):  # far values, and people of different spread: nobody is a copy
        own = np.exp(0.8 * rng.normal(size=(300, 1)))
        assert not suspected_copies(own * rng.normal(size=(300, 6)), np.arange(300), seed=seed)


def test_people_at_several_sites_are_told():
    found = places.Sites("site", 3, Estimate(0.6, 0.5, 0.7, 0.5), None, 0.5, at_several=4)
    [told] = places.about_sites(found, Estimate(0.6, 0.5, 0.7, 0.5))
    assert told.weight == "warn"
    assert "4 people have rows at more than one site" in told.words


@pytest.mark.parametrize("times", [1, 3])
def test_copies_are_found_where_most_rows_have_them(times):
    """The nearest row says nothing of how people lie where every row is there over again."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 8))
    again = [x + 0.02 * rng.normal(size=x.shape) for _ in range(times)]
    found = suspected_copies(np.vstack([x, *again]), np.arange(150 * (times + 1)), seed=1)
    assert len(found) >= 140 * times
    assert all((c.second_row - c.first_row) % 150 == 0 for c in found)
    assert not suspected_copies(x, np.arange(150), seed=1)


@pytest.mark.parametrize("usual", [np.nan, 0.0])
def test_people_of_whom_little_is_known_are_not_taken_for_copies(usual):
    """Two gaps, or two of a value that many have, are no place where two people lie near."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x = np.exp(rng.normal(size=(800, 4)))
        x[rng.random(x.shape) < 0.4] = usual
        assert not suspected_copies(x, np.arange(800), seed=1)


def _by_recruiter(within, seed=4):
    """Return a table of four recruiters, two measurements that shift with them, and an outcome."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 4, 400)
    ill = (rng.random(400) < np.array([0.1, 0.3, 0.5, 0.8])[who]).astype(int)
    return {
        "pid": np.arange(400),
        "colour": np.array(["red", "green", "blue", "white"])[who],
        "hrv": rng.normal(50 - 6 * who + within * ill, 8),
        "steps": rng.normal(300 + 40 * who, 60),
        "ill": ill,
    }


def test_a_site_under_a_harmless_name_is_found():
    found = run_audit(_by_recruiter(0), outcome="ill", person="pid")
    assert _columns(found.findings, "site") == {"colour"}
    assert "all other columns tell next to nothing" in found.words()
    # where others predict among the people of one group too, it is no more than a predictor
    assert not _columns(run_audit(_by_recruiter(8), outcome="ill").findings, "site")


@pytest.mark.parametrize(("within", "weight"), [(0.52, "stop"), (0.58, "warn")])
def test_a_site_refuses_only_where_the_model_is_lost_within_it(within, weight):
    inside = Estimate(within, within - 0.09, within + 0.09, 0.5)
    found = places.Sites("ward", 4, inside, None, 0.001)
    [told] = places.about_sites(found, Estimate(0.62, 0.55, 0.69, 0.5))
    assert told.weight == weight


def test_sites_and_groups_are_known_by_german_names():
    table = _by_recruiter(0)
    table = {"klinik" if k == "colour" else k: v for k, v in table.items()}
    table["geschlecht"] = np.array(["f", "m"])[np.arange(400) % 2]
    found = run_audit(table, outcome="ill", person="pid")
    assert found.sites.column == "klinik"
    assert [t.variable for t in found.fairness] == ["geschlecht"]
    task, _ = plain_task(pa.table(table), outcome="ill", person="pid")
    assert task.site == "klinik"
    assert set(task.groups) == {"sex"}
