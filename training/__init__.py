"""Train, judge and calibrate models. Never imported on the box."""
