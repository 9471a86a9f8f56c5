"""One family of errors. An error names the rule that was broken and the fix, never a person.

Error text is also a log line, so it must hold no identifier and no value of a person. The one
exception is a place in a file ("line 12"), which the caller of `ingest` gave us.
"""


class EuthymiaError(Exception):
    """Anything Euthymia refuses or cannot do. The command line ends with exit code 1."""


class ConsentError(EuthymiaError):
    """The purpose is not covered by a consent in force."""


class AccessError(EuthymiaError):
    """The token, the role or the care relationship does not allow this."""


class IntegrityError(EuthymiaError):
    """Stored bytes are not those that were written: a flipped bit, a swap, a cut, a roll-back."""


class SourceError(EuthymiaError):
    """A file cannot be read any further; what was read before it stands."""


class SchemaError(EuthymiaError):
    """Data passed between rooms does not have the agreed columns, types or units."""


class MissingError(EuthymiaError):
    """What was asked for is not here (a home, a subject, a model)."""


class BusyError(EuthymiaError):
    """Another process holds what this one needs; trying again helps."""


class LedgerError(EuthymiaError):
    """The ledger cannot be written (a full or failed disk): nothing is done and nothing shown."""
