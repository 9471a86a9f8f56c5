"""Items of frameworks, and what may be said of each: satisfied, not, or attested by a person."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from euthymia.app.evidence.checks import Outcome
from euthymia.ground.errors import SchemaError

_FILE: Final = Path(__file__).with_name("items.toml")


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item: the checks that stand for it, and who must vouch for what they cannot see."""

    framework: str
    id: str
    title: str
    checks: tuple[str, ...] = ()
    attested: str = ""


class _Items(msgspec.Struct, frozen=True):
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
    """How an item stands. `state`: satisfied, not-satisfied, attested or unattested."""

    item: Item
    state: str
    words: str


def items() -> tuple[Item, ...]:
    """Return all items, as shipped."""
    return msgspec.toml.decode(_FILE.read_bytes(), type=_Items).item


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

    An item that a person must vouch for is never satisfied by machine, whatever the checks say;
    one whose checks found something is not satisfied, whoever vouches.
    """
    by_item = {(one.framework, one.id): one for one in given if one.on <= today}
    return [_stand(item, outcomes, by_item.get((item.framework, item.id))) for item in items()]


def _stand(item: Item, outcomes: Mapping[str, Outcome], given: Attestation | None) -> Stand:
    wrong = [f"{name}: {outcomes[name].problem}" for name in item.checks if not outcomes[name].fine]
    if wrong:
        return Stand(item, "not-satisfied", "; ".join(wrong))
    checked = ", ".join(item.checks)
    if not item.attested:
        return Stand(item, "satisfied", f"checked: {checked}")
    part = f"checked: {checked}; the rest " if checked else ""
    if given is None:
        return Stand(item, "unattested", f"{part}to be attested by {item.attested}")
    said = f" ({given.says})" if given.says else ""
    words = f"{part}attested by {given.who}, {item.attested}, on {given.on.isoformat()}{said}"
    return Stand(item, "attested", words)
