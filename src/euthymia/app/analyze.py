"""Ask a released model about one person: every check, in order, and the entry for the ledger.

The core is synchronous and does no input or output of its own beyond the store, so that the API
and the command line run the very same checks. It never answers: it gives a verdict, which becomes
an answer only with the id of the ledger entry that says so (`Verdict.told`).

The order is fixed: token, role, patient and care relationship, consent, schema, model. A caller
learns nothing that an earlier check would have kept from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from euthymia.app.problems import Problem, RefusalError, entry_urn
from euthymia.app.question import AnalyzeRequest, Answer, Asked, question
from euthymia.app.shelf import Known, Model, NotOpenError, Shelf
from euthymia.app.turn import OncePerTurn
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import SECOND_US, Micros, to_micros
from euthymia.ground.errors import (
    AccessError,
    BusyError,
    ConsentError,
    IntegrityError,
    MissingError,
)
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import Prediction, SubjectData
from euthymia.security.ledger_chain import Written
from euthymia.security.policy import Action
from euthymia.security.token import Claims

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic

ACTION: Final = "analyze patient"
NOBODY: Final = Actor("unknown", "none")
UNDECIDED: Final = "undecided"  # a probability that leaves both outcomes possible, or neither
KEPT: Final = 10_000  # looked-up people, and vectors; about 1 KiB each
VECTOR_KEPT_US: Final = 300 * SECOND_US  # features are daily: five minutes late is not late
GIVEN: Final[Known] = (None, None)
HOUR_US: Final = 3600 * SECOND_US

SAID: Final = {"consent": "consent", "sensitivity": "consent", "second factor": "role"}
NO_TOKEN: Final = "send Authorization: Bearer TOKEN; `euthymia token` issues one"  # noqa: S105
NOT_YOURS: Final = (
    "no patient in your care has this identifier; a coordinator can add you to a care team"
)
NO_MODEL: Final = "no released model has this name: `GET /v1/models` lists them"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of the checks: an answer or a refusal, and what the ledger must hold first."""

    entry: Entry
    answer: Answer | None
    refusal: RefusalError | None

    def told(self, written: Written) -> Answer | Problem:
        """Return what the caller is told, now that the ledger has it.

        A refusal carries no receipt: the entry in it could say that there is such a patient.
        """
        if self.answer is not None:
            self.answer.ledger_entry = written.id
            self.answer.receipt = written.receipt()
            return self.answer
        assert self.refusal is not None
        return self.refusal.problem(entry_urn(written.id))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the checks need to know of one person."""

    subject: SubjectId
    team: frozenset[str]
    grants: tuple[GrantRecord, ...]


@dataclass(frozen=True, slots=True)
class _Described:
    """A person's latest features in one model's order, as they were found at `at`."""

    vector: NDArray[np.float64]
    coverage: float
    data_age_hours: float
    at: Micros
    outside: str  # why the model is not for this person now; empty if it is


@dataclass(slots=True)
class _Kept:
    """What was looked up at one version of the store. Another version: another, empty one."""

    version: int
    people: dict[str, _Known | None] = field(default_factory=dict)
    vectors: dict[tuple[SubjectId, str], _Described] = field(default_factory=dict)
    outside: dict[tuple[SubjectId, str], tuple[Micros, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Trace:
    """Who calls, what may be done for it, and what is known of it so far, for its ledger entry."""

    claims: Claims | None
    number: str = ""
    may_read: bool = True
    subject: SubjectId | None = None
    model: str | None = None
    features: str = ""

    @property
    def actor(self) -> Actor:
        """Who the ledger says it was."""
        return NOBODY if self.claims is None else Actor(self.claims.user, self.claims.role)

    def entry(self, outcome: str, said: "Answer | None" = None) -> Entry:
        """Return the line for the ledger: what was asked of which model, and what it said.

        What it said rests under the person's own key, and goes with them.
        """
        detail: dict[str, str | int | float | bool] = {"outcome": outcome}
        if said is not None and said.probability is not None:
            detail["probability"] = round(said.probability, 4)
            if said.interval is not None:
                detail["low"], detail["high"] = (round(end, 4) for end in said.interval)
        elif said is not None and said.abstained_because:
            detail["because"] = said.abstained_because
        if self.model is not None:
            detail["model"] = self.model
        if self.features:
            detail["features"] = self.features
        if self.number:
            detail["request"] = self.number
        return Entry(self.actor, ACTION, Purpose.CARE, self.subject, detail)

    def refused(self, refusal: RefusalError) -> Verdict:
        """Return the verdict of a refusal."""
        return Verdict(self.entry(refusal.kind.slug), None, refusal)


class Analyzer:
    """The checks and the models of one clinic. Any thread may call it.

    What it looks up (people, care teams, consents, features) it keeps for as long as the store's
    version stays the same, so a withdrawal or an erasure by any process holds from the next call.
    """

    def __init__(self, clinic: "Clinic") -> None:
        self._clinic = clinic
        self._shelf = Shelf(clinic.registry, clinic.home.models)
        self._version = OncePerTurn(clinic.store.version)
        self._kept = _Kept(-1)

    # -- before the body is read ----------------------------------------------------------------
    def authenticate(self, token: str | None) -> Claims:
        """Return who holds the token, or refuse ("token")."""
        if token is None:
            raise RefusalError("token", NO_TOKEN)
        try:
            return self._clinic.tokens.verify(token, now=self._clinic.clock())
        except AccessError as error:
            raise RefusalError("token", str(error)) from error

    def require_role(self, claims: Claims, action: Action = Action.ANALYZE) -> None:
        """Refuse a role that may not do this for anybody ("role")."""
        ruling = self._clinic.policies.decide(
            role=claims.role, action=action, purpose=Purpose.CARE, related=True
        )
        if ruling.rule in {"role", "purpose", "second factor"}:  # a token proves none
            raise RefusalError("role", ruling.detail)

    # -- the body -------------------------------------------------------------------------------
    def prepare(
        self, asked: Asked, claims: Claims, number: str = "", *, may_read: bool = True
    ) -> "Verdict | Prepared":
        """Run the checks that follow token and role, up to the question to the model.

        Raises
        ------
        NotOpenError
            `may_read` is False, and something needed was not looked up before. With all at hand
            this takes microseconds, so an event loop can do it itself.
        """
        trace = _Trace(claims, number, may_read)
        try:
            return self._prepare(asked, trace)
        except RefusalError as refusal:
            return trace.refused(refusal)
        except MissingError:  # erased while we looked
            return trace.refused(_stranger())
        except ConsentError as error:
            return trace.refused(RefusalError("consent", str(error)))
        except IntegrityError as error:
            return trace.refused(RefusalError("integrity", str(error)))
        except BusyError as error:
            return trace.refused(RefusalError("busy", str(error)))

    def judge(self, asked: Asked, claims: Claims, number: str = "") -> Verdict:
        """Run the checks that follow token and role; ask the model if they hold."""
        found = self.prepare(asked, claims, number)
        if isinstance(found, Verdict):
            return found
        return found.verdict(found.model.predict(found.vector, *found.known))

    def refuse(self, refusal: RefusalError, claims: Claims | None, number: str) -> Verdict:
        """Return the verdict on a call that failed before its body was looked at."""
        return _Trace(claims, number).refused(refusal)

    def ask(self, request: AnalyzeRequest, claims: Claims) -> Answer | Problem:
        """Do it all at once, for a caller without an event loop: the command line.

        Raises
        ------
        EuthymiaError
            The ledger cannot be written: then there is no answer.
        """
        try:
            self.require_role(claims)
            verdict = self.judge(question(request), claims)
        except RefusalError as refusal:
            verdict = self.refuse(refusal, claims, "")
        return verdict.told(self._clinic.ledger.record(verdict.entry))

    @property
    def shelf(self) -> Shelf:
        """The released models."""
        return self._shelf

    # -- inside ----------------------------------------------------------------------------------
    def _prepare(self, asked: Asked, trace: _Trace) -> "Verdict | Prepared":
        now = to_micros(self._clinic.clock())
        model = self._shelf.get(asked.model, may_read=trace.may_read)
        known = None
        if model is not None:
            trace.model = f"{model.name}@{model.version}"
        if asked.patient_id is not None:
            known = self._in_care(asked.patient_id, model, now, trace)
        if asked.refusal is not None:
            raise asked.refusal
        if model is None:
            raise RefusalError("model-not-found", NO_MODEL)
        assert asked.request is not None
        assert known is not None
        given = _given(asked.request, model, trace)
        if given is not None:
            share = model.share(given)
            prepared = Prepared(known.subject, model, given, GIVEN, trace, share)
            because = self._outside(model, known, now, trace) or model.unfit(given, share)
            return prepared.verdict(model.silent(because)) if because else prepared
        trace.features = "stored"
        found = self._described(model, known, now, trace)
        data = (found.coverage, found.data_age_hours + (now - found.at) / HOUR_US)
        prepared = Prepared(known.subject, model, found.vector, data, trace)
        return prepared.verdict(model.silent(found.outside)) if found.outside else prepared

    def _kept_now(self) -> _Kept:
        version = self._version()
        kept = self._kept
        if kept.version != version:
            kept = self._kept = _Kept(version)
        return kept

    def _known(self, identifier: str, trace: _Trace) -> _Known | None:
        kept = self._kept_now()
        if identifier in kept.people:
            return kept.people[identifier]
        if not trace.may_read:
            raise NotOpenError
        store = self._clinic.store
        subject = store.resolve(identifier)
        known = None
        if subject is not None:
            known = _Known(subject, store.care_team(subject), store.grants(subject))
        if len(kept.people) >= KEPT:
            kept.people.clear()
        kept.people[identifier] = known
        return known

    def _in_care(self, identifier: str, model: Model | None, now: Micros, trace: _Trace) -> _Known:
        """Return the person, or refuse: a stranger and an unknown person in the same words."""
        claims = trace.claims
        assert claims is not None
        known = self._known(identifier, trace)
        if known is None:
            raise _stranger()
        trace.subject = known.subject
        settings = self._clinic.config.clinic
        ruling = self._clinic.policies.decide(
            role=claims.role,
            action=Action.ANALYZE,
            purpose=Purpose.CARE,
            related=claims.user in known.team or claims.user in settings.everyone_on_care_team,
            needs=(Purpose.MONITORING,) if model is None else model.purposes,
            grants=known.grants,
            at=now,
            clinical_basis=settings.clinical_basis,
        )
        if ruling.allowed:
            return known
        slug = SAID.get(ruling.rule)  # what is said only to those in a care relationship
        raise RefusalError(slug, ruling.detail) if slug else _stranger()

    def _outside(self, model: Model, known: _Known, now: Micros, trace: _Trace) -> str:
        """Return why the model is not for this person by the record, whatever the caller gave."""
        kept = self._kept_now()
        key = (known.subject, model.digest)
        found = kept.outside.get(key)
        if found is not None and now - found[0] < VECTOR_KEPT_US:
            return found[1]
        outside = model.outside(self._record(known.subject, trace), now)
        if len(kept.outside) >= KEPT:
            kept.outside.clear()
        kept.outside[key] = (now, outside)
        return outside

    def _record(self, subject: SubjectId, trace: _Trace) -> SubjectData:
        """Return the person's stored record, for the model's own task."""
        if not trace.may_read:
            raise NotOpenError
        audit = Entry(trace.actor, "describe patient", Purpose.CARE, subject)
        return self._clinic.subject_data(subject, audit)

    def _described(self, model: Model, known: _Known, now: Micros, trace: _Trace) -> _Described:
        """Return the person's latest features, made by the model's own task."""
        kept = self._kept_now()
        key = (known.subject, model.digest)
        described = kept.vectors.get(key)
        if described is not None and now - described.at < VECTOR_KEPT_US:
            return described
        data = self._record(known.subject, trace)
        vector, coverage, age = model.describe(data, now)
        described = _Described(vector, coverage, age, now, model.outside(data, now))
        if len(kept.vectors) >= KEPT:
            kept.vectors.clear()
        kept.vectors[key] = described
        return described


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that passed every check: what the model is asked, and what becomes of its answer.

    `share` is how much of the model's features the caller gave, where they did.
    """

    subject: SubjectId
    model: Model
    vector: NDArray[np.float64]
    known: Known
    trace: _Trace
    share: float = 0.0

    def verdict(self, said: Prediction) -> Verdict:
        """Return the verdict, now that the model has spoken."""
        coverage, age = self.known
        if coverage is None:  # the caller gave the features: how many of them
            coverage = self.share
        answer = _answer(self.subject, said, coverage, age, self.model)
        outcome = "abstained" if answer.abstained_because else "answered"
        if answer.outcomes is not None and len(answer.outcomes) != 1:
            outcome = UNDECIDED
        return Verdict(self.trace.entry(outcome, answer), answer, None)


