"""The daemon's control socket: how another process of the same box asks it, and has commands carried out."""
