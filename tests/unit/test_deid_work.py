"""De-identification does work in proportion to the length of a text, whatever the text.

Two halves. Every regular expression of the rules is read as a tree: a repetition without an upper
bound must not stand before anything that can fail, so that a search spends a bounded number of
steps at each place. What Python does around them is counted in executed lines: four times the text
may cost a little more than four times the lines, never sixteen.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import pytest

import euthymia.gateway.deid as room
from euthymia.gateway.deid.contract import LANGS, Lang
from euthymia.gateway.deid.known import Known, KnownFinder
from euthymia.gateway.deid.notes import deidentify

REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
KNOWN = Known(
    names=("Ana María Beck Hill",),
    relatives=("Calle Paris",),
    addresses=("12 Mill Lane, Leeds",),
    phones=("+44 113 496 0182",),
    emails=("a@x.org",),
    ids=("0047112",),
)


def may_be_empty(tree: Iterable[Any]) -> bool:
    """Tell whether a parsed pattern matches nothing at all without asking what is there."""
    for code, argument in tree:
        if code in REPEATS:
            if argument[0] and not may_be_empty(argument[2]):
                return False
        elif code is codes.SUBPATTERN:
            if not may_be_empty(argument[3]):
                return False
        elif code is codes.BRANCH:
            if not any(map(may_be_empty, argument[1])):
                return False
        else:
            return False
    return True


def runaways(tree: Sequence[Any], *, safe: bool = True) -> Iterator[str]:
    """Yield repetitions without a bound that something which can fail follows.

    `safe`: nothing after `tree` can fail.
    """
    for place, (code, argument) in enumerate(tree):
        after = safe and may_be_empty(tree[place + 1 :])
        if code in REPEATS:
            least, most, inner = argument
            if most is codes.MAXREPEAT and not after:
                yield str(inner)
            yield from runaways(inner, safe=after and least <= 1)
        elif code is codes.SUBPATTERN:
            yield from runaways(argument[3], safe=after)
        elif code is codes.BRANCH:
            for way in argument[1]:
                yield from runaways(way, safe=after)
        elif code in {codes.ASSERT, codes.ASSERT_NOT}:
            yield from runaways(argument[1], safe=False)
        elif code is codes.GROUPREF_EXISTS:
            for way in filter(None, argument[1:]):
                yield from runaways(way, safe=after)


def patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from patterns_in(part)


def rules() -> dict[tuple[str, int], str]:
    """Return every pattern that a module of the room holds, and where."""
    found: dict[tuple[str, int], str] = {}
    for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        if module.name.endswith(".build"):
            continue  # makes the lists; never sees a note
        for name, value in vars(importlib.import_module(module.name)).items():
            for pattern in patterns_in(value):
                found[pattern.pattern, pattern.flags] = f"{module.name}.{name}"
    return found


@pytest.mark.parametrize(
    ("pattern", "runs_away"),
    [
        (r"(a+)+b", True), (r"a*b", True), (r"\s+[A-Z]", True), (r"(?:a|b+)c", True),
        (r"(?=a+b)", True), (r"(?<!x)\d+(?!\w)", True), (r"(?:a{2}b*){3}", True),
        (r"a+", False), (r"a{1,64}@b{1,64}", False), (r"x(?:\.\d+)*", False),
        (r"a+(?:-b{2,})*", False), (r"\d+|b+", False), (r"(a+)?(b*)", False),
    ],
)  # fmt: skip
def test_the_check_of_patterns_tells_bad_from_good(pattern: str, runs_away: bool) -> None:
    assert bool(list(runaways(_parser.parse(pattern)))) is runs_away


def test_every_pattern_takes_bounded_steps_at_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rules()
    assert len(found) > 60
    compiled: Callable[..., Any] = re._compile  # type: ignore[attr-defined]

    def noted(pattern: Any, flags: Any) -> Any:
        if isinstance(pattern, str):
            found[pattern, int(flags)] = "made while a note was read"
        return compiled(pattern, flags)

    monkeypatch.setattr(re, "_compile", noted)
    for lang in LANGS:
        deidentify("Ana Hill, DNI 12345678Z, IBAN GB82 WEST 1234 5698 7654 32.", lang, KNOWN)
    assert {
        where: bad
        for (pattern, flags), where in found.items()
        if (bad := list(runaways(_parser.parse(pattern, flags))))
    } == {}


def lines(text: str, lang: Lang, finder: KnownFinder) -> int:
    """Return how many lines of Python the rules execute for a text."""
    count = 0

    def trace(_frame: FrameType, _event: str, _value: object) -> Callable[..., Any]:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        deidentify(text, lang, finder)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        "1 ", "1-", "(1", "a@", "a.", "A ", "A. ", "Calle ", "x@x.", "de la ", "12 Mill ", "+1(",
        ":", "0:", "https://", "name: ", "\n, ", "1/1/", "Aa-", "º", "n º", "n.", "Dr.", "Paris ",
        "Mr Smith. ", "Hamilton 3. Mr Beck. ", "Beck, ", "Av. de la ", "Calle de la 1", "A,\n",
        "Remite: A ", "Mr Ann Smith came. Hamilton scale. ", "Hospital ", "12 Mill Lane ", "Hill ",
        "Ana ", "0047", "a@x.org", "May ",
    ],
)  # fmt: skip
def test_hostile_text_costs_lines_in_proportion_to_its_length(unit: str) -> None:
    for lang in LANGS:
        finder = KnownFinder(KNOWN, lang)
        deidentify(unit * 20, lang, finder)  # lists are read, caches are full
        times = 240 // len(unit)
        short, long = (lines(unit * n, lang, finder) for n in (times, 4 * times))
        assert long < 4.5 * short
