"""The sentences of the report that do not depend on the figures."""

from typing import TYPE_CHECKING, Final

import numpy as np

from euthymia.evaluation.estimate import Estimate

if TYPE_CHECKING:
    from euthymia.models.train import Results

WATERMARK: Final = "SIMULATED DATA: not about any patient"
SYNTHETIC: Final = (
    "The data come from a simulator. The figures show that the chain works and say nothing about"
    " how well it would do with real patients."
)
NOT_EXTERNAL: Final = (
    "Not externally tested: no site could be left out, so nothing here says how the model would do"
    " at another place."
)


def elsewhere(auc: Estimate) -> str:
    """Say that a model is not shown to tell anything at sites it had not seen; empty if it is."""
    if auc.low > 0.5:
        return ""
    return (
        "At sites it had not seen the model is not shown to be better than chance: AUC"
        f" {auc.estimate:.2f} ({auc.low:.2f} to {auc.high:.2f})."
    )


METRICS: Final = {
    "auc": "AUC (pairs in the right order)",
    "auprc": "Average precision",
    "brier": "Brier score (lower is better)",
    "log_loss": "Log loss (lower is better)",
    "calibration_in_the_large": "Calibration in the large (0 is perfect)",
    "calibration_slope": "Calibration slope (1 is perfect)",
    "ici": "Integrated calibration index (0 is perfect)",
    "e50": "Half of predictions are off by less than this",
    "e90": "Nine tenths of predictions are off by less than this",
    "ece": "Expected calibration error, 10 bins (0 is perfect)",
    "net_benefit": "Net benefit at the decision threshold",
    "net_benefit_gain": "… over the better of everybody and nobody",
    "ppv": "PPV at the decision threshold",
    "sensitivity": "Sensitivity at the decision threshold",
    "number_needed_to_evaluate": "Number needed to evaluate at the decision threshold",
    "ppv_at_workload": "PPV at the workload",
    "sensitivity_at_workload": "Sensitivity at the workload",
    "number_needed_to_evaluate_at_workload": "Number needed to evaluate at the workload",
    "c_index": "C-index (pairs in the right order over the whole follow-up)",
    "c_index_new_site": "C-index at sites left out",
    "auc_new_site": "AUC at sites left out",
}


def workload(share: float) -> str:
    """Say what the workload is, and what its figures would be by chance."""
    return (
        f"The workload: the clinic looks at the {share:g} of 100 index dates with the highest"
        " predictions. The number needed to evaluate is how many are looked at for each who has"
        " the outcome. By chance PPV is the prevalence, and sensitivity the share looked at. Left"
        " out are figures of fewer than ten people."
    )


