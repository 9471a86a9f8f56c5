"""Alerts: what is shown to whom and when, what people do with it, and what came of it."""
