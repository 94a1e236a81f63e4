"""The JSON API under /api/v1 and its description; changes go to the daemon as commands."""
