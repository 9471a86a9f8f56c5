"""The watch: each person's days against that person's own baseline, as streams of scores."""
