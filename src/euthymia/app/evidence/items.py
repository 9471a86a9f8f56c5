"""Items of frameworks, and what may be said of each: satisfied, not, or attested by a person."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from euthymia.app.evidence.checks import Outcome
from euthymia.ground.errors import SchemaError

_FILE: Final = Path(__file__).with_name("items.toml")


class Framework(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A framework: the text whose items these are, and what of it they were read against."""

    name: str
    source: str
    checked: str


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item, and all that stands for it.

    `checks`: of this clinic, now. `tests`: of the product, run when it is released and not here.
    `attested`: the role that must vouch for what neither sees. `gap`: why the product does not do
    what the item asks, whatever else holds. `level`: the lowest of OWASP ASVS that asks for it.
    """

    framework: str
    id: str
    title: str
    checks: tuple[str, ...] = ()
    attested: str = ""
    tests: tuple[str, ...] = ()
    gap: str = ""
    level: int = 0


class _Items(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    framework: tuple[Framework, ...]
    item: tuple[Item, ...]


class Attestation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody's word for one item: who, when, and what it rests on."""

    framework: str
    id: str
    who: str
    on: date
    says: str = ""


class _Attestations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    attestation: tuple[Attestation, ...]


class Stand(msgspec.Struct, frozen=True):
    """How an item stands. `state`: satisfied, not-satisfied, tested, attested or unattested."""

    item: Item
    state: str
    words: str


@cache
def _shipped() -> _Items:
    return msgspec.toml.decode(_FILE.read_bytes(), type=_Items)


def items() -> tuple[Item, ...]:
    """Return all items, as shipped."""
    return _shipped().item


def frameworks() -> tuple[Framework, ...]:
    """Return the texts that the items are of."""
    return _shipped().framework


def attestations(path: Path | None) -> tuple[Attestation, ...]:
    """Read what people vouch for; SchemaError names the fault."""
    if path is None:
        return ()
    try:
        given = msgspec.toml.decode(path.read_bytes(), type=_Attestations).attestation
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise SchemaError(f"{path.name}: {error}") from error
    known = {(item.framework, item.id): item for item in items()}
    for one in given:
        item = known.get((one.framework, one.id))
        if item is None or not item.attested:
            raise SchemaError(f"{path.name}: {one.framework} {one.id} is no item to be attested")
    return given


def stands(
    outcomes: Mapping[str, Outcome], given: tuple[Attestation, ...], today: date
) -> list[Stand]:
    """Tell how every item stands.

    An item that a person must vouch for, or that only the product's own tests show, is never
    satisfied by machine, whatever the checks say; one whose checks found something, or that the
    product does not meet, is not satisfied, whoever vouches.
    """
    by_item = {(one.framework, one.id): one for one in given if one.on <= today}
    return [_stand(item, outcomes, by_item.get((item.framework, item.id))) for item in items()]


def _stand(item: Item, outcomes: Mapping[str, Outcome], given: Attestation | None) -> Stand:
    wrong = [f"{name}: {outcomes[name].problem}" for name in item.checks if not outcomes[name].fine]
    if item.gap:
        wrong.insert(0, f"not met by this version: {item.gap}")
    if wrong:
        return Stand(item, "not-satisfied", "; ".join(wrong))
    seen = [f"checked: {', '.join(item.checks)}"] if item.checks else []
    seen += [f"tested at release, not here: {', '.join(item.tests)}"] if item.tests else []
    if not item.attested:
        return Stand(item, "tested" if item.tests else "satisfied", "; ".join(seen))
    rest = "the rest " if seen else ""
    if given is None:
        return Stand(
            item, "unattested", "; ".join([*seen, f"{rest}to be attested by {item.attested}"])
        )
    said = f" ({given.says})" if given.says else ""
    words = f"{rest}attested by {given.who}, {item.attested}, on {given.on.isoformat()}{said}"
    return Stand(item, "attested", "; ".join([*seen, words]))
