"""Certify an individual treatment rule, or refuse it.

A rule is learned from doubly robust scores by several learners, one of which is chosen inside each
training set. It is certified only if, on rows it has not seen, it gains over the single arm that
was best *in training*; if such a gain is rare when treatment has one effect for everybody
(re-randomised, main effects kept); if it does not lose at sites it has not seen; and if those it
puts first do gain more. All conditions must hold, so the chance of a false certificate is at most
that of the strictest one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.policy_value import (
    Mean,
    benefit_groups,
    benefit_slope,
    mean_by_person,
    people_needed,
    power_at,
    rate_by_fold,
)
from euthymia.evaluation.resample import people_of
from euthymia.ground.errors import SchemaError
from euthymia.models import tables
from euthymia.models.matching.certificate import (
    Arm,
    Certificate,
    Condition,
    Leaf,
    SiteGain,
    said,
)
from euthymia.models.matching.crossfit import fold_splits, judge, scores_of, site_splits
from euthymia.models.matching.forest import forest_gain
from euthymia.models.matching.learners import LEARNERS, Part, learn_all
from euthymia.models.matching.permute import Null, effect_null
from euthymia.models.matching.rule_words import rule_in_words
from euthymia.models.matching.trial import Trial, people_parts
from euthymia.models.matching.trial_table import Question, TrialTable, read_trial

FOLDS: Final = 5
REPEATS: Final = 3  # cross-fitting rounds that are averaged: the answer hangs less on the deal
PERMUTATIONS: Final = 99
FEWER: Final = 39  # where the plain interval holds no gain already: they only show how it looks
LEVEL: Final = 0.05
WORTHWHILE: Final = 0.1
"""The smallest gain worth a rule, in standard deviations of the outcome.

A third of what antidepressants gain over placebo (0.30; Cipriani et al. 2018,
doi:10.1016/S0140-6736(17)32802-7): less would not pay for asking, and explaining, more questions.
"""
FEWEST_SITES: Final = 20  # where treatment was given by site
MOST_SITES: Final = 12  # more sites are left out in so many groups


@dataclass(frozen=True, slots=True)
class _Rounds:
    """All cross-fitting rounds of one table, a row a round."""

    gain: Floats
    effect: Floats
    priority: Floats
    fold: Ints
    departs: Floats
    learner: tuple[str, ...]
    by_learner: dict[str, float]

    def most(self) -> str:
        """Return the learner that was chosen most often."""
        return max(sorted(set(self.learner)), key=self.learner.count)


def certify(
    frame: tables.Frame,
    *,
    outcome: str,
    treatment: str,
    better: Literal["higher", "lower"],
    site: str | None = None,
    covariates: Sequence[str] = (),
    person: str | None = None,
    propensity: str | float | None = None,
    positive: str | None = None,
    worthwhile: float = WORTHWHILE,
    tries: int = 1,
    forest: bool = False,
    seed: int = 1,
    where: str = "",
) -> Certificate:
    """Return the certificate of an individual treatment rule, or the refusal of one.

    Parameters
    ----------
    frame : path, frame or mapping
        See `euthymia.models.tables.read_frame`. One row a person, or several with `person`.
    outcome : str
        Numbers (or yes and no); missing ones are weighted for.
    treatment : str
        The arm that each row received, two to six.
    better : "higher" or "lower"
        Which outcomes are good.
    site, person : str, optional
        Each site is also left out in turn; rows of one person stay together.
    covariates : sequence of str
        What the rule may look at, measured before treatment; all other columns by default.
    propensity : float, str or None
        None: randomised, the arms' shares; a number: the chance of the second of two arms; a
        column of such chances; or "estimate".
    positive : str, optional
        The outcome's value that counts as 1, where it has words other than yes and no.
    worthwhile : float
        The smallest gain worth a rule [standard deviations of the outcome], for `needed_n`.
    tries : int
        How many questions are asked of these data (outcomes, sets of covariates): they share 5 %.
    forest : bool
        Compare with a causal forest (extra ``forest``); it is shown and decides nothing.

    Raises
    ------
    SchemaError
        The table cannot answer the question; column and rule are named.
    """
    if better not in {"higher", "lower"}:
        raise SchemaError("say whether higher or lower outcomes are better")
    if worthwhile <= 0 or tries < 1:
        raise SchemaError("the worthwhile gain must be above 0, and the tries at least 1")
    named = [n for n in (treatment, site, person) if n]
    table = tables.read_frame(frame, where=where, as_text=named)
    asked = Question(
        outcome, treatment, better, site, tuple(covariates), person, propensity, positive
    )
    read = read_trial(table, asked, where or "the table")
    rounds = _rounds(read.trial, seed)
    level = LEVEL / tries
    hopeful = _honest(rounds, read.trial.person).interval(1 - level)[0] > 0
    draws = max(PERMUTATIONS, int(np.ceil(2 / level))) if hopeful else FEWER
    null = effect_null(read.trial, read.site, draws=draws, folds=FOLDS, seed=seed)
    found = _decide(read, asked, rounds, null, worthwhile, level, seed)
    if not forest:
        return found
    beside = forest_gain(read.trial, folds=FOLDS, seed=seed)
    return replace(found, forest=beside.figure(1 - level))


def _rounds(trial: Trial, seed: int) -> _Rounds:
    shape = (REPEATS, trial.rows)
    gain, effect, priority = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    fold, departs = np.zeros(shape, np.int64), np.zeros(shape)
    chosen, compared = [], dict.fromkeys(LEARNERS, 0.0)
    for number in range(REPEATS):
        for k, split in enumerate(fold_splits(trial, FOLDS, seed + number)):
            found = judge(trial, split, compare=True)
            at = (number, found.rows)
            gain[at], effect[at] = found.gain[0], found.effect[0]
            priority[at], departs[at], fold[at] = found.priority[0], found.departs[0], k
            chosen.append(LEARNERS[int(found.learner[0])])
            for name, values in found.by_learner.items():
                compared[name] += float(values.sum()) / gain.size
    return _Rounds(gain, effect, priority, fold, departs, tuple(chosen), compared)


def _honest(rounds: _Rounds, person: Ints) -> Mean:
    """Return the gain averaged over rounds; its error is that of one round (they are alike)."""
    means = [mean_by_person(g, person) for g in rounds.gain]
    error = float(np.sqrt(np.mean([m.error**2 for m in means])))
    return Mean(float(np.mean([m.estimate for m in means])), error, means[0].people)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the decision rests on."""

    mean: Mean
    honest: Estimate
    p: float
    autoc: Estimate
    qini: Estimate
    slope: Estimate
    outside: Estimate | None
    sites: tuple[SiteGain, ...]


