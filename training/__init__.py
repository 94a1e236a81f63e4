"""Train, judge and calibrate models. Never imported on the box.

    recordings -> gather -> data -> split -> commission (model, then head) -> bundling -> bundle -> evaluation

docs/architecture.md has the table of these steps, docs/models.md what a user needs to know.
"""
