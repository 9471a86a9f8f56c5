"""All feature families that are installed, and what they measure."""

from functools import cache

from euthymia.features.contract import Family
from euthymia.ground.errors import SchemaError
from euthymia.ground.plugins import discover
from euthymia.ground.schemas import FEATURE_KEYS, INPUTS, OBSERVED


def _checked(module: str, found: object) -> Family:
    if not isinstance(found, Family):
        raise SchemaError(f"{module}.FAMILY is not a Family; see features/contract.py")
    unknown = [name for name in (*found.streams, *found.needs) if name not in INPUTS]
    if unknown:
        raise SchemaError(f"family {found.name} wants streams that do not exist: {unknown}")
    if bool(found.codes) != (OBSERVED.name in found.streams):
        raise SchemaError(f"family {found.name}: `codes` and the stream observations go together")
    if found.compute is None and found.measure is None:
        raise SchemaError(f"family {found.name} has neither `compute` nor `measure`")
    base = found.base
    if base is not None and (base.streams != found.streams or found.measure or base.base):
        raise SchemaError(
            f"family {found.name}: its base looks at the same streams and has none of its own, and "
            "it measures no other segment than the day"
        )
    names = [feature.name for feature in found.features]
    if len(set(names)) != len(names) or set(names) & set(FEATURE_KEYS.names):
        raise SchemaError(f"family {found.name} names a column twice or like a key column")
    return found


@cache
def families() -> dict[str, Family]:
    """Return every family by its name: one a module of `euthymia.features` with `FAMILY`."""
    found = [_checked(m, f) for m, f in discover("euthymia.features", "FAMILY").items()]
    named = {family.name: family for family in found}
    if len(named) != len(found):
        raise SchemaError("two feature families have the same name; rename one")
    return dict(sorted(named.items()))


@cache
def computed() -> dict[str, Family]:
    """Return what rows are kept of, by its name: every base, and then every family."""
    every = families()
    bases = {f.base.name: f.base for f in every.values() if f.base is not None}
    if bases.keys() & every.keys():
        raise SchemaError("a base has the name of a family; rename it")
    return bases | every


def describe() -> list[dict[str, str | int | float | None]]:
    """Return one record a feature: its family, title, unit, definition, paper and range."""
    return [
        {
            "family": family.name,
            "version": family.version,
            "streams": ", ".join(family.streams),
            "lookback_days": family.lookback_days,
            "coverage": family.coverage,
            "name": feature.name,
            "title": feature.title,
            "unit": feature.unit,
            "definition": feature.definition,
            "paper": feature.paper,
            "low": feature.low,
            "high": feature.high,
            "worse": feature.worse,
            "limits": feature.limits,
        }
        for family in families().values()
        for feature in family.features
    ]
