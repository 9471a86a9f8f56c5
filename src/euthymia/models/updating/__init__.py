"""Updating with the person's state: predictions week by week, and rules for trials in stages."""
