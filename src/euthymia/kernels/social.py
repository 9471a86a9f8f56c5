"""Who answers whom, and which devices nearby are one's own."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

IN, OUT, MISSED = 1, 2, 3
FORGOTTEN_US: Final = 24 * 3_600_000_000  # an answer after a day is no answer any more


def _by_contact(contact: Ints) -> tuple[Ints, Ints]:
    """Return the events in order of contact, then time, and where each one's contact begins."""
    order = np.argsort(contact, kind="stable")
    ordered = contact[order]
    return order, np.searchsorted(ordered, ordered)


def answer_delays_us(time_us: Ints, contact: Ints, asks: Mask, replies: Mask) -> Array:
    """Return, for each reply, how long the latest attempt of the same person waited for it [us].

    Parameters
    ----------
    time_us, contact : int arrays, shape (n,)
        Sorted by time; the contact is negative where it is not known.
    asks, replies : bool arrays, shape (n,)
        Which events wait for an answer (a missed call), and which give one (an outgoing call).

    Returns
    -------
    array, shape (n,)
        NaN for what is no reply, and for a reply that no attempt came before: within 24 hours,
        and since the reply to that person before it.
    """
    order, begin = _by_contact(contact)
    place = np.arange(order.size)

    def latest_before(what: Mask) -> Ints:
        held = np.maximum.accumulate(np.where(what[order], place, -1))
        return np.concatenate([[-1], held])[: place.size]

    ask = latest_before(asks)
    open_ask = (ask >= begin) & (ask > latest_before(replies)) & replies[order]
    waited = time_us[order] - time_us[order][np.maximum(ask, 0)]
    found = np.full(order.size, np.nan)
    known = open_ask & (contact[order] >= 0) & (waited <= FORGOTTEN_US)
    found[order[known]] = waited[known]
    return found


def answered_at_us(time_us: Ints, contact: Ints, replies: Mask) -> Ints:
    """Return when each event's contact is next replied to, within 24 hours; else a far time."""
    order, begin = _by_contact(contact)
    far = np.iinfo(np.int64).max
    place = np.where(replies[order], np.arange(order.size), order.size)
    after = np.minimum.accumulate(np.append(place, order.size)[::-1])[::-1][1:]
    inside = np.minimum(after, max(order.size - 1, 0))
    same = (after < order.size) & (contact[order] >= 0)
    same &= (begin[inside] == begin) if order.size else same
    at = np.where(same, time_us[order][inside] if order.size else after, far)
    found = np.empty(order.size, np.int64)
    found[order] = np.where(at - time_us[order] <= FORGOTTEN_US, at, far)
    return found


def own_devices(days_seen: Array, sightings: Array) -> Mask:
    """Tell a person's own devices from those of others by how often and on how many days.

    Each device's score is the sum of two z-scores: days on which it was seen, and sightings on
    such a day. The scores are parted in two where the sum of squares about the two means is
    least; the upper part is the person's own.

    Parameters
    ----------
    days_seen, sightings : arrays, shape (k,)
        Of each device.

    Returns
    -------
    bool array, shape (k,)
        None is own when and only when there are fewer than two devices or all scores are equal.

    References
    ----------
    Doryab A et al. Extraction of behavioral features from smartphone and wearable data.
    doi:10.48550/arXiv.1812.10394. There the best of 2 and 3 clusters is taken by their sum of
    squares, which 3 always win, over the whole study; here it is 2, parted exactly.
    """
    own = np.zeros(days_seen.size, bool)
    if days_seen.size < 2:
        return own
    score = np.zeros(days_seen.size)
    for part in (days_seen, sightings / days_seen):
        away = part - part.mean()
        spread = np.sqrt(np.mean(away * away))
        if spread > 1e-9 * max(1.0, float(np.abs(part).max())):
            score += away / spread
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    gaps = np.flatnonzero(np.diff(ordered) > 1e-9)  # only between different scores
    if gaps.size == 0:
        return own
    n = np.arange(1, ordered.size)
    below = np.cumsum(ordered)[:-1]
    above = ordered.sum() - below
    # the total is fixed, so the least within is the most between
    between = (below**2 / n + above**2 / (ordered.size - n))[gaps]
    own[order[gaps[int(np.argmax(between))] + 1 :]] = True
    return own
