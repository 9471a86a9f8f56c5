"""GET /v1/models: which models may be asked, and with which features in which order."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from euthymia.app.analyze import NOBODY
from euthymia.app.http.caller import authenticate
from euthymia.app.http.exchange import Call, Reply, json_reply, problem_reply, refused
from euthymia.app.http.services import Operation, Services
from euthymia.app.problems import RefusalError, entry_urn
from euthymia.app.shelf import Model
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import IntegrityError
from euthymia.security.policy import Action

NAME: Final = "list models"


class FeatureTold(msgspec.Struct, frozen=True):
    """One number of the feature vector."""

    name: str
    title: str
    unit: Annotated[str, Meta(description="UCUM.")]
    low: Annotated[float | None, Meta(description="A value below it cannot be true.")]
    high: Annotated[float | None, Meta(description="A value above it cannot be true.")]


class ModelTold(msgspec.Struct, frozen=True):
    """A released model: what it is for, and what it is asked with."""

    model: str
    model_version: str
    model_digest: str
    title: str
    intended_use: str
    not_for: tuple[str, ...]
    evidence: Annotated[str, Meta(description="What the confound audit says of its figures.")]
    synthetic: Annotated[bool, Meta(description="Trained on simulated people.")]
    horizon_days: int
    threshold: Annotated[float, Meta(description="From this probability on: review.")]
    purposes: Annotated[tuple[str, ...], Meta(description="What the patient must consent to.")]
    features: Annotated[tuple[FeatureTold, ...], Meta(description="In the vector's order.")]


class ModelList(msgspec.Struct, frozen=True):
    """The released models, by name."""

    models: tuple[ModelTold, ...]
    ledger_entry: str
    receipt: Annotated[str, Meta(description="Proof that the entry is in the ledger.")]


async def models(call: Call, services: Services) -> Reply:
    """List the released models."""
    analyzer = services.analyzer
    actor = NOBODY
    refusal: RefusalError | None = None
    released: tuple[ModelTold, ...] = ()
    try:
        claims = authenticate(call, services)
        actor = Actor(claims.user, claims.role)
        analyzer.require_role(claims, Action.VIEW_MODELS)
        released = tuple(_told(model) for model in analyzer.shelf.all())
    except RefusalError as error:
        refusal = error
    except IntegrityError as error:
        refusal = RefusalError("integrity", str(error))
    outcome = "answered" if refusal is None else refusal.kind.slug
    detail = {"outcome": outcome, "request": call.request}
    try:
        entry = await services.recorder.record(Entry(actor, NAME, Purpose.CARE, detail=detail))
    except RefusalError as error:
        return refused(error, call.request)
    if refusal is not None:
        return problem_reply(refusal.problem(entry_urn(entry.id)))
    return json_reply(ModelList(released, entry.id, entry.receipt()))


def _told(model: Model) -> ModelTold:
    bundle, card = model.bundle, model.bundle.card
    return ModelTold(
        model=model.name,
        model_version=model.version,
        model_digest=model.digest,
        title=str(card["title"]),
        intended_use=str(card["intended_use"]),
        not_for=tuple(card["not_for"]),
        evidence=bundle.evidence,
        synthetic=bundle.synthetic,
        horizon_days=bundle.horizon_days,
        threshold=model.threshold,
        purposes=bundle.purposes,
        features=tuple(
            FeatureTold(f.name, f.title, f.unit, f.low, f.high) for f in bundle.features
        ),
    )


MODELS = Operation(
    path="/v1/models",
    method="GET",
    name=NAME,
    summary="The models that may be asked",
    description="Each with its features in the order of `feature_vector`, its threshold, and the "
    "purposes a patient must consent to.",
    handle=models,
    reply=ModelList,
    problems=("token", "role", "method", "address", "rate", "internal", "ledger", "integrity"),
    bearer="required",
)
