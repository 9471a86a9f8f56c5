"""Does a person on an antipsychotic respond in the end, from the first two weeks.

For the five risperidone trials of the R package Surrogate (changes of the PANSS total against
baseline, and whether that is a fall of 20 % or more, at weeks 1 to 8).

Why each choice, made before any model was fitted: the outcome is the last assessment of weeks 4 to
8, as those trials themselves judged (last observation carried forward), because leaving out who
left early would leave out failures. Somebody last seen by week 2 has no outcome after the
prediction and is censored. The change in points and the 20 % mark together say how ill the person
was at the start, which the table does not hold by itself.
"""

from typing import Final

from euthymia.models.tasks.table import Predictor, Rule, TableTask

_WEEKS: Final = {f"Week{w}{kind}": 7.0 * w for w in (1, 2, 4, 6, 8) for kind in ("", "_bin")}
_BETTER: Final = "at least 20 % better"

TASK = TableTask(
    name="trial-panss-response",
    title="Final response to an antipsychotic, from weeks 1 and 2",
    outcome="A fall of the PANSS total of 20 % or more at the last assessment of weeks 4 to 8.",
    population="People with schizophrenia in a trial of antipsychotics, assessed at week 2.",
    index_dates="One a person: day 14 of treatment.",
    lookback_days=14,
    horizon_days=42,
    censoring="People without any assessment at weeks 4 to 8 are left out and counted.",
    intended_use="To decide with a person at week 2 whether to go on with the drug or to change.",
    not_for=(
        "choosing a first drug",
        "ending treatment without offering another",
        "people whose first weeks were not assessed with the PANSS",
    ),
    threshold=0.5,
    threshold_rule="0.50: going on is proposed where response is likelier than not.",
    features=(
        Predictor("Week2", "PANSS change at week 2", "{score}", -180, 180),
        Predictor("Week2_bin", f"{_BETTER} at week 2", "1", 0, 1),
        Predictor("Week1", "PANSS change at week 1", "{score}", -180, 180),
        Predictor("Week1_bin", f"{_BETTER} at week 1", "1", 0, 1),
        Predictor("Treat", "Arm (risperidone 1, control -1)", "1", -1, 1),
    ),
    feature_sets={
        "week 2": ("Week2", "Week2_bin"),
        "weeks 1 and 2": ("Week2", "Week2_bin", "Week1", "Week1_bin"),
        "weeks 1 and 2, arm": ("Week2", "Week2_bin", "Week1", "Week1_bin", "Treat"),
    },
    baselines={"20 % better at week 2, alone": ("Week2_bin",), "the arm alone": ("Treat",)},
    person="Id",
    site="InvestId",
    days=_WEEKS,
    index_day=14,
    label="last(Week4_bin, Week6_bin, Week8_bin)",
    among="known(Week2)",
    groups={"arm": 'words(Treat, {1: "risperidone", -1: "control"})'},
    metadata={"weeks 1 and 2 both assessed": "known(Week1, Week2)", "site": "InvestId"},
    rule=Rule(
        "20 % better at week 2",
        "Week2_bin",
        "Leucht et al. 2007, doi:10.4088/JCP.v68n0303: less than 20 % at week 2 predicts failure.",
    ),
    moments={"week 1": 7, "week 2": 14},
)
