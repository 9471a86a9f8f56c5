"""Rank treatments for a patient from published evidence, preferences and contraindications.

Works on the first day, without a single local record: a network meta-analysis of each outcome of
the evidence; absolute risks from its own reference arms; a score that weighs responding against
what the patient wants to avoid. PETRUSHKA's tool did this, and fewer stopped their antidepressant
(17 against 27 %).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Estimate, Floats
from euthymia.evaluation.network import (
    Study,
    agreement,
    fit,
    p_scores,
    posterior,
    rank_shares,
    sides,
    sucra,
)
from euthymia.ground.errors import SchemaError
from euthymia.models.matching.evidence import GOOD, Evidence, Outcome, read_evidence
from euthymia.models.matching.evidence_layouts import IMPROVEMENT
from euthymia.models.matching.grade import funnel_p, grade
from euthymia.models.matching.ranking import Effect, Judged, Network, Option, Ranking
from euthymia.models.matching.wishes import (
    JUDGED_STEP,
    Pooled,
    Wishes,
    counted_wishes,
    scored,
    told_weights,
)

DRAWS: Final = 4000
BENEFITS: Final = ("response", IMPROVEMENT, "remission")
"""What counts as benefit: the first that the evidence has."""
SURE: Final = 0.95  # a preferred treatment comes first unless another is surely better


def rank(
    condition: str,
    *,
    evidence: Path | Sequence[Path],
    avoid: Sequence[str] = (),
    prefer: Sequence[str] = (),
    contraindicated: Sequence[str] = (),
    seed: int = 1,
) -> tuple[Ranking, ...]:
    """Return a ranking for each body of evidence on a condition, the one with most outcomes first.

    Treatments of different bodies were not compared with each other and are not ranked together.

    Parameters
    ----------
    condition : str
        Such as "depression".
    evidence : path or paths
        Files, or folders of files, in a layout that `euthymia.models.matching.evidence` names.
    avoid : sequence of str
        Outcomes or side effects, each with a weight where it is not 1: ``"weight_gain=2"``.
    prefer : sequence of str
        Outcomes that count more, or treatments that come first unless another is surely better.
    contraindicated : sequence of str
        Treatments that are taken off the list.

    Raises
    ------
    MissingError, SchemaError
        There is no evidence, or a name is in none of it.
    """
    paths = [evidence] if isinstance(evidence, Path) else list(evidence)
    bodies = [body for path in paths for body in read_evidence(path, condition)]
    _known(contraindicated, bodies, "contraindicated")
    bodies.sort(key=lambda b: (-len(b.outcomes), b.source))
    wishes = Wishes(tuple(avoid), tuple(prefer), tuple(contraindicated))
    return tuple(rank_network(body, wishes, seed=seed) for body in bodies)


def _known(names: Sequence[str], bodies: Sequence[Evidence], purpose: str) -> None:
    """Refuse a name that no body of evidence has: a contraindication must not fall silent."""
    known = sorted({t for body in bodies for t in body.treatments})
    low = {t.lower() for t in known}
    for name in names:
        if name.lower() not in low:
            raise SchemaError(
                f"--{purpose}: no evidence names such a treatment; it names {', '.join(known)}"
            )


def rank_network(
    evidence: Evidence, wishes: Wishes, *, seed: int = 1, draws: int = DRAWS
) -> Ranking:
    """Return the ranked treatments of one body of evidence.

    Raises
    ------
    SchemaError
        It has no outcome of benefit, nothing is left to rank, or a weight is no number.
    """
    pooled = {
        name: _pool(evidence, outcome, np.random.default_rng([seed, k]), draws)
        for k, (name, outcome) in enumerate(evidence.outcomes.items())
    }
    benefit = next((b for b in BENEFITS if b in pooled), None)
    if benefit is None:
        raise SchemaError(
            f"{evidence.source} has no outcome of benefit; one is called {', '.join(BENEFITS)}"
        )
    excluded = _named(wishes.contraindicated, evidence)
    counted = counted_wishes(wishes, pooled, benefit, evidence)
    liked = _named(wishes.prefer, evidence)
    options = [t for t in pooled[benefit].used if t not in excluded and not evidence.comparator(t)]
    if not options:
        raise SchemaError(f"nothing is left to rank in {evidence.source}")
    score = scored(pooled, benefit, counted, options)
    order = _ordered(score, options, liked)
    shares = rank_shares(score)
    area = sucra(shares) if len(options) > 1 else np.ones(1)
    listed = tuple(
        _option(evidence, pooled, options, place, k, score, shares, float(area[k]), benefit)
        for place, k in enumerate(order, 1)
    )
    first = pooled[benefit]
    return Ranking(
        source=evidence.source,
        citation=evidence.citation,
        condition=evidence.condition,
        reference=evidence.treatments[first.used[0]],
        benefit=benefit,
        unit=_unit(first),
        options=listed,
        excluded=tuple(evidence.treatments[t] for t in excluded),
        weights=told_weights(counted, benefit),
        unmet=tuple(counted.unmet),
        judged=tuple(
            Judged(wish, judged.weight, JUDGED_STEP, judged.source)
            for wish, judged in counted.judged.items()
        ),
        networks={name: p.network for name, p in pooled.items()},
        notes=(*evidence.notes, *_not_ranked(evidence, first, excluded)),
    )


def _unit(benefit: Pooled) -> str:
    if benefit.per_100 is None:
        return (
            f"{benefit.outcome.name} as {benefit.outcome.scale} against the reference;"
            " 1 in 100 with something to avoid takes 0.01 off"
        )
    words = {"response": "responders", "remission": "people who get well"}[benefit.outcome.name]
    return f"{words} in 100 more than the reference, less what is to be avoided"


def _not_ranked(evidence: Evidence, benefit: Pooled, excluded: Sequence[int]) -> list[str]:
    """Name treatments that the evidence has and the ranking cannot hold."""
    names = [
        name
        for k, name in enumerate(evidence.treatments)
        if k not in benefit.used and k not in excluded and not evidence.comparator(k)
    ]
    if not names:
        return []
    listed = ", ".join(names)
    why = f"no chain of trials that count {benefit.outcome.name} connects them with the others"
    return [f"not ranked: {listed}: {why}"]


def _pool(evidence: Evidence, outcome: Outcome, rng: np.random.Generator, draws: int) -> Pooled:
    used, studies = _largest(outcome.studies)
    found, agree = fit(studies, len(used)), agreement(studies, len(used))
    drawn = posterior(studies, len(used), draws=draws, rng=rng)
    side, asymmetry = sides(studies, found), funnel_p(studies)
    scores = p_scores(found, small_good=outcome.name not in GOOD)
    per_100 = _risks(outcome, drawn.effect) if used[0] == 0 else None
    effects = {}
    for k, treatment in enumerate(used):
        middle, low, high = np.quantile(drawn.effect[:, k], (0.5, 0.025, 0.975))
        another = drawn.effect[:, k] + drawn.tau * rng.standard_normal(draws)
        new = np.quantile(another, (0.025, 0.975))
        bias = [evidence.bias[s.name] for s in studies if k in s.arms and s.name in evidence.bias]
        rated = (
            None
            if k == 0
            else grade(
                k, (low, high), (new[0], new[1]), side, agree, bias, outcome.scale, asymmetry
            )
        )
        effects[treatment] = Effect(
            outcome.name,
            outcome.scale,
            Estimate(float(middle), float(low), float(high), 0.0),
            float(scores[k]),
            None if per_100 is None else _in_100(per_100[:, k]),
            sum(k in s.arms for s in studies),
            "reference" if rated is None else rated.grade,
            () if rated is None else rated.domains,
        )
    network = Network(
        trials=len(studies),
        people=outcome.people,
        treatments=len(used),
        tau2=found.tau2,
        tau_median=float(np.median(drawn.tau)),
        i2=found.i2,
        heterogeneity_q=agree.within_q,
        heterogeneity_p=agree.within_p,
        inconsistency_q=agree.random_q,
        inconsistency_p=agree.random_p,
        small_trials_p=None if np.isnan(asymmetry) else asymmetry,
        disagreeing_pairs=tuple(
            f"{evidence.treatments[used[s.first]]} and {evidence.treatments[used[s.second]]}"
            for s in side
            if s.p < 0.05
        ),
    )
    return Pooled(outcome, used, drawn.effect, per_100, network, effects)


def _largest(studies: Sequence[Study]) -> tuple[tuple[int, ...], list[Study]]:
    """Return the largest connected part of the network, its treatments numbered anew."""
    group: dict[int, int] = {}
    for study in studies:
        joined = {group.get(a, a) for a in study.arms}
        keep = min(joined)
        for a in study.arms:
            group.setdefault(a, keep)
        group = {a: keep if g in joined else g for a, g in group.items()}
    sizes: dict[int, int] = {}
    for study in studies:
        sizes[group[study.arms[0]]] = sizes.get(group[study.arms[0]], 0) + 1
    chosen = max(sorted(sizes), key=lambda g: sizes[g])
    used = tuple(sorted(a for a, g in group.items() if g == chosen))
    place = {a: k for k, a in enumerate(used)}
    kept = [
        Study(s.name, tuple(place[a] for a in s.arms), s.effect, s.covariance)
        for s in studies
        if group[s.arms[0]] == chosen
    ]
    return used, kept


def _risks(outcome: Outcome, effect: Floats) -> Floats | None:
    """Return how many in 100 have the outcome under each treatment, a row a draw."""
    if not outcome.controls or outcome.scale != "log odds ratio":
        return None
    events = sum(e for e, _ in outcome.controls)
    people = sum(n for _, n in outcome.controls)
    if not 0 < events < people:
        return None
    return np.asarray(100 / (1 + np.exp(-(np.log(events / (people - events)) + effect))))


def _in_100(risk: Floats) -> Estimate:
    middle, low, high = np.quantile(risk, (0.5, 0.025, 0.975))
    return Estimate(float(middle), float(low), float(high))


def _named(names: Sequence[str], evidence: Evidence) -> list[int]:
    """Return the treatments of these names that this evidence has."""
    low = [t.lower() for t in evidence.treatments]
    return [low.index(name.lower()) for name in names if name.lower() in low]


def _ordered(score: Floats, options: Sequence[int], liked: Sequence[int]) -> list[int]:
    """Return option numbers, best first; a preferred one leads unless another is surely better."""
    order = sorted(range(len(options)), key=lambda k: -float(np.median(score[:, k])))
    for treatment in reversed(liked):
        if treatment in options:
            own = options.index(treatment)
            beaten = max(float((score[:, k] > score[:, own]).mean()) for k in order)
            if beaten < SURE:
                order.remove(own)
                order.insert(0, own)
    return order


def _option(
    evidence: Evidence,
    pooled: Mapping[str, Pooled],
    options: Sequence[int],
    place: int,
    k: int,
    score: Floats,
    shares: Floats,
    area: float,
    benefit: str,
) -> Option:
    treatment = options[k]
    middle, low, high = np.quantile(score[:, k], (0.5, 0.025, 0.975))
    reach = np.cumsum(shares[k])
    effects = {name: p.effects[treatment] for name, p in pooled.items() if treatment in p.effects}
    return Option(
        rank=place,
        treatment=evidence.treatments[treatment],
        score=Estimate(float(middle), float(low), float(high)),
        rank_low=int(np.searchsorted(reach, 0.025) + 1),
        rank_high=min(len(options), int(np.searchsorted(reach, 0.975)) + 1),
        sucra=area,
        best=float(shares[k, 0]),
        grade=effects[benefit].grade,
        effects=effects,
        not_reported=tuple(n for n, p in pooled.items() if treatment not in p.effects),
    )
