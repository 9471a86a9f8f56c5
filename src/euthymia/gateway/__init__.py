"""The only door in: validation, consent, pseudonyms, quarantine."""
