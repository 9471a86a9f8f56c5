"""What each mobility feature is, from which paper, and what is known to make it wrong."""

from typing import Final

from euthymia.features.contract import Feature

_BARNETT: Final = "Barnett & Onnela 2020, doi:10.1093/biostatistics/kxy059"
_SAEB: Final = "Saeb et al. 2015, doi:10.2196/jmir.4273"
_CANZIAN: Final = "Canzian & Musolesi 2015, doi:10.1145/2750858.2805845"
_GONZALEZ: Final = "Gonzalez et al. 2008, doi:10.1038/nature06958"
_LOMB: Final = (
    "Saeb et al. 2015, doi:10.2196/jmir.4273; Zechmeister & Kurster 2009, "
    "doi:10.1051/0004-6361:200811296"
)
_MULLER: Final = "Muller et al. 2020, doi:10.1002/per.2262"

_HOME = (
    "Home is the place of most of the last 21 known nights (00:00 to 06:00), where nights more "
    "than 100 km from the home so far count half, and a night worked (on its date 12 hours or more "
    "at another place, at most 9.5 at this one) counts for that other place."
)
_HOME_LIMIT = (
    "After a move the new home counts from its 11th night on (15th beyond 100 km); a longer stay "
    "elsewhere becomes home. Wrong for who works nights of over 9 hours. Not the place most "
    "visited: for many that is the workplace."
)
_GAP = (
    "Gaps under three hours are filled with what their ends say (kernels/mobility_pieces.py), "
    "longer ones with the likeliest course by the person's own last four weeks at the same half "
    "hours (kernels/mobility_history.py), without chance, so that the same data give the same "
    "number; Forest draws it at random. In the first days there is no history."
)
_MOVES = (
    "Recordings that tell moves alone (a fix after 500 m and none while the phone lies still, as "
    "of iOS significant changes) are told by how silences end; there silence is a rest within that "
    "distance (kernels/mobility_moves.py), places closer than some 600 m are one, and a date "
    "without a fix is not told. Where fixes of such a recording were lost, most days are not told, "
    "and those that are can be off by three times their error. Tried on made-up recordings alone."
)
_STAY = "A stay: 10 minutes or more within 60 to 240 m (four times the scatter of the fixes)."
_SHORT = (
    "Visits under 10 minutes, or between two fixes, are not seen; places closer than 150 m are one."
)
_SPARSE = (
    "What lines between fixes cut off of streets is estimated, well with a fix a minute; with one "
    "in five minutes ways come out some 10 % short. Where fixes are 10 minutes apart: from the "
    "angle that bursts of fixes show, else as 6 % for all, which in a city of right angles is too "
    "little."
)
_TRIP = (
    "A trip is the way between two stays, 100 m or longer, flights (over 200 km at over 100 km/h "
    "without a fix) left out."
)


def _f(
    name: str,
    title: str,
    unit: str,
    definition: str,
    paper: str,
    low: float | None = 0,
    high: float | None = None,
    worse: int = 0,
    limits: str = "",
    period: float | None = None,
) -> Feature:
    return Feature(name, title, unit, definition, paper, low, high, worse, period, limits)


