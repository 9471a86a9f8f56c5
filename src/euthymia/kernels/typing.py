"""Key presses in sessions: how fast, and how regularly, somebody types."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

CHARACTER, BACKSPACE, CORRECTION = 1, 2, 3  # 4: any other key
PAUSE_US: Final = 5_000_000  # a session ends when no key is pressed for 5 s


def sessions(time_us: Ints, label: Ints) -> Ints:
    """Return the number of the typing session of each key press, from 0.

    A session begins with a press that follows the one before it by 5 s or more, or bears another
    label.

    Parameters
    ----------
    time_us : int array, shape (n,)
        Sorted.
    label : int array, shape (n,)
        The recording's own session, as a number; -1 where it has none.

    References
    ----------
    Cao B et al. DeepMood: modeling mobile phone typing dynamics for mood detection. KDD 2017,
    doi:10.1145/3097983.3098086.
    """
    if time_us.size == 0:
        return np.zeros(0, np.int64)
    fresh = (np.diff(time_us) >= PAUSE_US) | (label[1:] != label[:-1])
    return np.concatenate([[0], np.cumsum(fresh)]).astype(np.int64)


def interkey_ms(time_us: Ints, session: Ints, kind: Ints) -> Array:
    """Return the delay [ms] of each press after the one before it.

    NaN when and only when one of the two is no character, or they lie in different sessions.
    """
    delay = np.full(time_us.size, np.nan)
    if time_us.size > 1:
        both = (kind[1:] == CHARACTER) & (kind[:-1] == CHARACTER) & (session[1:] == session[:-1])
        delay[1:] = np.where(both, np.diff(time_us) / 1000.0, np.nan)
    return delay


def likeness(one: Array, other: Array) -> Array:
    """Return the cosine of each row of one with the same row of the other, shape (rows,).

    0 to 1 for counts; NaN when and only when a row has only zeros.
    """
    along = np.sum(one * other, axis=1)
    size = np.sqrt(np.sum(one * one, axis=1) * np.sum(other * other, axis=1))
    return np.where(size > 0, np.minimum(along / np.where(size > 0, size, 1.0), 1.0), np.nan)
