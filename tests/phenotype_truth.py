"""People whose days are known to the second, for judging the daily features of phones.

Written apart from the code of the features and from `euthymia.simulate`, and on other principles:
ways are fractal curves walked, cycled or driven with halts; the error of a fix wanders, has heavy
tails and now and then jumps by kilometres; phones are off when their owners sleep or want no
company; people move house, work nights, fly across zones and live on the date line.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

METRES = 111_194.93  # a degree of latitude on a sphere of 6371 km
KINDS = ("office", "student", "shift", "quiet", "office", "mover", "traveller", "dateline")
CITIES = {
    "Europe/London": (51.5, -0.12),
    "America/New_York": (40.7, -73.9),
    "Australia/Sydney": (-33.87, 151.1),
    "Europe/Oslo": (59.92, 10.75),
    "America/Sao_Paulo": (-23.5, -46.6),
}
FLIGHTS = (  # from, to: where (longitudes run on over the date line), and how long in the air [h]
    ("Europe/London", (51.5, -0.12), "Asia/Tokyo", (35.68, 139.7), 12.0),
    ("Pacific/Auckland", (-36.85, 174.76), "Pacific/Honolulu", (21.3, 202.14), 8.5),
    ("Pacific/Auckland", (-36.85, 174.76), "America/Los_Angeles", (34.0, 241.75), 12.0),
    ("America/New_York", (40.7, -73.9), "Europe/Oslo", (59.92, 10.75), 7.5),
)


@dataclass
class Life:
    """What was true: where, which place, asleep or not; times in seconds UTC."""

    kind: str
    zones: list[tuple[float, str]]
    days: list[date]
    day_zones: list[str]
    places: list[tuple[float, float]] = field(default_factory=list)
    homes: list[tuple[float, int]] = field(default_factory=list)  # since, place
    knots: list[tuple[float, float, float, int, bool]] = field(default_factory=list)
    sleeps: list[tuple[float, float]] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)  # onsets before which the phone lay unused

    @property
    def start(self):
        return moment(self.days[0], 0, self.zones[0][1])

    @property
    def end(self):
        return moment(self.days[-1] + timedelta(days=1), 0, self.zones[-1][1])

    def zone_at(self, t):
        return [z for since, z in self.zones if since <= t or since == self.zones[0][0]][-1]

    def home_at(self, t):
        return [p for since, p in self.homes if since <= t or since == self.homes[0][0]][-1]


def moment(day, hour, zone):
    """Return an instant [s UTC] of the wall clock; `hour` may be below 0 or above 24."""
    wall = datetime.combine(day, datetime.min.time()) + timedelta(hours=float(hour))
    return wall.replace(tzinfo=ZoneInfo(zone)).timestamp()


def wall_date(t, zone):
    return datetime.fromtimestamp(t, tz=UTC).astimezone(ZoneInfo(zone)).date()


def metres_between(a, b):
    """Return distances over ground [m] between rows of (latitude, longitude)."""
    a, b = np.radians(np.atleast_2d(a)), np.radians(np.atleast_2d(b))
    chord = np.sin((b - a) / 2) ** 2
    h = chord[:, 0] + np.cos(a[:, 0]) * np.cos(b[:, 0]) * chord[:, 1]
    return 2 * 6_371_000.0 * np.arcsin(np.sqrt(np.clip(h, 0, 1)))


def shifted(place, east, north):
    """Return (latitude, longitude) so many metres from a place."""
    return np.stack(
        [
            place[0] + np.asarray(north) / METRES,
            place[1] + np.asarray(east) / (METRES * np.cos(np.radians(place[0]))),
        ],
        axis=-1,
    )


def winding(a, b, rng):
    """Return points of a curve from a to b: midpoints displaced, ever less, down to some 60 m."""
    length = float(metres_between(a, b)[0])
    points = np.array([a, b], float)
    scale = np.array([METRES * np.cos(np.radians(a[0])), METRES])
    roughness = rng.uniform(0.15, 0.3)
    for _ in range(int(np.clip(np.log2(max(length, 120) / 60), 1, 9))):
        east_north = (points[1:] - points[:-1])[:, ::-1] * scale
        across = east_north[:, ::-1] * [-1, 1] * roughness * rng.normal(size=(len(east_north), 1))
        middle = (points[1:] + points[:-1]) / 2 + (across / scale)[:, ::-1]
        joined = np.empty((2 * len(middle) + 1, 2))
        joined[::2], joined[1::2] = points, middle
        points, roughness = joined, roughness * 0.75  # roads bend less the closer one looks
    return points


class Walker:
    """Writes the knots of a life: stays and ways in order of time."""

    def __init__(self, life, rng):
        self.life, self.rng, self.ways = life, rng, {}
        self.now, self.at = life.start, life.homes[0][1]
        self._knot(self.now, life.places[self.at], self.at)

    def _knot(self, t, where, place, flight=False):
        self.life.knots.append((t, float(where[0]), float(where[1]), place, flight))

    def leave(self, depart):
        self.now = max(self.now + 60, depart)
        self._knot(self.now, self.life.places[self.at], -1)

    def arrive(self, place):
        self.at = place
        self._knot(self.now, self.life.places[place], place)

    def follow(self, points):
        """Go along points at the speed of their length; halts at lights, seldom for minutes."""
        rng, steps = self.rng, metres_between(points[:-1], points[1:])
        length = steps.sum()
        lowest, highest, halts = (
            (1.1, 1.6, 0.0005) if length < 1500 else (3.5, 8.0, 0.001) if length < 6000
            else (8.0, 22.0, 0.0008)
        )  # fmt: skip
        speed = rng.uniform(lowest, highest) * rng.lognormal(0, 0.2, steps.size)
        for point, step, v in zip(points[1:], steps, speed, strict=True):
            self.now += step / v
            self._knot(self.now, point, -1)
            if rng.random() < halts * step:
                self.now += rng.uniform(15, 60) if rng.random() < 0.96 else rng.uniform(180, 400)
                self._knot(self.now, point, -1)

    def go(self, place, depart):
        """Go to a place, by the way that is always taken there (seldom by another)."""
        if place == self.at:
            return
        pair = (min(place, self.at), max(place, self.at))
        if pair not in self.ways or self.rng.random() < 0.15:
            self.ways[pair] = winding(*(self.life.places[p] for p in pair), self.rng)
        way = self.ways[pair]
        self.leave(depart)
        self.follow(way if pair[0] == self.at else way[::-1])
        self.arrive(place)

    def stroll(self, depart):
        """Walk round and come back to where it began, without a stop."""
        here, size = self.life.places[self.at], self.rng.uniform(250, 700)
        turn = self.rng.uniform(0, 6.3) + np.array([0.0, 1.6, 3.1])
        corners = shifted(here, size * np.cos(turn), size * np.sin(turn))
        stops = [here, *corners, here]
        legs = [winding(stops[i], stops[i + 1], self.rng) for i in range(4)]
        self.leave(depart)
        for leg in legs:
            self.follow(leg)
        self.arrive(self.at)

    def fly(self, port, hours):
        """Fly from where one is (the airport) to another one."""
        self.now += 5400
        self._knot(self.now, self.life.places[self.at], -1, True)
        self.now += hours * 3600
        self._knot(self.now, self.life.places[port], port)
        self.at = port
        self.now += 2400


def town(centre, rng, count=9):
    """Return places: home, work, one 160-400 m from each, others 0.6-25 km away."""
    found = [tuple(shifted(centre, *rng.uniform(-2000, 2000, 2)))]
    near = {2: 0, 3: 1}
    while len(found) < count:
        i = len(found)
        far = rng.uniform(160, 400) if i in near else 1000 * rng.choice([0.6, 1.5, 3, 6, 12, 25])
        far *= 1 if i in near else rng.uniform(0.8, 1.3)
        angle = rng.uniform(0, 2 * np.pi)
        point = shifted(found[near.get(i, 0)], far * np.cos(angle), far * np.sin(angle))
        if metres_between(np.array(found), point).min() >= 160:
            found.append(tuple(point))
    return found


def nights(life, rng):
    """Return onset and offset [s UTC] of the main sleep that ends on each date, by the zone."""
    bed, length = rng.normal(23.3, 0.8), rng.normal(7.5, 0.5)
    found = []
    for i, day in enumerate(life.days):
        zone = life.day_zones[i]
        late = 0.8 if day.weekday() >= 5 else 0.0
        onset = bed - 24 + late + rng.normal(0, 0.6)
        if works_nights(life, i - 1):
            onset = rng.normal(8.3, 0.5)
        elif works_nights(life, i):
            onset += 1.0
        offset = onset + max(rng.normal(length - 1.2 * (onset > 6), 0.7), 4.0)
        found.append((moment(day, onset, zone), moment(day, offset, zone)))
    return found


def works_nights(life, i):
    return life.kind == "shift" and i >= 0 and i % 9 >= 5


def outings(walker, rng, choices, begin, until):
    """Visit places one after another, each for 45 minutes or more, and be home by `until`."""
    t = begin
    for place in choices:
        if t > until - 5400:
            break
        walker.go(place, t)
        t = walker.now + rng.uniform(0.8, 2.2) * 3600
    walker.go(walker.life.home_at(walker.now), min(t, max(until, walker.now + 2700)))


def one_day(walker, rng, i, town_of):
    """Live one day between waking and sleeping, as the kind of person one is."""
    life, day = walker.life, walker.life.days[i]
    wake = life.sleeps[i][1]
    bed = life.sleeps[i + 1][0] if i + 1 < len(life.days) else moment(day, 23, life.zone_at(wake))
    home, work, by_home, by_work, *others = town_of
    weights = np.array([4, 3, 2, 1, 0.6, 0.4][: len(others)])
    some = rng.choice(others, rng.integers(1, 3), replace=False, p=weights / weights.sum())
    until = bed - rng.uniform(0.4, 1.2) * 3600
    if works_nights(life, i):
        outings(walker, rng, [by_home] if rng.random() < 0.3 else [], wake + 5400, until - 14400)
        walker.go(work, moment(day, 21.2, life.zone_at(wake)))
        walker.go(home, moment(day, 30.1, life.zone_at(wake)))
        return
    if life.kind != "quiet" and day.weekday() < 5:
        walker.go(work, wake + rng.uniform(0.6, 1.3) * 3600)
        t = walker.now + rng.uniform(3, 4.2) * 3600
        if rng.random() < (0.9 if life.kind == "student" else 0.4):
            walker.go(by_work, t)
            t = walker.now + rng.uniform(45, 75) * 60
            walker.go(work, t)
        t = walker.now + rng.uniform(3, 4.2) * 3600
        outings(walker, rng, some if rng.random() < 0.4 else [], t, until)
    elif rng.random() < 0.75:
        first = [by_home] if rng.random() < 0.4 else []
        outings(walker, rng, [*first, *some], wake + rng.uniform(1.5, 4) * 3600, until)
    if rng.random() < 0.25 and walker.now < until - 7200:
        walker.stroll(walker.now + rng.uniform(0.8, 1.2) * 3600)


def live(kind, days, seed):
    """Return the life of a person of one kind (`KINDS`) over so many dates."""
    rng = np.random.default_rng([seed, 77])
    flight = FLIGHTS[rng.integers(len(FLIGHTS))]
    zone = list(CITIES)[rng.integers(len(CITIES))]
    centre = CITIES[zone]
    if kind == "traveller":
        zone, centre = flight[:2]
    if kind == "dateline":
        zone, centre = "Pacific/Fiji", (-16.8, 180.0)
    first = date(2026, 3, 14) if seed % 2 else date(2026, 10, 14)
    dates = [first + timedelta(days=k) for k in range(days)]
    life = Life(kind, [(0.0, zone)], dates, [zone] * days)
    life.places = town(centre, rng)
    life.homes = [(0.0, 0)]
    if kind == "traveller":
        return _travelled(life, flight, rng)
    life.sleeps = nights(life, rng)
    walker, here, move = Walker(life, rng), list(range(9)), days // 2 - 2
    for i in range(days):
        if kind == "mover" and i == move:
            life.places.append(tuple(shifted(life.places[0], *rng.choice([-1, 1], 2) * 2500)))
            walker.go(9, life.sleeps[i][1] + 3 * 3600)
            life.homes.append((walker.now, 9))
            here = [9, *here[1:2], 4, *here[3:4], *here[5:]]
        one_day(walker, rng, i, here)
    return _closed(life, walker)


def _closed(life, walker):
    walker.now = max(life.end, walker.now)
    life.knots.append((walker.now + 60, *life.places[walker.at], walker.at, False))
    return life


def _travelled(life, flight, rng):
    """Fly on the 12th date, stay for some nights, fly back."""
    home_zone, _, zone, there, hours = flight
    days, out, back = len(life.days), 11, 11 + int(rng.integers(4, 7))
    abroad = len(life.places)
    life.places += [
        tuple(shifted(life.places[0], 18_000, 9_000)),
        tuple(shifted(there, 15_000, -9_000)),
        *town(there, rng, 4),
    ]
    gone = moment(life.days[out], 13, home_zone)
    landed = gone + hours * 3600 + 600
    first_day_there = wall_date(landed, zone)
    stay = [first_day_there + timedelta(days=k + 1) for k in range(back - out)]
    returned = moment(stay[-1], 11, zone) + hours * 3600 + 600
    after = wall_date(returned, home_zone)
    life.zones = [(0.0, home_zone), (landed, zone), (returned, home_zone)]
    rest = [after + timedelta(days=k + 1) for k in range(max(days - back - 2, 5))]
    life.days = [*life.days[: out + 1], *stay, *rest]
    life.day_zones = [*[home_zone] * (out + 1), *[zone] * len(stay), *[home_zone] * len(rest)]
    life.sleeps = nights(life, rng)
    for i, since in ((out + 1, landed), (out + 1 + len(stay), returned)):
        onset = max(life.sleeps[i][0], since + 9000)
        life.sleeps[i] = onset, max(life.sleeps[i][1], onset + 4 * 3600)
    walker, home, port, other = Walker(life, rng), list(range(9)), abroad, abroad + 1
    for i, day in enumerate(life.days):
        if i == out or day == stay[-1]:
            source, target = (port, other) if i == out else (other, port)
            walker.go(source, max(life.sleeps[i][1] + 1800, walker.now))
            at = gone if i == out else moment(day, 11, zone)
            walker.now = max(walker.now, at - 5400)
            walker.fly(target, hours)
            walker.go(abroad + 2 if i == out else 0, walker.now)
        elif out < i <= out + len(stay):
            spots = rng.permutation([abroad + 3, abroad + 5])[: rng.integers(1, 3)]
            t = life.sleeps[i][1] + 5400
            for spot in spots:
                walker.go(int(spot), t)
                t = walker.now + rng.uniform(1, 3) * 3600
            walker.go(abroad + 2, t)
        else:
            one_day(walker, rng, i, home)
    return _closed(life, walker)