_OF_HOME: Final = (
    _f(
        "home_time_h",
        "Time at home",
        "h",
        f"Hours at home. {_HOME} Known time only: fixes, and gaps filled as far as they can be. "
        "NaN where the error to be expected is a quarter of the window or more.",
        _BARNETT,
        0,
        9000,
        1,
        f"{_GAP} {_HOME_LIMIT} {_MOVES}",
    ),
    _f(
        "home_time_error_h",
        "Error of the time at home",
        "h",
        "Mean error to be expected of "
        "home_time_h: in gaps filled by history, 0.7 of the chance of the other thing; in shorter "
        "ones at one place, the time away of a person who leaves places as often as this one so "
        "far; where the place changed in one, a quarter of the time that the way left over, a "
        "tenth where only one end is a place, and half of what this person's ways usually take "
        "longer; half of what is not known at all. In a recording that tells moves alone: short "
        "ways that it does not tell, and where the last fix before a rest was off by over 200 m, "
        "the share of the time at places near it that was spent at others.",
        _BARNETT,
        0,
        9000,
        0,
        "Where there is no history, leaving is taken to be as likely by night as by day: too "
        "large for gaps at night. It does not hold the doubt which place is home: while nights "
        "are spent at a new one, home_time_h is the time at the old one until the new one counts.",
    ),
    _f(
        "night_home_share",
        "Night at home",
        "1",
        f"Share of the known time from 00:00 to 06:00 that was spent at home. {_HOME}",
        _BARNETT,
        0,
        1,
        0,
        _HOME_LIMIT,
    ),
    _f(
        "first_leave_h",
        "First left home",
        "h",
        "Clock hour at which home was first left. NaN if it was not.",
        _MULLER,
        0,
        24,
        0,
        _SHORT,
        24,
    ),
    _f(
        "last_return_h",
        "Last came home",
        "h",
        "Clock hour of the last return home. NaN without one.",
        _MULLER,
        0,
        24,
        0,
        _SHORT,
        24,
    ),
    _f(
        "max_distance_home_km",
        "Farthest from home",
        "km",
        "Largest distance from home over ground.",
        _CANZIAN,
        0,
        20040,
        -1,
        _HOME_LIMIT,
    ),
    _f(
        "mean_distance_home_km",
        "Mean distance from home",
        "km",
        "Time-weighted mean distance from home over ground.",
        _CANZIAN,
        0,
        20040,
        -1,
        _HOME_LIMIT,
    ),
)
_OF_WAYS: Final = (
    _f(
        "distance_km",
        "Distance travelled",
        "km",
        "Length of all ways between stays, flights left "
        "out. The scatter of fixes during a stay adds nothing. A straight line between fixes up to "
        "5 minutes apart is made longer by the share by which lines twice as long around it are "
        "shorter (Laube & Purves 2011, doi:10.1111/j.1467-9671.2011.01256.x); one of 5 to 30 "
        "minutes by 1 - cos of the angle between it and the ways seen within 2 minutes of its "
        "ends. Through a gap of over half an hour with somebody on the way at both ends, the pace "
        "of both for as long as ways of this person usually last.",
        _BARNETT,
        0,
        None,
        -1,
        f"{_SPARSE} {_GAP} Recordings that tell moves alone have a fix in five minutes at most: "
        "ways come out 15 to 20 % short. Who is on the way all day "
        "comes out a quarter short where half of the hours are missing, with a third of that told.",
    ),
    _f(
        "distance_error_km",
        "Error of the distance",
        "km",
        "Mean error to be expected of distance_km: 3 % of lines between fixes a minute apart, "
        "rising to 9 % at 5 minutes, 6 % of longer ones, 9 % where nothing was seen of how the way "
        "winds, 20 % of ways filled in by history and of those of a recording that tells moves "
        "alone; in gaps at one place the chance that it was left, times a round trip of "
        "6 km or to the next likeliest place.",
        _BARNETT,
        0,
        None,
        0,
        "The percentages were set on simulated streets. Errors of several days are alike, so the "
        "mean over a month is hardly better than a day.",
    ),
    _f(
        "flight_km",
        "Distance flown",
        "km",
        "Straight lines of over 200 km between two fixes at over 100 km/h.",
        _GONZALEZ,
        0,
        None,
        0,
        "A fast train in a long tunnel looks the same.",
    ),
    _f("trips", "Trips", "{trips}", f"Number of trips. {_TRIP}", _BARNETT, 0, None, -1, _SHORT),
    _f(
        "trip_length_mean_km",
        "Mean length of trips",
        "km",
        f"{_TRIP} NaN without one.",
        _BARNETT,
        0,
        None,
        0,
        _SPARSE,
    ),
    _f(
        "trip_length_sd_km",
        "Spread of the length of trips",
        "km",
        f"Standard deviation (n - 1). {_TRIP} NaN with fewer than two.",
        _BARNETT,
        0,
        None,
        0,
        _SPARSE,
    ),
    _f(
        "trip_duration_mean_min",
        "Mean duration of trips",
        "min",
        f"{_TRIP} NaN without one.",
        _BARNETT,
        0,
        None,
        0,
        _SHORT,
    ),
    _f(
        "trip_duration_sd_min",
        "Spread of the duration of trips",
        "min",
        f"Standard deviation (n - 1). {_TRIP} NaN with fewer than two.",
        _BARNETT,
        0,
        None,
        0,
        _SHORT,
    ),
    _f(
        "transitions",
        "Changes of place",
        "{changes}",
        "How many times another place followed a place.",
        _SAEB,
        0,
        None,
        -1,
        _SHORT,
    ),
    _f(
        "transit_h",
        "Time on the way",
        "h",
        "Hours on the way between stays, flights included.",
        _SAEB,
        0,
        9000,
        0,
        _GAP,
    ),
    _f(
        "stationary_share",
        "Share of time not on the way",
        "1",
        "Known time not on the way over known time.",
        _SAEB,
        0,
        1,
        1,
        "Told by stays, not by the speed of single fixes, whose scatter is a speed too; RAPIDS' "
        "movingtostaticratio is static time over all time, the reverse of its name.",
    ),
    _f(
        "speed_mean_km_per_h",
        "Mean speed on the way",
        "km/h",
        "Distance over time on the way, flights left out. NaN without a way.",
        _CANZIAN,
        0,
        None,
        0,
        _SPARSE,
    ),
    _f(
        "speed_sd_km_per_h",
        "Spread of the speed on the way",
        "km/h",
        "Time-weighted standard deviation of the speed of the parts of ways.",
        _CANZIAN,
        0,
        None,
        0,
        f"{_SPARSE} Averaged over a minute or longer, and over 50 m or more.",
    ),
)
_OF_SHAPE: Final = (
    _f(
        "radius_of_gyration_km",
        "Radius of gyration",
        "km",
        "Root of the time-weighted mean squared "
        "distance (straight through the earth) from the mean position.",
        _GONZALEZ,
        0,
        6372,
        -1,
        "A root mean square: a mean distance, as Forest's and RAPIDS' radii are, is smaller; and "
        "weighted by time, not by the number of fixes, which grows where signals are good.",
    ),
    _f(
        "location_variance_m2",
        "Location variance",
        "m2",
        "Time-weighted mean squared distance "
        "from the mean position: the square of the radius of gyration.",
        _SAEB,
        0,
        4.1e13,
        -1,
        "In m^2. Elsewhere it is the sum of variances of latitude and longitude in degrees^2, "
        "often called m^2: those shrink towards the poles and jump at the date line.",
    ),
    _f(
        "log_location_variance",
        "Location variance (logarithm)",
        "1",
        "Natural logarithm of location_variance_m2, of at least 1 m^2.",
        _SAEB,
        0,
        32,
        -1,
        "As of location_variance_m2; below some 7 (30 m) it is the scatter of the fixes.",
    ),
    _f(
        "max_diameter_km",
        "Largest extent",
        "km",
        "Largest distance over ground between two positions.",
        _CANZIAN,
        0,
        20040,
        -1,
        "One far journey decides it.",
    ),
)
_OF_PLACES: Final = (
    _f(
        "places", "Places visited", "{places}", f"Number of different places stayed at. {_STAY}",
        _SAEB, 0, None, -1, _SHORT,
    ),
    _f(
        "entropy", "Entropy of places", "1", "-sum p ln p over places, p the share of the time at "
        "places. NaN without a place.", _SAEB, 0, 10, -1, _SHORT,
    ),
    _f(
        "normalised_entropy", "Normalised entropy of places", "1", "Entropy over ln n, n the "
        "number of places visited. NaN with fewer than two.", _SAEB, 0, 1, -1,
        "Divided by ln n as in the paper, so 1 means even; divided by n, as elsewhere, it is not "
        "bounded by 1 and falls with every place added.",
    ),
    _f("stay_mean_h", "Mean length of stays", "h", f"{_STAY} NaN without one.", _CANZIAN, 0, 9000,
       0, "Stays are cut at the ends of the window."),
    _f("stay_sd_h", "Spread of the length of stays", "h", f"Standard deviation (n - 1). {_STAY} "
       "NaN with fewer than two.",
        _CANZIAN, 0, 9000, 0, "Stays are cut at the ends of the window."),
    _f("stay_longest_h", "Longest stay", "h", f"{_STAY} NaN without one.", _CANZIAN, 0, 9000, 0,
       "Stays are cut at the ends of the window."),
    _f("top_place_h", "Time at the first place", "h", "Hours at the place where most time was "
       "spent.", _SAEB, 0, 9000, 0, "Need not be home."),
    _f("second_place_h", "Time at the second place", "h", "Hours at the place where the second "
       "most time was spent; 0 without one.", _SAEB, 0, 9000, 0, _SHORT),
    _f("third_place_h", "Time at the third place", "h", "Hours at the place where the third most "
       "time was spent; 0 without one.", _SAEB, 0, 9000, 0, _SHORT),
    _f(
        "novel_place_share", "Share of time at new places", "1", "Share of the time at places that "
        "was spent at places first seen on that local day.", _CANZIAN, 0, 1, 0,
        "All places are new on the first day of recording.",
    ),
    _f(
        "unfamiliar_share", "Share of time off the known places", "1", "Share of stationary time "
        "spent at places with less than half an hour of stays in the whole follow-up so far, or at "
        "none.", _MULLER, 0, 1, 0, _SHORT,
    ),
    _f(
        "places_known", "Places known", "{places}", "Places stayed at for half an hour or more in "
        "the whole follow-up so far. A place keeps its identity from first to last.", _SAEB, 0,
        None, 0, f"{_SHORT} {_MOVES}",
    ),
)  # fmt: skip
_OF_RHYTHM: Final = (
    _f(
        "circadian_movement",
        "Circadian movement",
        "1",
        "Natural logarithm of the variance [m^2] "
        "that a wave of 24 hours on the wall clock explains in the position, over the last 14 "
        "local days (generalised Lomb-Scargle over the recorded time of all coordinates; at least "
        "1 m^2). NaN with less than two days recorded.",
        _LOMB,
        0,
        32,
        -1,
        "Times are real ones: periodograms of the row number, as elsewhere, follow the sampling. "
        "A fortnight cannot tell 24 from 23.5 or 24.5 hours, which the paper averages over.",
    ),
    _f(
        "circadian_share",
        "Share of circadian movement",
        "1",
        "Share of the location variance of "
        "the last 14 local days that a wave of 24 hours explains.",
        _LOMB,
        0,
        1,
        -1,
        "One journey in the fortnight makes it small. NaN for who never moves.",
    ),
    _f(
        "routine_index",
        "Routine index",
        "1",
        "At how many of the half hours in which the person "
        "was known to be somewhere was the place the same as at this time on another day of the 28 "
        "before? 1: always.",
        _CANZIAN,
        0,
        1,
        -1,
        "Compares places, not distances: on the way is like nothing. NaN with fewer than 48 pairs.",
    ),
    _f(
        "weekpart_routine_index",
        "Routine index within the part of the week",
        "1",
        "The routine index against days of the same part of the week alone (weekdays, weekends).",
        _CANZIAN,
        0,
        1,
        -1,
        "NaN with fewer than 48 pairs.",
    ),
)
_OF_DATA: Final = (
    _f(
        "longest_gap_h",
        "Longest time without a fix",
        "h",
        "Longest time in the window without a usable fix.",
        _BARNETT,
        0,
        9000,
        0,
        "Says nothing of why: a phone that is off, dozes or is indoors looks the same.",
    ),
    _f(
        "imputed_pct",
        "Share filled in",
        "%",
        "Share of the known time that lies in gaps of more than half an hour.",
        _BARNETT,
        0,
        100,
        0,
        "Of the known time alone: what could not be filled in either is missing from the coverage. "
        "The rests of a recording that tells moves alone count as filled in.",
    ),
)

FEATURES: Final = (*_OF_HOME, *_OF_WAYS, *_OF_SHAPE, *_OF_PLACES, *_OF_RHYTHM, *_OF_DATA)
"""In the order of `kernels.mobility_rows.NAMES`."""
