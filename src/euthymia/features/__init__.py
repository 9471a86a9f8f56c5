"""Feature families: which stream, which window, which kernel, which unit. One file a family."""
