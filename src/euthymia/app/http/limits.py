"""How much one caller may ask for: calls a second, of an address and of a token."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

BURST_S: Final = 5.0  # who was silent may ask for so many seconds' worth at once
MOST_KEPT: Final = 65_536  # callers remembered; beyond, those first seen longest ago are forgotten


@dataclass(slots=True)
class Rate:
    """A token bucket for each caller, as the time at which it would be full again (GCRA).

    One number a caller is kept, and one addition and two comparisons made a call.
    """

    per_second: float
    burst_s: float = BURST_S
    _step: float = field(init=False)
    _full_at: dict[object, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._step = 1.0 / self.per_second

    def wait(self, caller: object, now: float) -> float:
        """Count a call; return 0.0 if it may go on, or in how many seconds it may come again."""
        full_at = self._full_at.get(caller, 0.0)
        if full_at > now:
            if full_at - now > self.burst_s:
                return full_at - now - self.burst_s
            self._full_at[caller] = full_at + self._step
            return 0.0
        if len(self._full_at) >= MOST_KEPT:
            self._forget(now)
        self._full_at[caller] = now + self._step
        return 0.0

    def _forget(self, now: float) -> None:
        self._full_at = {who: at for who, at in self._full_at.items() if at > now}
        for who in list(self._full_at)[: max(len(self._full_at) - MOST_KEPT // 2, 0)]:
            del self._full_at[who]


@lru_cache(maxsize=4096)
def caller_of(address: str) -> str:
    """Return what is counted for an address: itself, or of IPv6 the network of one household."""
    if ":" not in address:
        return address
    try:
        number = int(IPv6Address(address.partition("%")[0]))
    except ValueError:
        return address
    if number >> 32 == 0xFFFF:  # an IPv4 address in IPv6 clothes
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    return str(IPv6Address(number >> 64 << 64))
