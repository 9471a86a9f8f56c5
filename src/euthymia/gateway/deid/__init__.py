"""What names a person in a note is found and replaced before the note serves anything but care."""
