"""`wheeltapper doctor`: everything that a support call would ask, each answer with what to do about it."""
