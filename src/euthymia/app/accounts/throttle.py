"""How often somebody may try to sign in: by name with growing pauses, by address a minute."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from euthymia.app.accounts.book import Failures

FREE_TRIES: Final = 5  # typing errors of an honest person
FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 15 * 60  # longer would let anybody keep a clinician out for a shift
FORGOTTEN_AFTER_S: Final = 24 * 3600
MOST_NAMES: Final = 4096
ADDRESS_TRIES: Final = 20  # a minute; a ward behind one address signs in at the change of shift
_MOST_ADDRESSES: Final = 10_000


def failed(known: dict[str, Failures], name: str, now: int) -> None:
    """Note a failed sign-in; from the sixth on, each doubles the pause before the next counts."""
    before = known.pop(name, None)
    count = 1
    if before is not None and now - before.last < FORGOTTEN_AFTER_S:
        count = before.count + 1
    pause = 0
    if count > FREE_TRIES:
        pause = min(FIRST_PAUSE_S * 2 ** min(count - FREE_TRIES - 1, 10), LONGEST_PAUSE_S)
    known[name] = Failures(count, now, now + pause)
    while len(known) > MOST_NAMES:
        del known[next(iter(known))]


def locked(known: dict[str, Failures], name: str, now: int) -> bool:
    """Tell whether the name is in a pause."""
    found = known.get(name)
    return found is not None and now < found.until


class Addresses:
    """Tries by address in the running minute, in this process."""

    def __init__(self, most: int = ADDRESS_TRIES) -> None:
        self._most = most
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._lock = Lock()

    def may_try(self, address: str, now: int) -> bool:
        """Count one try; tell whether it is still within the minute's number."""
        minute = now // 60
        with self._lock:
            seen = self._seen.pop(address, (minute, 0))
            count = seen[1] + 1 if seen[0] == minute else 1
            self._seen[address] = (minute, count)
            while len(self._seen) > _MOST_ADDRESSES:
                self._seen.popitem(last=False)
        return count <= self._most
