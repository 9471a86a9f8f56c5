"""One reader a file. A reader yields the items of `ground.records` and knows no store."""
