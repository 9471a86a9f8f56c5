"""Who will think of suicide within two years of a detoxification.

For the HELP trial (HELPfull of the R package mosaicData): an interview at the start and about every
six months.

Why each choice, made before any model was fitted: the predictors are those that meta-analyses of
risk name first (earlier thoughts and attempts, depression, mental health, abuse, support, housing;
Franklin et al. 2017, doi:10.1037/bul0000084), as one interview measures them. Race and sex are no
predictors: they are groups in which the model must do equally well. Any interview counts, so how
often somebody came is asked in the confound audit.
"""

from typing import Final

from euthymia.models.tasks.table import Predictor, TableTask, levels

_THOUGHTS: Final = (
    Predictor("thoughts", "Thoughts of suicide at the start", "1", 0, 1, "G1B @ 0"),
    Predictor("attempt", "Ever attempted suicide", "1", 0, 1, "G1D @ 0"),
)
_MOOD: Final = (
    Predictor("cesd", "CES-D at the start", "{score}", 0, 60, "CES_D @ 0"),
    Predictor("mcs", "SF-36 mental health summary", "{score}", 0, 100, "MCS @ 0"),
    Predictor("depressed", "Serious depression", "1", 0, 1, "G1A @ 0"),
    Predictor("anxious", "Serious anxiety", "1", 0, 1, "G1C @ 0"),
)
_LIFE: Final = (
    Predictor("pcs", "SF-36 physical health summary", "{score}", 0, 100, "PCS @ 0"),
    Predictor("friends", "Support from friends", "{score}", 0, 14, "PSS_FR @ 0"),
    Predictor("family", "Support from family", "{score}", 0, 14, "PSS_FA @ 0"),
    Predictor("physical-abuse", "Ever physically abused", "1", 0, 1, "PHYABUSE @ 0"),
    Predictor("sexual-abuse", "Ever sexually abused", "1", 0, 1, "SEXABUSE @ 0"),
    Predictor("homeless", "Homeless", "1", 0, 1, "HOMELESS @ 0"),
    Predictor("age", "Age", "a", 18, 100, "AGE @ 0"),
    Predictor("drug-risk", "Harm from alcohol and drugs", "{score}", 0, 45, "INDTOT @ 0"),
    *levels("substance", "First substance", "PRIM_SUB", {"2": "cocaine", "3": "heroin"}),
)


def _names(*parts: tuple[Predictor, ...]) -> tuple[str, ...]:
    return tuple(spec.name for part in parts for spec in part)


TASK = TableTask(
    name="trial-help-suicidal-thoughts",
    title="Thoughts of suicide within two years of detoxification",
    outcome="Serious thoughts of suicide at any interview of months 6 to 24.",
    population="Adults after a residential detoxification.",
    index_dates="One a person: the first interview.",
    lookback_days=0,
    horizon_days=730,
    censoring="People without a later interview that asked are left out and counted.",
    intended_use="To offer those at higher risk a conversation about safety, and a safety plan.",
    not_for=(
        "deciding that somebody is safe: nobody is told so by a low number",
        "refusing, ending or rationing care, insurance or employment",
        "admission or treatment against a person's will",
    ),
    threshold=0.2,
    threshold_rule="0.20: a conversation with five people to reach one is worth the time.",
    features=(*_THOUGHTS, *_MOOD, *_LIFE),
    feature_sets={
        "thoughts": _names(_THOUGHTS),
        "thoughts and mood": _names(_THOUGHTS, _MOOD),
        "thoughts, mood and life": _names(_THOUGHTS, _MOOD, _LIFE),
    },
    baselines={"thoughts at the start alone": ("thoughts",), "CES-D alone": ("cesd",)},
    person="ID",
    visit="TIME",
    days={"0": 0.0, "6": 183.0, "12": 365.0, "18": 548.0, "24": 730.0},
    index_day=0,
    label="any(G1B @ (6, 12, 18, 24))",
    groups={
        "race": 'words(RACE, {1: "Black", 2: "white", 3: "Hispanic", 4: "other"})',
        "sex": 'words(A1, {1: "men", 2: "women"})',
        "age band": "band(AGE @ 0, 30, 40)",
    },
    metadata={
        "later interviews": "known(G1B @ (6, 12, 18, 24))",
        "arm": "GROUP",
    },
)
