"""The catalogue of features as a page: made from the code, so that it cannot say anything else."""

from collections.abc import Iterator

from euthymia.features.contract import WHOLE_FOLLOW_UP, Family, Feature

_HEAD = """# Features

Made from the code by `euthymia catalogue --out docs/features.md`; a test holds it to that. Units
are UCUM. In tables made by `euthymia features --input` a column is called `<family>_<feature>`, and
each family has a `<family>_coverage`. "Worse" says in which direction a worsening usually moves a
number; it is what the literature suggests, not a finding of ours.
"""


def page(families: dict[str, Family]) -> str:
    """Return the catalogue of some families as Markdown."""
    return "\n".join(_lines(families)) + "\n"


def _lines(families: dict[str, Family]) -> Iterator[str]:
    total = sum(len(family.features) for family in families.values())
    yield _HEAD
    yield f"{total} features in {len(families)} families:\n"
    for name, family in families.items():
        yield f"- [{family.title}](#{name}): {len(family.features)}"
    for name, family in families.items():
        yield f'\n<a id="{name}"></a>\n\n## {family.title} (`{name}`, version {family.version})\n'
        yield f"From: {', '.join(f'`{s}`' for s in family.streams)}. {_reach(family)}"
        yield f"Coverage: {family.coverage}.\n"
        yield "| feature | unit | definition | worse | limits | source |"
        yield "|---|---|---|---|---|---|"
        for feature in family.features:
            yield _row(feature)


def _reach(family: Family) -> str:
    if family.lookback_days >= WHOLE_FOLLOW_UP:
        looks = "Learns from the whole follow-up to date."
    elif family.lookback_days == 1:
        looks = "Looks at the date alone."
    else:
        looks = f"Looks at {family.lookback_days} days."
    return f"{looks} {'Any time segment.' if family.measure else 'Whole days only.'}"


def _row(feature: Feature) -> str:
    worse = {1: "up", -1: "down", 0: ""}[feature.worse]
    bounds = [f"{b:g}" if b is not None else "" for b in (feature.low, feature.high)]
    unit = feature.unit + (f" [{bounds[0]}, {bounds[1]}]" if any(bounds) else "")
    cells = (
        f"`{feature.name}` {feature.title}",
        unit,
        feature.definition,
        worse,
        feature.limits,
        feature.paper,
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
