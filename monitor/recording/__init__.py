"""Normal sound of a source as FLAC with an index, and whether it is fit to learn from."""
