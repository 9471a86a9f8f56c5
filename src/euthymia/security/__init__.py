"""Keys, envelopes, tokens, policies, the ledger."""
