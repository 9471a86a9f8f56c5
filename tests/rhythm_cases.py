"""What tests of the daily rhythm share."""

import numpy as np

from euthymia.kernels import rest_activity_transitions as transitions


def counted_runs(level):
    """Return how many runs of rest and of activity last n minutes, and the longest of all."""
    size = level.size + -level.size % 8
    padded = np.full(size, np.nan)
    padded[: level.size] = level
    words = np.zeros((3, transitions.words_of(size)), np.uint64)
    eights = np.zeros(size // 8, np.uint64)
    active, known = np.zeros((1, size // 8), np.uint8), np.zeros((1, size // 8), np.uint8)
    transitions.tell_states(padded, False, eights.view(np.uint8), eights, active[0], known[0])
    transitions.gather_states(active, known, np.array([0]), words.view(np.uint8))
    runs = np.zeros((2, size + 2), np.int64)
    longest = transitions.count_runs(words, runs)
    return runs, longest