def _answer(
    subject: SubjectId, said: Prediction, coverage: float, age: float | None, model: Model
) -> Answer:
    """Return what the model said, as it is told; its ledger entry is still to come."""
    decision: Literal["review", "no action", "abstain"] = "abstain"
    if said.probability is not None:
        decision = "review" if said.probability >= model.threshold else "no action"
    return Answer(
        patient_id=subject,
        model=said.model,
        model_version=said.model_version,
        model_digest=said.model_digest,
        synthetic=model.synthetic,
        probability=said.probability,
        interval=said.interval,
        decision=decision,
        abstained_because=said.abstained_because,
        outcomes=said.outcomes,
        reasons=list(said.reasons),
        coverage=coverage,
        data_age_hours=_sayable(age),
        ledger_entry="",
        receipt="",
    )


def _given(request: AnalyzeRequest, model: Model, trace: _Trace) -> NDArray[np.float64] | None:
    """Return the features that the caller gave, in the model's order; None if they gave none."""
    if request.feature_vector is not None:
        trace.features = "vector"
        return _in_order(request.feature_vector, model)
    if request.features is not None:
        trace.features = "named"
        return _by_name(request.features, model)
    return None


def _sayable(hours: float | None) -> float | None:
    """Return an age that JSON can say: a person without any data has none."""
    return hours if hours is not None and isfinite(hours) else None


def _in_order(values: Sequence[float | None], model: Model) -> NDArray[np.float64]:
    """Return a vector in the model's order."""
    if len(values) != len(model.position):
        raise RefusalError(
            "features",
            f"feature_vector has {len(values)} numbers and the model takes {len(model.position)}; "
            "`GET /v1/models` lists them in order",
        )
    return np.array(values, np.float64)


def _by_name(values: Mapping[str, float | None], model: Model) -> NDArray[np.float64]:
    """Return named features in the model's order; NaN where one is left out."""
    unknown = len(values.keys() - model.position.keys())
    if unknown:
        allowed = ", ".join(model.position)
        raise RefusalError(
            "features", f"{unknown} of the names are not the model's; it knows: {allowed}"
        )
    vector = np.full(len(model.position), np.nan)
    for name, value in values.items():
        if value is not None:
            vector[model.position[name]] = value
    return vector


def _stranger() -> RefusalError:
    return RefusalError("care-relationship", NOT_YOURS)
