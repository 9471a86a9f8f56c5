"""Does a person on duloxetine or placebo respond: before the first weeks, and after two.

For the trial of the R package rbmi (HAMD-17 at visits 4 to 7, about days 7, 14, 28 and 42).

Why each choice, made before any model was fitted: response is a fall of the HAMD-17 by half, the
convention since Frank et al. 1991; judged at the last visit of weeks 4 and 6, as who left early
left for a reason. The two patient-rated improvements go with the two scores, as a person's own
word (PGI-I) holds what the scale does not ask.
"""

from typing import Final

from euthymia.models.tasks.table import Predictor, Rule, TableTask

_DAYS: Final = {"4": 7.0, "5": 14.0, "6": 28.0, "7": 42.0}
_START: Final = ("baseline", "drug", "female")
_WEEK_1: Final = ("change.week1", "pgi.week1")
_WEEK_2: Final = ("change.week2", "pgi.week2")

TASK = TableTask(
    name="trial-duloxetine-response",
    title="Response to duloxetine or placebo",
    outcome="HAMD-17 at most half of its value at the start, at the last visit of weeks 4 and 6.",
    population="People with major depression in a placebo-controlled trial of duloxetine.",
    index_dates="One a person: day 14 of treatment.",
    lookback_days=14,
    horizon_days=28,
    censoring="People without a visit at week 4 or 6 are left out and counted.",
    intended_use="To decide with a person at week 2 whether to go on with the drug or to change.",
    not_for=("choosing a first drug", "ending treatment without offering another"),
    threshold=0.5,
    threshold_rule="0.50: going on is proposed where response is likelier than not.",
    features=(
        Predictor("baseline", "HAMD-17 at the start", "{score}", 0, 52, "BASVAL"),
        Predictor("drug", "Duloxetine", "1", 0, 1, 'THERAPY == "DRUG"'),
        Predictor("female", "Woman", "1", 0, 1, 'GENDER == "F"'),
        Predictor("change.week1", "HAMD-17 change, week 1", "{score}", -52, 52, "CHANGE @ 4"),
        Predictor("pgi.week1", "Own impression, week 1 (1 best)", "{score}", 1, 7, "PGIIMP @ 4"),
        Predictor("change.week2", "HAMD-17 change, week 2", "{score}", -52, 52, "CHANGE @ 5"),
        Predictor("pgi.week2", "Own impression, week 2 (1 best)", "{score}", 1, 7, "PGIIMP @ 5"),
    ),
    feature_sets={
        "start": _START,
        "start and week 1": (*_START, *_WEEK_1),
        "start and weeks 1, 2": (*_START, *_WEEK_1, *_WEEK_2),
    },
    baselines={"the start alone": _START},
    person="PATIENT",
    site="POOLINV",
    visit="VISIT",
    days=_DAYS,
    index_day=14,
    label="last(HAMDTL17 @ (6, 7)) <= 0.5 * BASVAL",
    groups={"sex": 'words(GENDER, {"F": "women", "M": "men"})', "arm": "THERAPY"},
    metadata={"site": "POOLINV", "visits by week 2": "known(HAMDTL17 @ (4, 5))"},
    rule=Rule(
        "20 % better at week 2",
        "CHANGE @ 5 <= -0.2 * BASVAL",
        "Szegedi et al. 2009, doi:10.4088/JCP.07m03780.",
    ),
    moments={"the start": 0, "week 1": 7, "week 2": 14},
)
