"""Alerts of an open clinic: read, acted on, replayed, measured, for the pages and the commands."""
