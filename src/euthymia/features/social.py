"""Calls and messages of any stretch of time: how many, how long, with how many, who answers."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import (
    SIGNS,
    Taken,
    ends_us,
    hours,
    logged,
    numbers,
    phone_seen_us,
    take,
    times,
)
from euthymia.features.taken import coverage as share_of
from euthymia.features.taken import labels as as_labels
from euthymia.ground.clock import Timeline
from euthymia.kernels.social import IN, MISSED, OUT, answer_delays_us, answered_at_us

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 28
MINUTE_US: Final = 60_000_000


class _Log(NamedTuple):
    """One log of a phone: when, in which direction, with whom, and how long or how much."""

    time: Ints
    direction: Ints
    contact: Ints
    amount: Array


def _log(stream: Columns | None, amount: str) -> _Log:
    if stream is None:
        none = np.zeros(0, np.int64)
        return _Log(none, none, none, np.zeros(0))
    time = np.ascontiguousarray(stream["time"], np.int64)
    direction = np.ascontiguousarray(stream["direction"], np.int64)
    return _Log(time, direction, as_labels(stream, "contact"), numbers(stream, amount))


def _both(streams: Mapping[str, Columns]) -> tuple[_Log, NDArray[np.bool_]]:
    """Return both logs as one, contacts alike in both having one number, and which are calls."""
    parts = [(name, streams[name]) for name in ("calls", "messages") if name in streams]
    time = np.concatenate([times(streams, name) for name, _ in parts])
    order = np.argsort(time, kind="stable")
    whom = [s.get("contact", np.full(s["time"].shape, None, object)) for _, s in parts]
    joined = {"time": time, "contact": np.concatenate([np.asarray(w, object) for w in whom])}
    contact = as_labels(joined, "contact")[order]
    direction = np.concatenate([np.asarray(s["direction"], np.int64) for _, s in parts])[order]
    call = np.concatenate([np.full(s["time"].shape, n == "calls") for n, s in parts])[order]
    return _Log(time[order], direction, contact, np.zeros(time.size)), call


def _known(taken: Taken, log: _Log) -> Taken:
    """Return the events whose contact is known."""
    return taken.where(log.contact >= 0)


def _edges(taken: Taken, hour: Array) -> tuple[Array, Array]:
    """Return the clock hours of the first and the last event of each row."""
    place = taken.index.astype(np.float64)
    order = np.arange(hour.size, dtype=np.float64)
    first, last = (f(order) if place.size else np.full(taken.rows, np.nan)
                   for f in (taken.lowest, taken.highest))  # fmt: skip
    found = []
    for at in (first, last):
        known = ~np.isnan(at)
        clock = np.full(taken.rows, np.nan)
        clock[known] = hour[at[known].astype(np.int64)]
        found.append(clock)
    return found[0], found[1]


def _calls(log: _Log, windows: Windows, timeline: Timeline) -> dict[str, Array]:
    every = take(log.time, windows)
    values: dict[str, Array] = {"call_contacts": _known(every, log).distinct(log.contact)}
    for name, direction in (("in", IN), ("out", OUT), ("missed", MISSED)):
        some = every.where(log.direction == direction)
        values[f"calls_{name}"] = some.count()
        values[f"call_contacts_{name}"] = _known(some, log).distinct(log.contact)
        if direction != MISSED:
            minutes = log.amount / 60
            values[f"calls_{name}_min"] = some.total(minutes)
            values[f"calls_{name}_mean_min"] = some.mean(minutes)
            values[f"calls_{name}_sd_min"] = some.spread(minutes)
            values[f"calls_{name}_longest_min"] = some.highest(minutes)
    values["call_top_contact_pct"] = 100 * _known(every, log).top_share(log.contact)
    values["call_evenness"] = _known(every, log).evenness(log.contact)
    first, last = _edges(every, hours(timeline, log.time))
    return values | {"first_call_h": first, "last_call_h": last}


def _messages(log: _Log, windows: Windows, timeline: Timeline) -> dict[str, Array]:
    every = take(log.time, windows)
    values: dict[str, Array] = {"message_contacts": _known(every, log).distinct(log.contact)}
    for name, direction in (("in", IN), ("out", OUT)):
        some = every.where(log.direction == direction)
        values[f"messages_{name}"] = some.count()
        values[f"message_contacts_{name}"] = _known(some, log).distinct(log.contact)
        told = some.where(~np.isnan(log.amount))
        length = np.where(told.count() > 0, told.total(log.amount), np.nan)
        values[f"messages_{name}_characters"] = np.where(some.count() > 0, length, 0.0)
    values["message_top_contact_pct"] = 100 * _known(every, log).top_share(log.contact)
    values["message_evenness"] = _known(every, log).evenness(log.contact)
    first, last = _edges(every, hours(timeline, log.time))
    return values | {"first_message_h": first, "last_message_h": last}


def _pairs(taken: Taken, log: _Log) -> tuple[Ints, Ints, Ints]:
    """Return, for each row and known contact: the row, events in, events out."""
    known = _known(taken, log)
    base = int(log.contact.max(initial=0)) + 1
    pair, place = np.unique(known.row * base + log.contact[known.index], return_inverse=True)
    direction = log.direction[known.index]
    got, gave = (np.bincount(place[direction == d], minlength=pair.size) for d in (IN, OUT))
    return pair // base, got, gave


def _exchange(log: _Log, call: NDArray[np.bool_], windows: Windows) -> dict[str, Array]:
    """Return what is said of calls and messages together."""
    every = take(log.time, windows)
    rows = windows.day.size
    row, got, gave = _pairs(every.where(log.direction != MISSED), log)
    met = np.bincount(row, minlength=rows).astype(np.float64)
    mutual = np.bincount(row[(got > 0) & (gave > 0)], minlength=rows)
    came, went = (every.where(log.direction == d).count() for d in (IN, OUT))
    missed = call & (log.direction == MISSED)
    replies = log.direction == OUT
    tried = _known(every.where(missed), log)
    end = ends_us(windows)[1]
    answered = answered_at_us(log.time, log.contact, replies)[tried.index] < end[tried.row]
    returned = np.bincount(tried.row[answered], minlength=rows)
    waited = answer_delays_us(log.time, log.contact, missed, replies) / MINUTE_US
    return {
        "contacts": _known(every, log).distinct(log.contact),
        "out_share_pct": 100 * went / (came + went),
        "reciprocity_pct": 100 * mutual / met,
        "missed_returned_pct": 100 * returned / tried.count(),
        "missed_return_delay_min": every.where(~np.isnan(waited)).quantiles(waited, 0.5)[:, 0],
    }


def _replies(log: _Log, windows: Windows) -> dict[str, Array]:
    """Return how messages are answered."""
    every = take(log.time, windows)
    row, got, gave = _pairs(every, log)
    rows = windows.day.size
    waited = answer_delays_us(log.time, log.contact, log.direction == IN, log.direction == OUT)
    waited = waited / MINUTE_US
    received, sent = np.where(gave == 0, got, 0), np.where(got == 0, gave, 0)
    return {
        "messages_in_unanswered": np.bincount(row, received, rows).astype(np.float64),
        "messages_out_unanswered": np.bincount(row, sent, rows).astype(np.float64),
        "message_reply_delay_min": every.where(~np.isnan(waited)).quantiles(waited, 0.5)[:, 0],
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the calls and messages of each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    seen = phone_seen_us(streams, ("calls", "messages"), windows)
    kept = {
        name: logged(times(streams, name), windows, timeline, LOOKBACK_DAYS)
        for name in ("calls", "messages")
    }
    calls, messages = (
        _log(streams.get("calls"), "duration"),
        _log(streams.get("messages"), "length"),
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        parts: list[tuple[NDArray[np.bool_], dict[str, Array]]] = []
        if calls.time.size:
            parts.append((kept["calls"], _calls(calls, windows, timeline)))
        if messages.time.size:
            parts.append((kept["messages"], _messages(messages, windows, timeline)))
            parts.append((kept["messages"], _replies(messages, windows)))
        if calls.time.size or messages.time.size:
            log, call = _both(streams)
            parts.append((kept["calls"] | kept["messages"], _exchange(log, call, windows)))
    for recorded, found in parts:
        for name, value in found.items():
            values[name] = np.where(recorded & (seen > 0), value, np.nan)
    return Days(values, share_of(windows, seen))


_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_EAGLE = "Eagle et al. 2010, doi:10.1126/science.1186605"
_ONNELA = "Onnela et al. 2007, doi:10.1073/pnas.0610245104"
_SIMS = "Faurholt-Jepsen et al. 2015, doi:10.1111/bdi.12332"
_QUIET = (
    " NaN unless the log has an entry in the four weeks up to the end of the window: an empty log "
    "may not be kept at all."
)
_APPS = (
    "Only the phone's own calls and short messages: what goes through other apps is not in the "
    "log, and which app people use changes over the years and with age."
)
_CONTACT = (
    "A contact is a salted hash: the same person under two numbers counts as two, and events "
    f"without one are left out. {_APPS}"
)


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    high: float | None = None,
    paper: str = _RAPIDS,
    limits: str = _APPS,
    worse: int = -1,
    period: float | None = None,
) -> Feature:
    return Feature(name, title, unit, definition + _QUIET, paper, 0, high, worse, period, limits)


def _call_features() -> tuple[Feature, ...]:
    words = {"in": "answered incoming", "out": "outgoing", "missed": "missed incoming"}
    found = [
        f
        for key, word in words.items()
        for f in (
            _feature(f"calls_{key}", f"Calls, {word}", "{calls}",
                     f"Number of {word} calls that begin in the window."),
            _feature(f"call_contacts_{key}", f"People in calls, {word}", "{contacts}",
                     f"Different contacts of {word} calls.", limits=_CONTACT),
        )
    ]  # fmt: skip
    for key in ("in", "out"):
        of = f"of {words[key]} calls that begin in the window; each call counts in full."
        found += [
            _feature(f"calls_{key}_min", f"Time in calls, {words[key]}", "min",
                     f"Summed length {of}"),
            _feature(f"calls_{key}_mean_min", f"Mean length of calls, {words[key]}", "min",
                     f"Mean length {of} NaN without one.", 1440),
            _feature(f"calls_{key}_sd_min", f"Spread of length of calls, {words[key]}", "min",
                     f"Standard deviation of the length {of} NaN with fewer than two.", 1440),
            _feature(f"calls_{key}_longest_min", f"Longest call, {words[key]}", "min",
                     f"Greatest length {of} NaN without one.", 1440),
        ]  # fmt: skip
    return tuple(found)


def _message_features() -> tuple[Feature, ...]:
    found = []
    for key, word in (("in", "received"), ("out", "sent")):
        found += [
            _feature(f"messages_{key}", f"Messages {word}", "{messages}",
                     f"Number of messages {word}."),
            _feature(f"message_contacts_{key}", f"People in messages {word}", "{contacts}",
                     f"Different contacts of messages {word}.", limits=_CONTACT),
            _feature(f"messages_{key}_characters", f"Length of messages {word}", "{characters}",
                     f"Summed length of messages {word}. NaN where messages were {word} and none "
                     "has a length.", limits="Pictures and other media count as no characters. "
                     + _APPS),
        ]  # fmt: skip
    return tuple(found)


def _shared_features(kind: str, title: str, events: str) -> tuple[Feature, ...]:
    return (
        _feature(f"{kind}_contacts", f"People in {title}", "{contacts}",
                 f"Different contacts of {events}.", limits=_CONTACT),
        _feature(f"{kind}_top_contact_pct", f"Share of the most frequent contact in {title}", "%",
                 f"Share of {events} with the contact that most of them are with, of those whose "
                 "contact is known. The most frequent one of the window, not of the whole "
                 "follow-up, which would look ahead.", 100, limits=_CONTACT, worse=0),
        _feature(f"{kind}_evenness", f"Diversity of contacts in {title}", "1",
                 f"Shannon entropy of the shares of contacts in {events}, over ln n of n contacts; "
                 "NaN with fewer than two.", 1, _EAGLE, _CONTACT),
        _feature(f"first_{kind}_h", f"First of {title}", "h",
                 f"Local clock hour of the first of {events}; NaN without one.", 24, worse=0,
                 period=24),
        _feature(f"last_{kind}_h", f"Last of {title}", "h",
                 f"Local clock hour of the last of {events}; NaN without one.", 24, worse=0,
                 period=24),
    )  # fmt: skip


_EXCHANGE = (
    _feature("contacts", "People in touch with", "{contacts}",
             "Different contacts of calls, missed ones included, and messages.", limits=_CONTACT),
    _feature("out_share_pct", "Share of own initiative", "%",
             "Outgoing calls and messages sent, as a share of these and answered incoming calls "
             "and messages received. NaN without any.", 100, _SIMS),
    _feature("reciprocity_pct", "Share of mutual contacts", "%",
             "Share of contacts (of answered calls, outgoing calls and messages) with whom the "
             "window holds an event in both directions: the reciprocated ties of Onnela et al. "
             "NaN without a contact.", 100, _ONNELA, _CONTACT),
    _feature("missed_returned_pct", "Missed calls returned", "%",
             "Share of missed calls after which the person was called or written to within 24 "
             "hours, before the window ends. NaN without a missed call of a known contact.", 100,
             _SIMS, f"An answer that comes after the window's end does not count. {_CONTACT}"),
    _feature("missed_return_delay_min", "Time until a missed call is returned", "min",
             "Median time that the latest missed call of a person waited for the outgoing call or "
             "message to them in the window: within 24 hours, and since the one before it. NaN "
             "without any.", 1440, _SIMS, _CONTACT, 1),
    _feature("messages_in_unanswered", "Messages received from people not written to",
             "{messages}", "Messages received from contacts to whom none was sent in the window.",
             None, _ONNELA, _CONTACT, 0),
    _feature("messages_out_unanswered", "Messages sent to people who did not write",
             "{messages}", "Messages sent to contacts from whom none was received in the window.",
             None, _ONNELA, _CONTACT, 0),
    _feature("message_reply_delay_min", "Time until a message is answered", "min",
             "Median time that the latest message of a person waited for the one sent to them in "
             "the window: within 24 hours, and since the one before it. NaN without any.", 1440,
             _SIMS, _CONTACT, 1),
)  # fmt: skip

FAMILY = Family(
    name="social",
    version="1",
    title="Calls and messages",
    streams=("calls", "messages", *SIGNS),
    needs=("calls", "messages"),
    lookback_days=LOOKBACK_DAYS,
    measure=measure,
    coverage="share of the window in which the events of one of calls, messages, screen and "
    "battery, the one that tells most, are at most 4 hours apart; one alone counts for a minute",
    features=(
        *_call_features(),
        *_shared_features("call", "calls", "calls, missed ones included"),
        *_message_features(),
        *_shared_features("message", "messages", "messages"),
        *_EXCHANGE,
    ),
)
