"""What can be asked of a model about one person, and what is answered: the API's own words."""

from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from euthymia.app.problems import RefusalError
from euthymia.models.contract import Reason

NOT_JSON: Final = "the body must be one JSON object, in UTF-8; NaN and Infinity are not JSON"


class AnalyzeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a model about one patient.

    Give `feature_vector` or `features` or neither: then the patient's latest stored features are
    taken.
    """

    patient_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            description="The patient's pseudonym, or any identifier a source gave.",
        ),
    ]
    model: Annotated[
        str, Meta(min_length=1, max_length=128, description="A released model: `GET /v1/models`.")
    ]
    feature_vector: Annotated[
        Annotated[list[float | None], Meta(max_length=4096)] | None,
        Meta(description="One number a feature, in the model's order; null: not known."),
    ] = None
    features: Annotated[
        Annotated[dict[str, float | None], Meta(max_length=4096)] | None,
        Meta(description="Numbers by feature name; a feature that is left out is not known."),
    ] = None


class Answer(msgspec.Struct):
    """What the model says, or why it says nothing, and on what data."""

    patient_id: Annotated[str, Meta(description="The patient's pseudonym.")]
    model: str
    model_version: str
    model_digest: Annotated[str, Meta(description="The released bundle's digest.")]
    synthetic: Annotated[
        bool, Meta(description="Trained on simulated people: no evidence about any patient.")
    ]
    probability: Annotated[
        float | None, Meta(description="Calibrated; null where the model abstains.")
    ]
    interval: Annotated[
        tuple[float, float] | None, Meta(description="Where the probability may lie.")
    ]
    decision: Annotated[
        Literal["review", "no action", "abstain"],
        Meta(description="By the threshold on the model's card."),
    ]
    abstained_because: Annotated[
        str | None, Meta(description="Why there is no probability; null where there is one.")
    ]
    outcomes: Annotated[
        tuple[int, ...] | None,
        Meta(
            description="Which outcomes (1: it happens, 0: it does not) cannot be ruled out: each "
            "is left out wrongly for at most one in ten of those who have it. One is a definite "
            "answer; both or none is none. Null where there is no probability."
        ),
    ]
    reasons: Annotated[list[Reason], Meta(description="The strongest first.")]
    coverage: Annotated[
        float,
        Meta(
            description="How much was known, 0 to 1. Stored features: the share of the days looked "
            "back on that have data. Given features: the share, of those that the model uses, "
            "that were given."
        ),
    ]
    data_age_hours: Annotated[
        float | None,
        Meta(
            description="Hours since the newest data used. Null where the caller gave the "
            "features: their age is the caller's to know."
        ),
    ]
    ledger_entry: Annotated[str, Meta(description="The entry that says this answer was given.")]
    receipt: Annotated[
        str,
        Meta(
            description="Proof that the entry is in the ledger (c2sp.org/tlog-proof). Check it "
            "anywhere, without this server: `euthymia ledger verify --receipt FILE --public-key "
            "ledger.pub`."
        ),
    ]


class _About(msgspec.Struct):
    """What is read of a body that does not fit: its patient is checked before that is told."""

    patient_id: Annotated[str, Meta(min_length=1, max_length=256)]
    model: Any = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A body that was read: a request, or why it is none and whom it was about all the same."""

    request: AnalyzeRequest | None
    refusal: RefusalError | None = None
    patient_id: str | None = None
    model: str = ""


_read: Final = msgspec.json.Decoder(AnalyzeRequest).decode
_read_any: Final = msgspec.json.Decoder(msgspec.Raw).decode
_read_about: Final = msgspec.json.Decoder(_About).decode


def read_question(body: bytes) -> Asked:
    """Read a body. One that does not fit still tells whom it is about, if it can."""
    try:
        return question(_read(body))
    except msgspec.ValidationError as error:
        return _misfit(body, RefusalError("schema", _without_values(error)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Asked(None, RefusalError("bad-request", NOT_JSON))


def question(request: AnalyzeRequest) -> Asked:
    """Take a request of the right types; one that is refused all the same says why."""
    return Asked(request, _unfit(request), request.patient_id, request.model)


def _unfit(request: AnalyzeRequest) -> RefusalError | None:
    vector, features = request.feature_vector, request.features
    if vector is not None and features is not None:
        return RefusalError("schema", "give feature_vector or features, not both")
    if _all_finite(vector if vector is not None else (features or {}).values()):
        return None
    return RefusalError("schema", "every number must be finite; write null for not known")


def _all_finite(numbers: Collection[float | None]) -> bool:
    try:
        if isfinite(sum(numbers)):  # type: ignore[arg-type]  # one call; nulls are looked at below
            return True
    except (TypeError, OverflowError):
        pass
    return all(number is None or isfinite(number) for number in numbers)


def _misfit(body: bytes, refusal: RefusalError) -> Asked:
    try:
        _read_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Asked(None, RefusalError("bad-request", NOT_JSON))  # it did not fit before it broke
    try:
        about = _read_about(body)
    except msgspec.ValidationError:
        return Asked(None, refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Asked(None, RefusalError("bad-request", NOT_JSON))  # only now was a text looked at
    model = about.model if isinstance(about.model, str) else ""
    return Asked(None, refusal, about.patient_id, model)


def _without_values(error: msgspec.ValidationError) -> str:
    """Return which field does not fit and why, without a word that the caller sent.

    The library names our fields and types. It quotes the body only in the name of an unknown
    field and in the keys of `features`, which are left out here.
    """
    text = str(error)
    if "unknown field" in text:
        fields = ", ".join(AnalyzeRequest.__struct_fields__)
        return f"the body has a field that is not known; known are: {fields}"
    return text[:1].lower() + text[1:]
