"""Local time for rounds, shifts and timers. Instants are UTC; a changed clock moves no timer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from euthymia.care.alerts.policy import WEEK, Policy, Shift, minutes_of
from euthymia.ground.clock import DAY_US, SECOND_US, Micros, day_date, from_micros, to_micros

MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
_FURTHEST: Final = 400  # days: a timer that waits for a shift longer than this is due then


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a clinic under one policy."""

    policy: Policy
    zone: str

    def local_day(self, at: Micros) -> int:
        """Return the clinic's local date of an instant, as days since 1970."""
        local = from_micros(at).astimezone(ZoneInfo(self.zone))
        return int(to_micros(local.replace(tzinfo=UTC)) // DAY_US)

    def at(self, day: int, minutes: int) -> Micros:
        """Return the instant of a local time; one that the clock skips is as long after midnight.

        Of a time that comes twice it is the first.
        """
        on = day_date(day + minutes // 1440)
        wall = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(self.zone))
        wall += timedelta(minutes=minutes % 1440)
        return to_micros(wall.astimezone(UTC))

    def round_after(self, at: Micros) -> Micros:
        """Return the next round strictly after an instant."""
        day, minutes = self.local_day(at), minutes_of(self.policy.round_at)
        return next(t for d in range(day - 1, day + 3) if (t := self.at(d, minutes)) > at)

    def is_digest_day(self, at: Micros) -> bool:
        """Tell whether the digest is made on the local day of an instant."""
        return WEEK[(self.local_day(at) + 3) % 7] == self.policy.digest_on

    def _spans(self, day: int) -> list[tuple[Micros, Micros, Shift]]:
        found = []
        for shift in self.policy.shifts:
            if WEEK[(day + 3) % 7] in shift.days:
                start, end = minutes_of(shift.start), minutes_of(shift.end)
                found.append(
                    (self.at(day, start), self.at(day, end + (1440 if end <= start else 0)), shift)
                )
        return sorted(found, key=lambda span: span[:2])

    def on_shift(self, at: Micros) -> tuple[str, ...]:
        """Return who is named as there at an instant, in the policy's order; () if nobody is."""
        day = self.local_day(at)
        return tuple(
            user
            for each in (day - 1, day)
            for start, end, shift in self._spans(each)
            if start <= at < end
            for user in shift.people
        )

    def after(self, at: Micros, minutes: int, *, always: bool) -> Micros:
        """Return the instant `minutes` later, counting only time on shift unless `always`."""
        left = minutes * MINUTE_US
        if always or not self.policy.shifts:
            return at + left
        done, first = at, self.local_day(at) - 1
        for day in range(first, first + _FURTHEST):
            for start, end, _ in self._spans(day):
                begin = max(start, done)
                if end <= begin:
                    continue
                if end - begin >= left:
                    return begin + left
                left -= end - begin
                done = end
        return at + _FURTHEST * DAY_US
