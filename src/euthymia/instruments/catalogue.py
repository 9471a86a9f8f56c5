"""All questionnaires that are installed."""

from functools import cache

from euthymia.ground.errors import SchemaError
from euthymia.ground.plugins import discover
from euthymia.instruments.contract import Instrument


def check_instrument(found: Instrument) -> None:
    """Refuse an instrument that contradicts itself: SchemaError says what."""
    codes = [item.code for item in found.items] + [found.total_code]
    if len(set(codes)) != len(codes):
        raise SchemaError(f"instrument {found.name} uses a code twice")
    for number, item in enumerate(found.items, 1):
        values = [choice.value for choice in item.choices]
        if values != sorted(set(values)):
            raise SchemaError(f"instrument {found.name} item {number}: choices must rise")
    edges = [found.low, *(band.high + 1 for band in found.bands)]
    if [band.low for band in found.bands] != edges[:-1] or edges[-1] != found.high + 1:
        raise SchemaError(f"the bands of {found.name} must cover every total exactly once")
    if not 0 <= found.missing.allowed < len(found.items):
        raise SchemaError(f"instrument {found.name} must need at least one answer")
    if any(not 0 <= urgent.item < len(found.items) for urgent in found.urgent):
        raise SchemaError(f"instrument {found.name} calls an item urgent that it does not have")


@cache
def instruments() -> dict[str, Instrument]:
    """Return every instrument by name: one a module of `euthymia.instruments`."""
    named: dict[str, Instrument] = {}
    for module, found in discover("euthymia.instruments", "INSTRUMENT").items():
        if not isinstance(found, Instrument):
            raise SchemaError(f"{module}.INSTRUMENT is not an Instrument")
        if found.name in named:
            raise SchemaError(f"two instruments are called {found.name}; rename one")
        check_instrument(found)
        named[found.name] = found
    return dict(sorted(named.items()))
