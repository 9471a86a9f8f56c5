"""Where every random number of the simulated clinic comes from."""

from enum import IntEnum

import numpy as np


class Topic(IntEnum):
    """What a random stream is for.

    Each person has one stream a topic, so that recording more of one thing (a longer night
    segment) changes nothing else (the mood, the phone).
    """

    PERSON = 1
    JOURNEY = 2
    ILLNESS = 3
    ADHERENCE = 4
    ROUTINE = 5
    ACTIVITY = 6
    LOCATION = 7
    SCREEN = 8
    CALLS = 9
    BEATS = 10
    SKIN = 11
    NOTES = 12
    RECORD = 13


def draws(seed: int, index: int, topic: Topic) -> np.random.Generator:
    """Return the random stream of person number `index` for one topic.

    The streams are the children (`index`, `topic`) of `SeedSequence(seed)`: independent of each
    other, of the number of people and of the number of processes.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(index, int(topic)))
    return np.random.Generator(np.random.PCG64(sequence))


def scramble(index: int, seed: int, salt: int, modulus: int) -> int:
    """Return a number in [0, modulus) that differs for every index below `modulus`.

    A multiplication by a prime that does not divide `modulus`, and a shift by the seed.
    """
    prime = 2_305_843_009_213_693_951
    return (index * prime + seed * 1_000_003 + salt * 7_368_787) % modulus
