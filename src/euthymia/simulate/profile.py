"""How much a simulated clinic records: what costs disk and time, and nothing about the world."""

from dataclasses import dataclass
from typing import Final

from euthymia.ground.errors import EuthymiaError


@dataclass(frozen=True, slots=True)
class Profile:
    """How much is recorded of each person. The people and their illness do not depend on it.

    Attributes
    ----------
    phone_share, wearable_share : float
        Share of people who carry the phone app, who wear an actigraph (0 to 1). They also need a
        consent for monitoring.
    physiology_share : float
        Share of people who also have an Empatica E4 for some nights (0 to 1).
    beiwe_days : int or None
        Site 1 writes Beiwe hourly folders for the last so many days; before that it used AWARE,
        one file a person. None: Beiwe from the first day (about 50 files a person-day).
    beiwe_zip : bool
        One zip archive a person (as Beiwe's own download gives) in place of loose hourly files.
    gps_every_min : int
        Length of the location duty cycle [min]: one minute on, the rest off.
    gps_fixes : int
        Fixes in each minute on (1 to 60).
    nights_per_week : float
        Nights a week with a beat-interval segment (0 to 7).
    night_segment_h : float
        Length of a night segment [h].
    sessions_per_month : float
        Daytime sessions a month with skin conductance and temperature at 4 Hz.
    session_min : float
        Length of a daytime session [min].
    """

    phone_share: float = 0.85
    wearable_share: float = 0.85
    physiology_share: float = 0.45
    beiwe_days: int | None = None
    beiwe_zip: bool = False
    gps_every_min: int = 11
    gps_fixes: int = 4
    nights_per_week: float = 3.0
    night_segment_h: float = 2.0
    sessions_per_month: float = 4.0
    session_min: float = 10.0

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1 and lengths that cannot be."""
        for name in ("phone_share", "wearable_share", "physiology_share"):
            _within(name, getattr(self, name), 0, 1)
        _within("gps_every_min", self.gps_every_min, 2, 720)
        _within("gps_fixes", self.gps_fixes, 1, 60)
        _within("nights_per_week", self.nights_per_week, 0, 7)
        _within("night_segment_h", self.night_segment_h, 0.1, 5)
        _within("sessions_per_month", self.sessions_per_month, 0, 30)
        _within("session_min", self.session_min, 1, 60)
        if self.beiwe_days is not None:
            _within("beiwe_days", self.beiwe_days, 0, 100_000)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise EuthymiaError(f"profile field {name} must lie in {low} to {high}")


FULL: Final = Profile()
"""Everything a well-equipped research clinic records: 6 MB and 650 files a person in 120 days."""

DEMO: Final = Profile(
    phone_share=0.6,
    wearable_share=0.5,
    beiwe_days=5,
    gps_every_min=20,
    gps_fixes=1,
    physiology_share=0.2,
    nights_per_week=2.0,
    night_segment_h=0.5,
    sessions_per_month=1.0,
    session_min=3.0,
)
"""Small enough that 90 people for 120 days are written in about ten seconds on two cores."""

COHORT: Final = Profile(
    beiwe_zip=True, gps_fixes=1, physiology_share=0.2, nights_per_week=1.0, sessions_per_month=1.0
)
"""For thousands of people: no loose hourly files; 2 MB and 10 files a person in 120 days."""

PROFILES: Final = {"demo": DEMO, "cohort": COHORT, "full": FULL}
