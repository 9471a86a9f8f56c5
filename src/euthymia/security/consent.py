"""Whether a use of a person's data is covered by their consent decisions. Pure functions.

Of the decisions that speak of a use and are in force, the one that was decided last counts (`told`,
or without it `since`); of two of one instant, the refusal. None: no consent. Two permits that begin
at one instant, for the same purpose and with the same limits, are one that was told twice, the
second time perhaps with an end: so health records take it back. The earlier end counts. A decision
speaks of a use if

* it is for the same purpose;
* it names no data, or names the stream or the category that is used;
* it names no recipient and the use is the clinic's own, or it names the recipient (a refusal that
  names no recipient speaks of all);
* the data has no protected label and the decision names none, or it names the label (a refusal
  that names no label speaks of all).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.scope import Scope


class GrantLike(Protocol):
    """A consent decision, whoever keeps it."""

    @property
    def purpose(self) -> Purpose:
        """What it is about."""

    @property
    def permit(self) -> bool:
        """Given, or withdrawn."""

    @property
    def since(self) -> Micros:
        """In force from this instant on."""

    @property
    def until(self) -> Micros | None:
        """In force up to this instant, if it ends."""

    @property
    def told(self) -> Micros:
        """When it was decided; 0: at `since`."""

    @property
    def scope(self) -> Scope | None:
        """Its limits within the purpose, if it has any."""


_Grant = TypeVar("_Grant", bound=GrantLike)


@dataclass(frozen=True, slots=True)
class Use:
    """What is to be done with which data: one stream, one kind of record, for one recipient."""

    purpose: Purpose
    stream: str | None = None
    category: str | None = None
    label: str | None = None
    recipient: str | None = None


def in_force(grants: Iterable[_Grant], at: Micros) -> Iterator[_Grant]:
    """Yield the decisions in force at the instant `at`: ``since <= at < until``."""
    begun = [grant for grant in grants if grant.since <= at]
    held = [grant for grant in begun if grant.until is None or at < grant.until]
    if len(held) < len(begun):
        over = {_told(g) for g in begun if g.permit and g.until is not None and g.until <= at}
        held = [grant for grant in held if not (grant.permit and _told(grant) in over)]
    yield from held


def _told(grant: GrantLike) -> tuple[Purpose, Micros, Scope | None]:
    return grant.purpose, grant.since, grant.scope or None


def speaks_of(grant: GrantLike, use: Use) -> bool:
    """Tell whether a decision is about a use."""
    if grant.purpose != use.purpose:
        return False
    scope = grant.scope
    if not scope:
        return not grant.permit or (use.label is None and use.recipient is None)
    data = scope.streams or scope.categories
    if data and use.stream not in scope.streams and use.category not in scope.categories:
        return False
    return _names(grant, scope.labels, use.label) and _names(grant, scope.recipients, use.recipient)


def _names(grant: GrantLike, named: tuple[str, ...], one: str | None) -> bool:
    if named:
        return one in named
    return one is None or not grant.permit


def covers(grants: Iterable[GrantLike], use: Use, at: Micros) -> bool:
    """Tell whether there is consent for a use at the instant `at`."""
    latest: tuple[Micros, bool] | None = None
    for grant in in_force(grants, at):
        if speaks_of(grant, use):
            ruling = (grant.told or grant.since, not grant.permit)
            if latest is None or ruling > latest:
                latest = ruling
    return latest is not None and not latest[1]


def denied(grants: Iterable[GrantLike], use: Use, at: Micros) -> bool:
    """Tell whether a refusal decides a use at the instant `at` (not: whether nothing does)."""
    known = [grant for grant in in_force(grants, at) if speaks_of(grant, use)]
    return not covers(known, use, at) and any(not grant.permit for grant in known)


def consent_covers(grants: Iterable[GrantLike], purpose: Purpose, at: Micros) -> bool:
    """Tell whether there is consent to some use for `purpose` at the instant `at`.

    Consent to location alone is consent to monitoring in this sense; that no other stream is read
    is seen to where streams are read.
    """
    latest: tuple[Micros, bool] | None = None
    limited = []
    known = [grant for grant in grants if grant.purpose == purpose]
    if any(grant.until is not None for grant in known):
        known = list(in_force(known, at))
    for grant in known:  # asked for in every call of the API: a plain loop over plain decisions
        if grant.since > at:
            continue
        limited.append(grant)
        if not grant.scope:
            ruling = (grant.told or grant.since, not grant.permit)
            if latest is None or ruling > latest:
                latest = ruling
    if latest is not None and not latest[1]:
        return True
    return any(covers(limited, use, at) for g in limited if g.permit for use in _uses(g))


def _uses(grant: GrantLike) -> Iterator[Use]:
    """Yield what a limited permit of the clinic's own use could cover."""
    scope = grant.scope
    if scope and not scope.labels and not scope.recipients:
        yield from (Use(grant.purpose, stream=stream) for stream in scope.streams)
        yield from (Use(grant.purpose, category=category) for category in scope.categories)
