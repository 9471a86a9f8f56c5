"""Which treatment for whom: rank by published evidence, certify a rule on trial data, subtypes."""
