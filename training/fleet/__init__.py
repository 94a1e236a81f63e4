"""A plant at once: one model a machine, trained, judged and used on Ray, or one after the other without it.

    data -> machines -> tasks (machine x recipe) -> serial | Ray -> artefacts -> choice -> summary

A task is done wholly or not at all, needs no other, and gives the same bytes wherever it runs; so it may be
killed, tried again and left for tomorrow. What schedules tasks is Ray; nothing here does. docs/fleet.md has
what an engineer needs to know.
"""
