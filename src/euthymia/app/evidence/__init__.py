"""Evidence: what a machine can check about a clinic, for those who must answer for it."""
