r"""Guided commissioning by the daemon: what the page asks for, and the terminal does in one command.

    page -> command `learn` -> desk -> foreman -> sessions (check, record; fed by the daemon's own capture)
                                           \-> apprentice, a child process (look through, learn, pack)

Where a source stands, and what was found, lies below STATE_DIR/learn/SOURCE/ in files that are replaced
whole:
plan.json (what is wanted), progress.json (what is being done), found.json (what was heard), outcome.json
(what came of it). The page and the terminal read them; the daemon alone writes the first two.
"""
