"""Who may sign in to the pages, how they prove it, and who broke the glass."""
