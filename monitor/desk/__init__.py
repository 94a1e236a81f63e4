"""Where what operators ask for is carried out, answered and kept on record, whichever way it came."""
