"""What the store kept, read for the page: events, sound, pictures, export. Nothing here writes the store."""