HOW_JUDGED: Final = (
    "Five folds by person, repeated twice; penalty, feature set and recalibration are chosen"
    " anew inside each training part. AUCs compare rows of the same fold only, as predictions of"
    " different folds come from different models. Intervals resample people (BCa). Chance is"
    " 0.5 for an AUC and otherwise what predicting the prevalence for everybody scores; for net"
    " benefit, the better of acting on everybody and on nobody. Figures of calibration have none."
)
ROC: Final = (
    "ROC curves of the held-out predictions of each fold, averaged by their pairs, with a pointwise"
    " 95 % band; the area is the AUC above. The dot counts all folds together."
)
CALIBRATION: Final = (
    "Points: tenths of the predictions with 95 % intervals. Line: spline logistic fit. Bars: how"
    " many predictions."
)
DECISION: Final = (
    "Net benefit with 95 % band. Acting on the model is worth it where its line is the highest;"
    " the dotted line is the threshold fixed before training."
)
CONFOUNDS: Final = (
    "Each variable alone, fitted and judged on different people (5 folds by person, 8 repeats,"
    " pairs within a fold). A variable is as good as the model where its family-wise p-value (199"
    " shuffles of labels between people) is at most 0.05 and its interval reaches the model's. It"
    " explains the model unless, among rows alike in it, the model's interval still lies above 0.5."
)
MEMBERSHIP: Final = (
    "Membership inference by likelihood ratio (LiRA, Carlini et al. 2022) on ten refits to random"
    " halves of the people; intervals by person. It was fitted without noise, so it stays inside"
    " the clinic whatever the attack finds: a better one may find more."
)
SITES: Final = (
    "Internal-external validation: tuned, fitted and recalibrated on all other sites. AUCs compare"
    " rows that were left out together only. Sites of fewer than 10 people, and those where one"
    " outcome only was seen, are judged with the others and not shown alone."
)
CONFORMAL: Final = (
    "Class-conditional conformal sets: calibrated on held-out predictions of other groups, among"
    " those with and those without the outcome apart; all rows of a person have one vote. One"
    " outcome in the set is a definite answer, both or none is none. The check holds for people who"
    " are like these; where they differ, it must be made anew."
)
GROUPS: Final = (
    "Calibration in the large above 0 means that the group's risk is underestimated. Groups of"
    " fewer than 10 people are hidden, and another where one could be found by subtraction; so is"
    " a count of fewer than 10 people with the outcome."
)
SELF_AUDIT: Final = (
    "Answers are made of what was run, not typed in. What no run can know is left to people. Items"
    " in our own words, after Collins et al. 2024, doi:10.1136/bmj-2023-078378, and Moons et al."
    " 2025, doi:10.1136/bmj-2024-082505."
)
ONE_ROW: Final = "One row a person: a split of rows is a split of people, so nothing can leak."
METHODS: Final = (
    "AUC: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747.",
    "Calibration: Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7.",
    "Calibration index: Austin & Steyerberg 2019, doi:10.1002/sim.8281.",
    "Net benefit: Vickers & Elkin 2006, doi:10.1177/0272989X06295361.",
    "Sites left out: Steyerberg & Harrell 2016, doi:10.1016/j.jclinepi.2015.04.005.",
    "Mean over sites: Debray et al. 2017, doi:10.1136/bmj.i6460.",
    "Intervals: Efron 1987, doi:10.2307/2289144. Shuffled labels: Ojala & Garriga 2010, JMLR 11.",
)


def methods(results: "Results") -> tuple[str, ...]:
    """Return how it was done, the estimator's part first."""
    model = results.model
    return (*model.methods, f"Interval of a single probability: {model.interval}", *METHODS)


def abstains(coverage: float, age_hours: float) -> str:
    """Return when a model of the task gives no answer."""
    cases = ["more than a tenth of the values lie beyond anything seen in training"]
    if np.isfinite(age_hours):
        cases.insert(0, f"the newest data are older than {age_hours / 24:g} days")
    if coverage > 0:
        cases.insert(0, f"data cover less than {coverage:.0%} of the days looked back on")
    listed = cases[0] if len(cases) == 1 else f"{', '.join(cases[:-1])}, or {cases[-1]}"
    return f"Where {listed}."


def limits(results: "Results") -> tuple[str, ...]:
    """Return what the figures do not show, in words."""
    people = np.unique(results.frame.person).size
    having = np.unique(results.frame.person[results.frame.y == 1]).size
    found = [
        (
            f"{having} of {people} people had the outcome. Intervals say how far other people of"
            " the same kind could move the figures; not what another clinic, year or device would"
            " do."
        ),
        "Intervals hold the predictions fixed: how much the fit itself would change is left out.",
        (
            "The confound audit tries each listed variable alone. Combinations, and what nobody"
            " recorded, are not ruled out."
        ),
        "Nobody has yet acted on these predictions: whether acting helps is another question.",
    ]
    if having < 100 or people - having < 100:
        found.append(
            "Fewer than 100 people with (or without) the outcome: calibration cannot be judged with"
            " any precision (Collins et al. 2016, doi:10.1002/sim.6787)."
        )
    if results.synthetic:
        found.append(SYNTHETIC)
    return tuple(found)
