"""How long do people stay off drugs after a residential treatment: the UMARU IMPACT study.

For the rows of the R package quantreg (Hosmer, Lemeshow & May 2008, Applied Survival Analysis).

Why each choice, made before any model was fitted: the predictors are what was known at admission
(the length of stay, LEN.T and FRAC, comes after it and would be looking ahead); the horizon is half
a year, the longest planned stay that both sites offered; Cox regression, as the outcome is a time
and a fifth of the people did not return to drugs while they were followed. The site is not a
predictor: it is what is left out.
"""

from typing import Final

from euthymia.models.tasks.table import Predictor, TableTask, levels

_WHO: Final = ("AGE", "BECK", "NDT", "RACE")
_DRUGS: Final = ("HC=1", "HC=2", "HC=3", "IV=2", "IV=3")

TASK = TableTask(
    name="trial-uis-relapse",
    title="Return to drug use within half a year of admission",
    outcome="The first return to drug use within 180 days of admission, self-reported.",
    population="People admitted to residential drug treatment at two sites.",
    index_dates="One a person: admission.",
    lookback_days=0,
    horizon_days=180,
    censoring=(
        "Those lost to follow-up count up to the day they were last seen; being lost is taken to"
        " have nothing to do with the risk."
    ),
    intended_use="To judge times to relapse on a public trial, beside what others report of it.",
    not_for=("any patient: a trial of the 1990s in two programmes",),
    threshold=0.5,
    threshold_rule="0.50: more likely than not; no decision hangs on it.",
    features=(
        Predictor("AGE", "Age", "a", 15, 100),
        Predictor("BECK", "Beck depression score", "{score}", 0, 63),
        Predictor("NDT", "Earlier drug treatments", "1", 0, 100),
        Predictor("RACE", "Race: other than white", "1", 0, 1),
        *levels(
            "HC",
            "Drugs of the last three months",
            "HC",
            {"1": "heroin and cocaine", "2": "heroin only", "3": "cocaine only"},
        ),
        *levels("IV", "Injected drugs", "IV", {"2": "formerly", "3": "lately"}),
        Predictor("TREAT", "Assigned to the longer treatment", "1", 0, 1),
    ),
    feature_sets={"who and what": (*_WHO, *_DRUGS, "TREAT")},
    baselines={"earlier treatments alone": ("NDT",), "age alone": ("AGE",)},
    person="ID",
    site="SITE",
    follow_up="TIME",
    ended_by="CENSOR",
    groups={"race": "RACE", "age band": "band(AGE, 30, 40)"},
    metadata={"site": "SITE", "row of the file": "rownames"},
    estimator="cox",
)
