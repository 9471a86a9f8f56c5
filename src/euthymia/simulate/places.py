"""Sites, cities, and points in them. The coordinates inside a city are invented."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

EARTH_KM: Final = 6371.0088


class Point(NamedTuple):
    """A place on the globe [deg]."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class City:
    """A city: its centre, how far it reaches, and its IANA zone."""

    name: str
    region: str
    country: str
    postcode: str
    centre: Point
    reach_km: float
    zone: str


@dataclass(frozen=True, slots=True)
class Site:
    """One of the three clinics: who comes there, and with what devices they are recorded.

    `counts_scale` is the actigraph maker's own unit; `gps_error_m` the median accuracy of fixes;
    `beat_loss` the share of beats the wrist sensor drops at rest; `severe` moves the casemix.
    """

    number: int
    code: str
    name: str
    city: City
    phone_system: str
    counts_scale: float
    gps_error_m: float
    beat_loss: float
    severe: float
    mean_age: float
    races: tuple[tuple[str, float], ...]
    hispanic: float
    languages: tuple[tuple[str, float], ...]
    ios_share: float
    weight: float


BOSTON: Final = City("Boston", "MA", "US", "021", Point(42.3467, -71.0972), 9.0, "America/New_York")
CHICAGO: Final = City(
    "Chicago", "IL", "US", "606", Point(41.8757, -87.6440), 14.0, "America/Chicago"
)
LONDON: Final = City(
    "London", "England", "GB", "SE5 ", Point(51.4895, -0.0886), 12.0, "Europe/London"
)

SITES: Final = (
    Site(
        1, "HBR", "Harbour Street Clinic", BOSTON, "beiwe", 1.0, 9.0, 0.18, -0.15, 34,
        (("2106-3", 0.62), ("2054-5", 0.14), ("2028-9", 0.16), ("2131-1", 0.08)), 0.14,
        (("en", 0.9), ("es", 0.07), ("pt", 0.03)), 0.55, 0.36,
    ),
    Site(
        2, "LKS", "Lakeside Behavioral Health", CHICAGO, "aware", 0.78, 14.0, 0.26, 0.0, 41,
        (("2106-3", 0.44), ("2054-5", 0.36), ("2028-9", 0.07), ("2131-1", 0.13)), 0.27,
        (("en", 0.8), ("es", 0.17), ("pl", 0.03)), 0.35, 0.38,
    ),
    Site(
        3, "STB", "St Bride's Mood Service", LONDON, "aware", 1.3, 12.0, 0.22, 0.15, 46,
        (("2106-3", 0.58), ("2054-5", 0.18), ("2028-9", 0.17), ("2131-1", 0.07)), 0.04,
        (("en", 0.88), ("bn", 0.05), ("pl", 0.07)), 0.45, 0.26,
    ),
)  # fmt: skip
"""Three sites with different casemix and devices; site 1 uses Beiwe, the others AWARE."""

DESTINATIONS: Final = (
    City("Los Angeles", "CA", "US", "900", Point(34.0537, -118.2428), 15, "America/Los_Angeles"),
    City("Phoenix", "AZ", "US", "850", Point(33.4484, -112.0740), 12, "America/Phoenix"),
    City("Denver", "CO", "US", "802", Point(39.7392, -104.9903), 10, "America/Denver"),
    City("Lisbon", "Lisboa", "PT", "1100", Point(38.7223, -9.1393), 7, "Europe/Lisbon"),
    City("Berlin", "Berlin", "DE", "101", Point(52.5200, 13.4050), 10, "Europe/Berlin"),
    City("Kolkata", "WB", "IN", "700", Point(22.5726, 88.3639), 10, "Asia/Kolkata"),
    City("Tokyo", "Tokyo", "JP", "100", Point(35.6762, 139.6503), 12, "Asia/Tokyo"),
    City("Sydney", "NSW", "AU", "200", Point(-33.8688, 151.2093), 10, "Australia/Sydney"),
)
"""Where people travel: other daylight-saving rules, none, and an offset of half an hour."""


def moved(point: Point, north_km: float, east_km: float) -> Point:
    """Return the point so many kilometres to the north and east (for short distances)."""
    latitude = point.latitude + np.degrees(north_km / EARTH_KM)
    narrow = np.cos(np.radians(point.latitude))
    longitude = point.longitude + np.degrees(east_km / (EARTH_KM * narrow))
    return Point(round(float(latitude), 6), round(float(longitude), 6))


def somewhere(city: City, rng: np.random.Generator, spread: float = 1.0) -> Point:
    """Return an invented point of a city."""
    north, east = rng.normal(0, city.reach_km * spread / 2, 2)
    return moved(city.centre, float(north), float(east))


def nearby(point: Point, rng: np.random.Generator, median_km: float) -> Point:
    """Return a point at a log-normal distance around `median_km` in any direction."""
    far = float(np.exp(rng.normal(np.log(median_km), 0.6)))
    angle = float(rng.uniform(0, 2 * np.pi))
    return moved(point, far * np.cos(angle), far * np.sin(angle))
