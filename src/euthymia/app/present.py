"""What time it is: apart from the clinic, for commands that open none."""

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Return now. The one place that asks the machine's clock."""
    return datetime.now(UTC)
