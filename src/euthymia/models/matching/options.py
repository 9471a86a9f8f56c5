"""Treatment options as a patient's page shows them: words and numbers, nothing to compute.

Pure: from a ranking, and from the certificate of a rule or its refusal, to what is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from euthymia.evaluation.estimate import Estimate
from euthymia.models.matching.certificate import Certificate, Gain, Printed
from euthymia.models.matching.evidence import GOOD
from euthymia.models.matching.ranking import Effect, Option, Ranking
from euthymia.models.matching.wishes import by_reviews

SHOWN: Final = 5
_SAID: Final[Mapping[str, str]] = {
    "response": "get much better",
    "remission": "get well",
    "dropout": "stop the treatment",
    "dropout_adverse_events": "stop because of side effects",
    "adverse_events": "have some side effect",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One treatment: its place, what to expect of it, and how sure that is."""

    treatment: str
    place: int
    places: str
    expect: tuple[str, ...]
    grade: str
    because: tuple[str, ...]
    not_known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """The options of one body of evidence; those of two bodies were never compared."""

    heading: str
    source: str
    choices: tuple[Choice, ...]
    ruled_out: tuple[str, ...]
    not_considered: tuple[str, ...]
    judged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleShown:
    """Whether a rule that chooses by person may be used here; a refusal is shown as such."""

    certified: bool
    headline: str
    detail: str
    checks: tuple[tuple[str, bool, str], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """All that the page shows; `effects` and `treatments` are what wishes can be about."""

    condition: str
    bodies: tuple[Body, ...]
    rule: RuleShown
    effects: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()


def options(
    rankings: Sequence[Ranking],
    certificate: Certificate | Printed | None = None,
    *,
    shown: int = SHOWN,
) -> Options:
    """Return what a patient's page shows of rankings and of a certificate.

    Parameters
    ----------
    rankings : sequence of Ranking
        From `rank`, at least one.
    certificate : Certificate or Printed, optional
        From `certify`, or from `read_certificate`; without one no rule by person is offered.
    shown : int
        So many options of each body of evidence.
    """
    return Options(
        condition=rankings[0].condition,
        bodies=tuple(_body(ranking, shown) for ranking in rankings),
        rule=_rule(certificate),
        effects=tuple(sorted({_plain(n) for f in rankings for n in _to_avoid(f)})),
        treatments=tuple(sorted({t for f in rankings for t in _treatments(f)}, key=str.lower)),
    )


def _to_avoid(found: Ranking) -> set[str]:
    return {*found.networks, *by_reviews()} - GOOD


def _treatments(found: Ranking) -> tuple[str, ...]:
    return (*(option.treatment for option in found.options), *found.excluded)


def _plain(outcome: str) -> str:
    return outcome.replace("_", " ")


def _body(found: Ranking, shown: int) -> Body:
    net = found.networks[found.benefit]
    return Body(
        heading=f"{net.trials} trials with {net.people:,} people, against {found.reference}",
        source=found.citation,
        choices=tuple(_choice(option, found) for option in found.options[:shown]),
        ruled_out=found.excluded,
        not_considered=tuple(f"{u.wish}: {u.why}" for u in found.unmet),
        judged=tuple(f"{j.wish}: {j.source}" for j in found.judged),
    )


def _choice(option: Option, found: Ranking) -> Choice:
    named = [found.benefit, *(n for n in option.effects if n != found.benefit)]
    same = option.rank_low == option.rank_high
    count = len(found.options)
    effect = option.effects[found.benefit]
    return Choice(
        treatment=option.treatment,
        place=option.rank,
        places=f"place {option.rank_low} of {count}"
        if same
        else f"between place {option.rank_low} and {option.rank_high} of {count}",
        expect=tuple(_expect(name, option.effects[name]) for name in named),
        grade=option.grade,
        because=tuple(f"{d.name}: {d.said}" for d in effect.domains if d.level != "none"),
        not_known=option.not_reported,
    )


def _expect(name: str, effect: Effect) -> str:
    if effect.per_100 is None:
        return f"{name}: {_range(effect.effect, 2)} ({effect.scale})"
    words = _SAID.get(name, f"have {name.replace('_', ' ')}")
    return f"{_range(effect.per_100, 0)} in 100 {words}"


def _range(figure: Estimate | Gain, digits: int) -> str:
    return f"{figure.estimate:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"


def _rule(found: Certificate | Printed | None) -> RuleShown:
    if found is None:
        said = "No rule that chooses by person has been tested here"
        return RuleShown(False, said, "The options above are for everybody alike.", ())
    checks = tuple((c.name, c.met, c.said) for c in found.conditions)
    if found.certified:
        gain = _range(found.honest_gain, 2)
        said = f"Choosing by person is certified: it gains {gain} over {found.best_arm} for all"
        return RuleShown(True, said, found.why, checks)
    said = f"Choosing by person was refused: {found.best_arm} for everybody did as well"
    return RuleShown(False, said, found.why, checks)
