"""Questionnaires as data, and one scoring rule."""
