"""What the first viewer of the morning would wait for, the server reads before anybody asks.

When the night's jobs have scored everybody, the engine of alerts has to take in everybody anew and
the list to read everybody: some milliseconds a person. A thread of the server does it, soon after
the record has changed. It shows nothing to anybody; whoever looks is told to the ledger as ever.

The same thread has the alerts take in what was written: an answer about self-harm whose writer was
ended before it could say so is on the list within seconds, and not after the next run of a job.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from euthymia.ground.audit import Actor
from euthymia.ground.errors import EuthymiaError
from euthymia.ground.ids import SubjectId

if TYPE_CHECKING:
    from euthymia.app.web.backend import ClinicBackend

JOB: Final = Actor("pages", "job")
LOOK_S: Final = 20.0  # how often the store is asked whether anything was committed
AT_ONCE: Final = 50  # people: whoever looks meanwhile waits for so many at most
_HOURLY: Final = 180  # looks: days end and consents run out without a commit
_RARELY: Final = 15  # pauses between looks: five minutes, for answers wait for this as well


class Ahead:
    """Reads ahead for the pages of one server."""

    def __init__(self, backend: "ClinicBackend", every: float = LOOK_S) -> None:
        self.backend, self.every = backend, every
        self._state: int | None = None
        self._looks = 0
        self._heeded: dict[SubjectId, str] = {}
        self._over = Event()

    def look(self) -> bool:
        """Read what is new, if anything is; tell whether it was read."""
        self.backend.alerts.tick()
        state = self.backend.state()
        self._looks += 1
        if state == self._state and self._looks % _HOURLY:
            return False
        reader = self.backend.reader
        people = reader.everybody(JOB)
        for first in range(0, len(people), AT_ONCE):
            if self._over.is_set():  # the server ends: nobody will look any more
                return False
            part = people[first : first + AT_ONCE]
            reader.look_at_all(part, JOB)
            self._heed(part)
        self.backend.alerts.every()
        self._state = state
        return True

    def _heed(self, people: Sequence[SubjectId]) -> None:
        """Have the alerts take in those whose record is not as it was at the last look."""
        store = self.backend.clinic.store
        stamps = {who: store.stamp(who) for who in people}
        self.backend.alerts.heed(w for w, s in stamps.items() if self._heeded.get(w) != s)
        self._heeded |= stamps

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again, beside what is done in a `with` block."""
        thread = Thread(target=self._until, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _until(self) -> None:
        pause = self.every
        while not self._over.is_set():
            try:
                self.look()
                pause = self.every
            except (EuthymiaError, OSError):  # whoever asks for a page is told of it
                pause = min(2 * pause, _RARELY * self.every)  # each try is told to the ledger
            self._over.wait(pause)