def _evidence(read: TrialTable, rounds: _Rounds, null: Null, level: float, seed: int) -> _Evidence:
    person = read.trial.person
    mean = _honest(rounds, person)
    reach = max(mean.interval(1 - level)[1] - mean.estimate, null.reach(level) * mean.error)
    autoc, qini = (
        rate_by_fold(
            rounds.effect,
            rounds.priority,
            rounds.fold,
            person,
            rng=np.random.default_rng(seed),
            target=target,
        )
        for target in ("AUTOC", "QINI")
    )
    outside, sites = _sites(read, seed)
    return _Evidence(
        mean=mean,
        honest=Estimate(mean.estimate, mean.estimate - reach, mean.estimate + reach, 0.0),
        p=null.p(mean.z()),
        autoc=autoc,
        qini=qini,
        slope=benefit_slope(rounds.effect[0], rounds.priority[0], rounds.fold[0], person),
        outside=outside,
        sites=sites,
    )


def _conditions(
    found: _Evidence, draws: int, level: float, why_not_outside: str, design: Condition
) -> tuple[Condition, ...]:
    """Return what must hold, all of it."""
    outside = found.outside
    return (
        Condition("honest gain", found.honest.low > 0, f"the honest gain is {said(found.honest)}"),
        Condition(
            "permutation",
            found.p <= level,
            f"so large a gain comes up by chance with p = {found.p:.3g}"
            f" ({draws} re-randomisations with one effect for everybody)",
        ),
        Condition(
            "leave site out",
            outside is None or outside.estimate >= 0,
            f"not externally tested: {why_not_outside}"
            if outside is None
            else f"at sites left out the gain is {said(outside)}",
        ),
        Condition("rank", found.autoc.low > 0, f"AUTOC is {said(found.autoc)}"),
        Condition("calibration", found.slope.low > 0, f"slope of benefit is {said(found.slope)}"),
        design,
    )


def _decide(
    read: TrialTable,
    asked: Question,
    rounds: _Rounds,
    null: Null,
    worthwhile: float,
    level: float,
    seed: int,
) -> Certificate:
    found = _evidence(read, rounds, null, level, seed)
    design = _design(read, asked)
    conditions = _conditions(found, null.z.size, level, _not_outside(read), design)
    rule, apparent, best, arms = _apparent(read, rounds)
    smallest = worthwhile * read.outcome_sd
    spread = _spread(found.mean, rounds, read.trial)
    people = read.people
    units = people_needed(spread, smallest, reach=null.reach(level))
    needed = int(np.ceil(units * people / found.mean.people))
    power = power_at(found.mean.people, spread, smallest, reach=null.reach(level))
    return Certificate(
        certified=all(c.met for c in conditions),
        honest_gain=found.honest,
        apparent_gain=apparent,
        best_arm=read.arms[best],
        needed_n=needed,
        why=_why(conditions, people, needed, power, worthwhile),
        conditions=conditions,
        permutation_p=found.p,
        permutations=null.z.size,
        leave_site_out=found.outside,
        sites=found.sites,
        autoc=found.autoc,
        qini=found.qini,
        calibration_slope=found.slope,
        calibration=benefit_groups(rounds.effect[0], rounds.priority[0], read.trial.person),
        learner=rounds.most(),
        learners=rounds.by_learner,
        forest=None,
        rule=rule,
        arms=arms,
        departs=float(rounds.departs.mean()),
        people=people,
        rows=read.trial.rows,
        outcome=asked.outcome,
        outcome_sd=read.outcome_sd,
        worthwhile=smallest,
        covariates=read.covariates,
        left_out=read.left_out,
        notes=read.notes,
        seed=seed,
    )


