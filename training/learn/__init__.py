"""Learning on the box: the recommended recipe within the time that a box has, for `wheeltapper learn`."""
