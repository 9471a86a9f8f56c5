"""Answers and scores of the clinic's records, for the feature families that look at them."""

from euthymia.app.clinic import Clinic
from euthymia.features.catalogue import families
from euthymia.features.contract import Columns, Family
from euthymia.features.observed import observed
from euthymia.features.rows import Digests, as_columns, day_digests, of_family
from euthymia.features.table import codes_of
from euthymia.ground.audit import Entry
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVED


def facts_of(clinic: Clinic, who: SubjectId, audit: Entry) -> dict[str, Columns]:
    """Return the observations that any family looks at, as the stream they are to it.

    What may not be read for the entry's purpose is not among them. No stream where there is none.
    """
    codes = codes_of(tuple(families().values()))
    if not codes:
        return {}
    table = observed(clinic.store.observations(who, audit), codes)
    return {OBSERVED.name: as_columns(table)} if table.num_rows else {}


def with_facts(family: Family, digests: Digests, facts: dict[str, Columns]) -> Digests:
    """Return the digests that a family's rows follow from, those of its observations included."""
    own = of_family(family, facts).get(OBSERVED.name)
    return digests if own is None else {**digests, OBSERVED.name: day_digests(own)}