def _not_outside(read: TrialTable) -> str:
    """Say why no site could be left out, where none could."""
    if not read.sites:
        return "there is no site column"
    if len(read.sites) == 1:
        return "there is one site"
    return "without any one site too few would have had some arm"


def _design(read: TrialTable, asked: Question) -> Condition:
    """Say what speaks for or against the comparison of arms being fair."""
    against = _against_design(read)
    if against:
        return Condition("design", False, against)
    if read.trial.propensity is None:
        said = "not randomised: holds only if the covariates are all that drove treatment"
        return Condition("design", True, said)
    said = "by the chances given" if asked.propensity is not None else "arms are alike at baseline"
    return Condition("design", True, said)


def _against_design(read: TrialTable) -> str:
    """Return why the comparison of arms is not fair; empty where nothing speaks against it."""
    if read.suspect:
        named = ", ".join(read.suspect[:5])
        if read.trial.propensity is None:
            return f"{named} all but says which arm was given: nobody is there to compare with"
        return (
            f"arms differ in {named} more than randomisation allows: name covariates measured"
            " before treatment, or use --propensity estimate"
        )
    if read.cut_short:
        return (
            f"by the column {read.cut_short} some times were cut short, and a time cut short is no"
            " time to an event: give the outcome at a fixed time, missing where it is not known"
        )
    if read.determined:
        return (
            "covariates make up the outcome: some were measured with it, after treatment; name"
            " covariates measured before"
        )
    if read.clustered and len(read.sites) < FEWEST_SITES:
        return f"treatment was given by site, and {len(read.sites)} sites are too few to judge it"
    return ""


def _spread(mean: Mean, rounds: _Rounds, trial: Trial) -> float:
    """Return the standard deviation over people of what a rule gains.

    At least that of a rule that departs from the best arm for half of the people: one that hardly
    departs says nothing of the people needed for one that does.
    """
    own = mean.error * np.sqrt(mean.people)
    code, people = people_of(trial.person)
    effect = np.bincount(code, weights=rounds.effect[0]) / trial.rows * people
    return float(max(own, np.sqrt(0.5 * (effect**2).mean())))


def _sites(read: TrialTable, seed: int) -> tuple[Estimate | None, tuple[SiteGain, ...]]:
    """Return the gain at sites left out, all together and each."""
    if read.site is None:
        return None, ()
    site, names = read.site, read.sites
    if len(names) > MOST_SITES:
        site = people_parts(site, MOST_SITES, np.random.default_rng(seed))
        names = tuple(f"group {k + 1} of sites" for k in range(MOST_SITES))
    trial, found, gain = read.trial, [], np.full(read.trial.rows, np.nan)
    for split in site_splits(trial, site, seed):
        judged = judge(trial, split)
        gain[judged.rows] = judged.gain[0]
        mean = mean_by_person(judged.gain[0], trial.person[judged.rows])
        found.append(SiteGain(names[int(site[judged.rows[0]])], mean.people, mean.figure()))
    rows = np.flatnonzero(~np.isnan(gain))
    if not rows.size:
        return None, ()
    return mean_by_person(gain[rows], trial.person[rows]).figure(), tuple(found)


def _apparent(
    read: TrialTable, rounds: _Rounds
) -> tuple[tuple[Leaf, ...], float, int, tuple[Arm, ...]]:
    """Return the rule learned on all rows, its gain on those same rows, and the arms' values.

    The apparent gain is what one sees who judges a rule on the rows it was learned from: the
    highest of all learners'.
    """
    trial = read.trial
    rows = np.arange(trial.rows)
    scores = scores_of(trial, rows, rows)[0]
    best = int(scores.mean(axis=0).argmax())
    part = Part.of(trial, rows)
    rules = learn_all(trial, part, scores[None])
    gains = []
    for name in LEARNERS:
        arm = rules[name](rows)[0].argmax(axis=1)
        gains.append(float((scores[rows, arm] - scores[:, best]).mean()))
    arms = tuple(
        Arm(name, int((trial.arm[0] == a).sum()), _own_unit(scores[:, a], trial.person, read.sign))
        for a, name in enumerate(read.arms)
    )
    return rule_in_words(read, part, scores, rounds.most()), max(gains), best, arms


def _own_unit(scores: Floats, person: Ints, sign: float) -> Estimate:
    mean = mean_by_person(sign * scores, person)
    low, high = mean.interval()
    return Estimate(mean.estimate, low, high)


def _why(
    conditions: Sequence[Condition],
    people: int,
    needed: int,
    power: float,
    worthwhile: float,
) -> str:
    if all(c.met for c in conditions):
        return "certified: " + "; ".join(c.said for c in conditions)
    failed = "; ".join(c.said for c in conditions if not c.met)
    size = (
        f"about {needed:,} people would be needed to show a gain of {worthwhile:g} standard"
        f" deviations; here are {people:,} (power {power:.0%})"
    )
    return f"refused: {failed}. Give everybody the best single arm. {size[0].upper()}{size[1:]}."
