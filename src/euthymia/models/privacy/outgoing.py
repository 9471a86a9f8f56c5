"""What of a model may leave the research zone, and which models may not leave at all.

A model that was fitted without noise can be asked who was in its training data: trees repeat
theirs outright, and even a regression of few people leans on each. Such models run inside the
clinic. What leaves is built here, field by field, from numbers that were released under a claim and
from what the task declares: no count, range, digest, name or figure of the training data.
"""

import math
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from scipy.special import ndtr, ndtri

from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.models.bundle import Bundle
from euthymia.models.estimators import estimators
from euthymia.models.estimators.contract import Column
from euthymia.models.export import MAX_BYTES, check_bytes
from euthymia.models.privacy.accountant import mu2_of

MAGIC: Final = b"EUTHOUT1"
FORMAT: Final = 1
MOST_EPSILON: Final = 3.0
"""With more, one person's rows may multiply the odds of a conclusion by more than twenty."""
MOST_FOUND: Final = 0.015
"""Members found at 1 % false positives, of an attack or (at best) by the claim."""
_RATE: Final = 0.01
_SIGNATURE_BYTES: Final = 64
MOST_BYTES: Final = MAX_BYTES + (4 << 20)
"""Of a file: a graph, and what is said of it."""
_DECLARED: Final = (
    "title",
    "outcome",
    "population",
    "index_dates",
    "lookback_days",
    "horizon_days",
    "censoring",
    "intended_use",
    "not_for",
    "threshold",
    "threshold_rule",
    "interval",
    "estimator",
    "features_chosen",
    "synthetic",
    "differential_privacy",
)
"""Of the card: what the task declares, and what was paid for."""


class Feature(msgspec.Struct, frozen=True):
    """A feature and its declared range."""

    name: str
    title: str
    unit: str
    low: float | None
    high: float | None


class Outgoing(msgspec.Struct, frozen=True):
    """A model as it leaves."""

    format: int
    name: str
    version: int
    task: str
    schema_digest: str
    onnx: bytes
    features: tuple[Feature, ...]
    columns: tuple[Column, ...]
    horizon_days: int
    threshold: float
    min_coverage: float
    max_data_age_hours: float | None
    families: dict[str, str]
    card: dict[str, Any]
    synthetic: bool


def found_at_best(epsilon: float, delta: float) -> float:
    """Return the share of members that any attack can find at 1 % false positives.

    Gaussian DP: Phi(Phi^-1(rate) + mu) (Dong, Roth & Su 2022, section 2).
    """
    return float(ndtr(ndtri(_RATE) + math.sqrt(mu2_of(epsilon, delta))))


def kept_inside(bundle: Bundle) -> str:
    """Return why a model must not leave; empty if it may."""
    claim = bundle.card.get("differential_privacy")
    if not isinstance(claim, dict):
        known = estimators().get(bundle.estimator)
        trees = known is not None and known.memorises
        how = "its trees repeat their training data" if trees else "its coefficients lean on each"
        return (
            f"it was fitted without noise, and {how}: whoever has the file can ask it who was in"
            " the training data. It runs inside the clinic; for others train it with --private"
            " --epsilon E"
        )
    epsilon, delta = float(claim["epsilon"]), float(claim["delta"])
    if epsilon > MOST_EPSILON:
        return f"its epsilon {epsilon:.3g} is above {MOST_EPSILON:g}: train it with a smaller one"
    member = claim["membership"]
    if float(member["epsilon_proved"]) > epsilon:
        return "an attack proves more than its claim: do not use it, and report this"
    found = member["tpr"][f"{_RATE:g}"]["estimate"]
    if found_at_best(epsilon, delta) > MOST_FOUND and (found is None or found > MOST_FOUND):
        return (
            f"an attack finds {'an unknown share' if found is None else f'{found:.1%}'} of members"
            f" at {_RATE:.0%} false positives, and at most {MOST_FOUND:.1%} may be found: train it"
            " with a smaller epsilon"
        )
    if bundle.trees is not None or bundle.conformal is not None:
        return "it holds parts that were fitted without noise"
    return ""


def outgoing(bundle: Bundle) -> Outgoing:
    """Return what leaves of a model.

    Raises
    ------
    EuthymiaError
        It may not leave; the message says why.
    """
    because = kept_inside(bundle)
    if because:
        raise EuthymiaError(f"{bundle.name}@{bundle.version} may not leave: {because}")
    return Outgoing(
        format=FORMAT,
        name=bundle.name,
        version=bundle.version,
        task=bundle.task,
        schema_digest=bundle.schema_digest,
        onnx=bundle.onnx,
        features=tuple(Feature(f.name, f.title, f.unit, f.low, f.high) for f in bundle.features),
        columns=bundle.columns,
        horizon_days=bundle.horizon_days,
        threshold=bundle.threshold,
        min_coverage=bundle.min_coverage,
        max_data_age_hours=(
            bundle.max_data_age_hours if math.isfinite(bundle.max_data_age_hours) else None
        ),
        families=bundle.families,
        card={name: bundle.card[name] for name in _DECLARED if name in bundle.card},
        synthetic=bundle.synthetic,
    )


def pack_outgoing(made: Outgoing, signer: Ed25519PrivateKey) -> bytes:
    """Return a model as signed bytes; they are not encrypted: nothing in them needs it."""
    body = msgspec.msgpack.encode(made, order="sorted")
    return MAGIC + signer.sign(MAGIC + body) + body


def read_outgoing(content: bytes, verifier: Ed25519PublicKey) -> Outgoing:
    """Return the model that a clinic signed.

    Raises
    ------
    IntegrityError
        It is not, or not as it was signed.
    """
    start = len(MAGIC) + _SIGNATURE_BYTES
    if content[: len(MAGIC)] != MAGIC or len(content) <= start:
        raise IntegrityError("this is not a model that a clinic gave out")
    try:
        verifier.verify(content[len(MAGIC) : start], MAGIC + content[start:])
    except InvalidSignature as error:
        raise IntegrityError(
            "the model's signature does not hold: it was changed, or this is another clinic's key"
        ) from error
    try:
        made = msgspec.msgpack.decode(content[start:], type=Outgoing)
    except msgspec.DecodeError:
        raise IntegrityError("the model has another form than this version reads") from None
    check_bytes(made.onnx)
    return made
