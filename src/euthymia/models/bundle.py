"""A model on disk: one sealed, signed file that holds all that is needed to serve it.

    EUTHMDL1 | Ed25519 signature (64) | sealed msgpack

The signature covers the magic and the sealed part and is checked before anything is decoded, so a
flipped bit, a cut or another clinic's file is refused without looking inside.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from euthymia.ground.clock import from_micros
from euthymia.ground.errors import IntegrityError
from euthymia.models.card import card
from euthymia.models.estimators.contract import Column, Trees
from euthymia.models.export import check_bytes
from euthymia.security.envelope import context, seal, unseal

if TYPE_CHECKING:
    from euthymia.models.train import Trained  # training is heavy to import, and not needed here

MAGIC: Final = b"EUTHMDL1"
FORMAT: Final = 1
MAX_BUNDLE_BYTES: Final = 64 << 20
_SIGNATURE_BYTES: Final = 64
_CONTEXT: Final = context("model bundle", FORMAT)


class Keys(Protocol):
    """The keys that a bundle needs; `security.keys.Keyring` has them."""

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key for one use."""

    def signer(self, role: str) -> Ed25519PrivateKey:
        """Return the private key of a role."""

    def verifier(self, role: str) -> Ed25519PublicKey:
        """Return the public key of a role."""


class BundleFeature(msgspec.Struct, frozen=True):
    """One number of the vector: what it is, what can be true, what was seen in training."""

    name: str
    title: str
    unit: str
    low: float | None
    high: float | None
    seen_low: float | None
    seen_high: float | None


class Bundle(msgspec.Struct, frozen=True):
    """Everything about one version of one model."""

    format: int
    name: str
    version: int
    task: str
    schema_digest: str
    onnx: bytes
    features: tuple[BundleFeature, ...]
    columns: tuple[Column, ...]
    calibration: tuple[float, float]
    horizon_days: int
    threshold: float
    min_coverage: float
    max_data_age_hours: float
    families: dict[str, str]
    purposes: tuple[str, ...]
    card: dict[str, Any]
    trained_at: str
    trained_on: str  # digest of the training rows
    people: tuple[str, ...]  # pseudonyms; sealed with the rest
    synthetic: bool
    evidence: str  # the confound audit's verdict
    estimator: str = "logistic"
    trees: Trees | None = None  # of a tree ensemble: what its reasons come from
    # (level, outcome 1 is possible from here on, outcome 0 up to here): conformal sets
    conformal: tuple[float, float, float] | None = None


def _conformal(trained: "Trained") -> tuple[float, float, float] | None:
    if trained.uncertainty is None:
        return None
    cut = trained.uncertainty.cutoffs
    return cut.level, max(cut.positive_from, 0.0), min(cut.negative_to, 1.0)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _features(trained: "Trained") -> tuple[BundleFeature, ...]:
    """Return the features and what was seen of each: of a private run, its declared range."""
    if trained.privacy:
        return tuple(
            BundleFeature(s.name, s.title, s.unit, s.low, s.high, s.low, s.high)
            for s in trained.task.features
        )
    x = trained.frame.x
    known = ~np.isnan(x)
    low = np.where(known, x, np.inf).min(axis=0)
    high = np.where(known, x, -np.inf).max(axis=0)
    return tuple(
        BundleFeature(s.name, s.title, s.unit, s.low, s.high, _known(low[i]), _known(high[i]))
        for i, s in enumerate(trained.task.features)
    )


def snapshot_digest(x: NDArray[np.float64], y: NDArray[np.float64], people: tuple[str, ...]) -> str:
    """Return a digest of the training rows."""
    content = hashlib.sha256("\n".join(people).encode())
    for part in (x, y):
        content.update(str(part.shape).encode())
        content.update(np.ascontiguousarray(part, "<f8").tobytes())
    return content.hexdigest()


def make_bundle(trained: "Trained", version: int) -> Bundle:
    """Return the bundle of a trained model."""
    task, frame = trained.task, trained.frame
    return Bundle(
        format=FORMAT,
        name=task.name,
        version=version,
        task=task.name,
        schema_digest=task.schema_digest,
        onnx=trained.fitted.to_onnx(len(task.features)),
        features=_features(trained),
        columns=trained.fitted.columns(),
        calibration=trained.fitted.calibration,
        horizon_days=task.horizon_days,
        threshold=task.threshold,
        min_coverage=task.min_coverage,
        max_data_age_hours=task.max_data_age_hours,
        families={name: family.version for name, family in task.families.items()},
        purposes=tuple(str(p) for p in task.purposes),
        card=card(trained),
        trained_at=from_micros(trained.trained_at).isoformat(timespec="seconds"),
        trained_on=snapshot_digest(frame.x, frame.y, trained.people),
        people=trained.people,
        synthetic=trained.synthetic,
        evidence=str(trained.audits["confounds"]["verdict"]),
        estimator=trained.estimator,
        trees=trained.fitted.trees(),
        conformal=_conformal(trained),
    )


def pack(bundle: Bundle, keys: Keys) -> bytes:
    """Return a bundle as sealed and signed bytes."""
    plain = msgspec.msgpack.encode(bundle, order="sorted")
    sealed = seal(keys.derive("model"), plain, context=_CONTEXT)
    return MAGIC + keys.signer("model").sign(MAGIC + sealed) + sealed


def unpack(content: bytes, keys: Keys) -> Bundle:
    """Return the bundle, after its signature, its seal and its graph were checked.

    Raises
    ------
    IntegrityError
        The file is not one that this clinic signed, or not as it was signed.
    """
    start = len(MAGIC) + _SIGNATURE_BYTES
    if len(content) > MAX_BUNDLE_BYTES:
        raise IntegrityError("this is larger than a model bundle can be")
    if len(content) <= start or content[: len(MAGIC)] != MAGIC:
        raise IntegrityError("this is not a model bundle, or it was cut: train the model again")
    signature, sealed = content[len(MAGIC) : start], content[start:]
    try:
        keys.verifier("model").verify(signature, MAGIC + sealed)
    except InvalidSignature as error:
        raise IntegrityError(
            "the model bundle's signature does not hold: it was changed, or it is another clinic's"
        ) from error
    plain = unseal(keys.derive("model"), sealed, context=_CONTEXT)
    try:
        bundle = msgspec.msgpack.decode(plain, type=Bundle)
    except msgspec.DecodeError as error:
        raise IntegrityError("the model bundle is of another format: train it again") from error
    if bundle.format != FORMAT:
        raise IntegrityError(f"the model bundle has format {bundle.format}, not {FORMAT}")
    check_bytes(bundle.onnx)
    return bundle


def file_digest(content: bytes) -> str:
    """Return the digest that names a bundle: SHA-256 of the file, hex."""
    return hashlib.sha256(content).hexdigest()
