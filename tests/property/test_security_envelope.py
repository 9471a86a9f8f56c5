from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import context, seal, unseal, unseal_all

KEYS = st.binary(min_size=32, max_size=32)
PARTS = st.lists(st.one_of(st.text(), st.binary(), st.integers()), max_size=4)


@given(KEYS, st.binary(max_size=4000), st.binary(max_size=50), st.booleans())
def test_what_is_sealed_comes_back(key, plaintext, place, compress):
    sealed = seal(key, plaintext, context=place, compress=compress)
    assert unseal(key, sealed, context=place) == plaintext
    assert sealed != seal(key, plaintext, context=place, compress=compress)


@given(KEYS, st.binary(min_size=1, max_size=400), st.data())
def test_any_change_is_noticed(key, plaintext, data):
    sealed = seal(key, plaintext, context=b"here", compress=data.draw(st.booleans()))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for bad in (bytes(flipped), sealed[:cut], sealed[cut + 1 :], sealed + b"\0"):
        with pytest.raises(IntegrityError):
            unseal(key, bad, context=b"here")


@given(KEYS, st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=5), st.data())
def test_many_at_once_are_those_one_by_one(key, plain, data):
    places = [context("day", nth) for nth in range(len(plain))]
    sealed = [
        seal(key, text, context=place, compress=compress)
        for (text, compress), place in zip(plain, places, strict=True)
    ]
    whole, edges = unseal_all(key, sealed, places)
    assert [whole[low:high] for low, high in pairwise(edges)] == [text for text, _ in plain]
    if plain:
        nth = data.draw(st.integers(0, len(plain) - 1))
        flipped = bytearray(sealed[nth])
        flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= 1
        with pytest.raises(IntegrityError):
            unseal_all(key, [*sealed[:nth], bytes(flipped), *sealed[nth + 1 :]], places)
    if len(plain) > 1:
        with pytest.raises(IntegrityError):
            unseal_all(key, [*sealed[1:], sealed[0]], places)


@given(KEYS, KEYS, PARTS, PARTS)
def test_another_place_or_key_does_not_open(key, other, here, there):
    sealed = seal(key, b"text", context=context(*here))
    if here != there or [type(p) for p in here] != [type(p) for p in there]:
        with pytest.raises(IntegrityError):
            unseal(key, sealed, context=context(*there))
    if key != other:
        with pytest.raises(IntegrityError):
            unseal(other, sealed, context=context(*here))


@given(PARTS, PARTS)
def test_contexts_are_unambiguous(one, two):
    same = one == two and [type(p) for p in one] == [type(p) for p in two]
    assert (context(*one) == context(*two)) == same


@settings(max_examples=5)
@given(st.integers(1, 300_000))
def test_compresses(size):
    sealed = seal(b"k" * 32, b"\1\2\3\4" * size, context=b"")
    assert len(sealed) < 120 + size // 100


def test_every_bit_of_one_envelope():
    sealed = seal(b"k" * 32, b"a person's day", context=b"day 1")
    for bit in range(8 * len(sealed)):
        bad = bytearray(sealed)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            unseal(b"k" * 32, bytes(bad), context=b"day 1")


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"short", b"", context=b"")
    for part in (True, 1.5, None):
        with pytest.raises(TypeError):
            context(part)
