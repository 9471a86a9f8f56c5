"""What a derived row was made from, in its `input_digest`; and rows that nothing can make again.

A row made from samples that were never kept says so: `feature-only:<stored>:<used>`, where
`<stored>` is the digest that the same row would have from what is stored alone and `<used>` that
of the samples that were dropped.
"""

from typing import Final

_MARK: Final = "feature-only:"


def from_dropped(stored: str, used: str) -> str:
    """Return the input digest of a row that was also made from samples that were not kept."""
    return f"{_MARK}{stored}:{used}"


def is_from_dropped(held: str) -> bool:
    """Tell whether a row was made from samples that were not kept: it cannot be made again."""
    return held.startswith(_MARK)


def of_stored(held: str) -> str:
    """Return the part of an input digest that what is stored must agree with."""
    return held.split(":")[1] if is_from_dropped(held) else held


def with_stored(held: str, stored: str) -> str:
    """Return the digest of a row that was kept although what is stored has changed."""
    return from_dropped(stored, held.split(":")[2])
