"""`make benchmark`: every method and control on the shared streams and clips, judged by the shared judge.

    plan        which methods, seeds and sets, and the digest that a row is kept under
    streams     labelled streams, made once by the shared script
    sound_sets  log-mel, split and test files of one set of streams
    methods     train, export, calibrate, score and judge: one row
    controls    level and Gaussian on the same windows
    clips       the same for clips of precomputed log-mel
    promises    false alarms found beside those that the calibration promised
    judging     the shared judge, from its path
    rows        what was measured, one JSON file each
    quoted      rows of the shared notes
    report      docs/benchmark.md from whatever rows are there

Everything measured is kept in a work folder, row by row: an interrupted benchmark goes on.
"""
