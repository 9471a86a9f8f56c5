"""The engine of an open clinic: fed once with all that is kept, then with what is new."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from euthymia.app.alerts.inputs import JOB, Inputs, inputs_of, kept_of
from euthymia.app.alerts.policy_file import AT_ONCE_US, Book
from euthymia.app.clinic import Clinic
from euthymia.care.alerts.contract import Act, Signal
from euthymia.care.alerts.engine import Engine
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros, to_micros
from euthymia.ground.ids import SubjectId
from euthymia.store.consent import next_edge

_NEVER: Final = 1 << 63


@dataclass(slots=True)
class _Person:
    """What the engine was fed of a person, and the state of the record that it was read at.

    `until`: when a consent begins or runs out, of which nothing is written.
    """

    stamp: str
    until: Micros
    signals: list[Signal]
    acts: list[Act]


@dataclass(slots=True)
class _Fed:
    engine: Engine
    policies: int
    clinic: tuple[int, int]  # how many runs of the watch, and changes of who can take an alert
    version: int
    people: dict[SubjectId, _Person]

    def stands(self, version: int, clinic: tuple[int, int], clock: Micros) -> bool:
        """Tell whether nothing has changed since; consents go by the machine's clock."""
        same = (self.version, self.clinic) == (version, clinic)
        return same and all(clock < person.until for person in self.people.values())


class Feed:
    """Keeps one engine up to date. Its calls take turns: the desk sees to that."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self._fed: _Fed | None = None

    @property
    def told_until(self) -> Micros | None:
        """The instant up to which the engine has told what falls due; None before it was fed."""
        return None if self._fed is None else self._fed.engine.now

    def subjects(self) -> tuple[SubjectId, ...]:
        """Return everybody."""
        return self.clinic.store.subjects(Entry(JOB, "list subjects", Purpose.CARE))

    def engine(self, book: Book, now: Micros) -> Engine:
        """Return the engine, fed with all that is kept, and advanced to an instant.

        One that was advanced further, by a clock that ran ahead, is fed afresh: nothing of what is
        on record is of that time.
        """
        store, fed = self.clinic.store, self._fed
        clock = to_micros(self.clinic.clock())
        if (
            fed is not None
            and fed.policies == len(book.policies)
            and fed.engine.now <= now + AT_ONCE_US
        ):
            with suppress(ValueError):  # something is of an instant that is over: start afresh
                if not fed.stands(store.version(), _of_clinic(book), clock):
                    self._take_new(fed, book, now)
                fed.engine.advance(now)
                return fed.engine
        self._fed = None  # what was half taken in is nobody's, should this fail
        version = store.version()
        people = {who: self._read(who) for who in self.subjects()}
        inputs = self._together(book, people.values(), now)
        engine = Engine(inputs.policies, inputs.zone, inputs.start)
        engine.feed(inputs.signals, inputs.acts)
        engine.advance(now)
        self._fed = _Fed(engine, len(book.policies), _of_clinic(book), version, people)
        return engine

    def inputs(self, book: Book, now: Micros) -> Inputs:
        """Return all that the engine was fed."""
        people = () if self._fed is None else self._fed.people.values()
        return self._together(book, people, now)

    def _read(self, who: SubjectId) -> _Person:
        store, clock = self.clinic.store, to_micros(self.clinic.clock())
        stamp, edge = store.stamp(who), next_edge(store.grants(who), clock)  # before what is read
        return _Person(stamp, _NEVER if edge is None else edge, *kept_of(self.clinic, who))

    def _together(self, book: Book, people: Iterable[_Person], now: Micros) -> Inputs:
        found, everybody = inputs_of(self.clinic, book, (), now), tuple(people)
        own = [signal for person in everybody for signal in person.signals]
        acts = [act for person in everybody for act in person.acts]
        return replace(found, signals=[*own, *found.signals], acts=acts)

    def _take_new(self, fed: _Fed, book: Book, now: Micros) -> None:
        store, version = self.clinic.store, self.clinic.store.version()
        clock = to_micros(self.clinic.clock())
        people = self.subjects()
        if set(fed.people) - set(people):
            raise ValueError("somebody was erased: their alerts go with them")
        for who in people:
            held = fed.people.get(who)
            if held is not None and held.stamp == store.stamp(who) and clock < held.until:
                continue
            person = fed.people[who] = self._read(who)
            if held is not None and {s.id for s in held.signals} - {s.id for s in person.signals}:
                raise ValueError("a consent is over: what rested on it goes with it")
            fed.engine.feed(person.signals, person.acts)
        fed.engine.feed(self._together(book, (), now).signals)
        fed.version, fed.clinic = version, _of_clinic(book)


def _of_clinic(book: Book) -> tuple[int, int]:
    return len(book.scored), len(book.gone)
