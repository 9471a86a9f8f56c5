"""The audit of any table: confounds, leaks, copies, look-ahead, fairness and drift, unasked."""

from euthymia.models.audits.run import Audit, audit

__all__ = ["Audit", "audit"]
