"""What each person allows, as it stands now and as it stood when a row was recorded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import BatchConsent, Consents, GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId
from euthymia.security.consent import Use, consent_covers, covers, denied, speaks_of


def _what(use: Use) -> str:
    return f"{use.purpose} ({use.stream})" if use.stream else str(use.purpose)


def missing(use: Use) -> str:
    """Return the reason for a row whose use nobody consented to."""
    return (
        f"no consent in force for {_what(use)}; record one (euthymia consent SUBJECT --grant "
        f"{use.purpose}, a FHIR Consent, or ingest --consent)"
    )


def withdrawn(use: Use) -> str:
    """Return the reason for a row whose use the person has said no to."""
    return (
        f"consent to {_what(use)} was withdrawn; only the person can give it anew (euthymia "
        f"consent SUBJECT --grant {use.purpose}, or a FHIR Consent)"
    )


def covered(grants: Sequence[GrantRecord], use: Use, times: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell for each instant whether a consent to `use` was in force then."""
    own = [g for g in grants if speaks_of(g, use)]
    edges = np.array(
        sorted({e for g in own for e in (g.since, g.until) if e is not None}), np.int64
    )
    state = np.array([False, *(covers(own, use, int(edge)) for edge in edges)])
    found: NDArray[np.bool_] = state[np.searchsorted(edges, times, side="right")]
    return found


def standing(grants: Iterable[GrantRecord]) -> list[GrantRecord]:
    """Return decisions as they stand, by the instant from which they hold; each once.

    Of one form the last writing counts: what only an older one permitted ends where the next was
    written. A refusal stays, so that a form written anew never opens what it once closed.
    """
    told = list(dict.fromkeys(grants))
    dated = {replace(grant, told=0) for grant in told if grant.told}
    if dated:  # what was kept before it was known when a thing was decided is the same, undated
        told = [grant for grant in told if grant.told or grant not in dated]
    written: dict[str, set[Micros]] = {}
    for grant in told:
        if grant.form:
            written.setdefault(grant.form, set()).add(grant.revised)
    if written:
        told = _last_written(told, written)
    return sorted(told, key=lambda grant: grant.since)


def _last_written(
    told: Sequence[GrantRecord], written: Mapping[str, set[Micros]]
) -> list[GrantRecord]:
    """Return decisions without those that their form has said anew; `written`: when, by form.

    One without a form that reads as one with it is the same, of before forms were kept.
    """
    newest = {g for g in told if g.form and g.revised == max(written[g.form])}
    anew = {_limits(g) for g in newest}
    named = {replace(g, form="", revised=0) for g in told if g.form}
    left = dict.fromkeys(
        _ended(g, written[g.form]) if g.form and g not in newest else g
        for g in told
        if g in newest or (_limits(g) not in anew if g.form else g not in named)
    )
    return list(left)


def _limits(grant: GrantRecord) -> tuple[object, ...]:
    """Return what makes two writings of a permit one; a refusal is one only with the same end."""
    own = None if grant.permit else grant.until
    return grant.form, grant.purpose, grant.permit, grant.since, grant.scope, own


def _ended(grant: GrantRecord, written: Iterable[Micros]) -> GrantRecord:
    """Return a decision of an older writing: a permit ends where the next was written."""
    if not grant.permit:
        return grant
    ends = min(at for at in written if at > grant.revised)
    return replace(grant, until=ends if grant.until is None else min(grant.until, ends))


def batch_grants(
    batch: BatchConsent | None, known: Sequence[GrantRecord], now: Micros
) -> tuple[GrantRecord, ...]:
    """Return the decisions that a batch consent adds to those of one person.

    None where a consent is in force anyhow, and none where the person ever said no.
    """
    if batch is None:
        return ()
    return tuple(
        GrantRecord(purpose, True, now, None, batch.because)
        for purpose in sorted(batch.purposes)
        if not consent_covers(known, purpose, now)
        and not any(g.purpose is purpose and not g.permit for g in known)
    )


def still_needed(
    brought: Sequence[tuple[int, GrantRecord]], known: Sequence[GrantRecord], now: Micros
) -> list[tuple[int, GrantRecord]]:
    """Return the (row, decision) of a file without batch consents that others have settled since.

    Several files of one run may be checked before the first of them is stored.
    """
    settled = {
        g.purpose
        for row, g in brought
        if row == 0
        and (
            consent_covers(known, g.purpose, now)
            or any(k.purpose is g.purpose and not k.permit for k in known)
        )
    }
    return [(row, g) for row, g in brought if row > 0 or g.purpose not in settled]


class Permits:
    """Decides for one file. Knows the decisions on record and those the file brings."""

    def __init__(
        self,
        consents: Consents,
        brought: Mapping[SubjectId, Sequence[GrantRecord]],
        *,
        batch: BatchConsent | None,
        clinical_basis: bool,
        now: Micros,
    ) -> None:
        self._consents = consents
        self._brought = brought
        self._batch = batch
        self._clinical_basis = clinical_basis
        self._now = now
        self._grants: dict[SubjectId, tuple[GrantRecord, ...]] = {}
        self._from_batch: dict[SubjectId, tuple[GrantRecord, ...]] = {}

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return every decision that counts: on record, in this file, for this batch."""
        if subject not in self._grants:
            brought = self._brought.get(subject, ())
            known = standing((*self._consents.grants(subject), *brought))
            extra = batch_grants(self._batch, known, self._now)
            self._from_batch[subject] = extra
            self._grants[subject] = (*known, *extra)
        return self._grants[subject]

    def from_batch(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return the decisions that the batch consent adds for a subject."""
        self.grants(subject)
        return self._from_batch[subject]

    def refusal(
        self, subject: SubjectId, use: Use, times: NDArray[Any], *, used_now: bool = False
    ) -> tuple[NDArray[np.bool_], str] | None:
        """Return which of the rows at `times` [us] are refused and why; None: all may enter.

        A consent in force now permits all; a withdrawal in force now permits none; otherwise a row
        may enter that was recorded while a consent was in force, unless it would be `used_now`.
        """
        if use.purpose is Purpose.CARE and self._clinical_basis:
            return None
        grants = self.grants(subject)
        if covers(grants, use, self._now):
            return None
        limited = any(g.scope for g in grants if g.purpose is use.purpose)
        named = use if limited else Use(use.purpose)  # one reason for all streams where it can be
        if denied(grants, use, self._now):
            return np.ones(len(times), np.bool_), withdrawn(named)
        if used_now:
            return np.ones(len(times), np.bool_), missing(named)
        bad = ~covered(grants, use, times)
        return (bad, missing(named)) if bad.any() else None
