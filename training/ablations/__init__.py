"""`python -m training.ablations`: does each part of the methods earn its place? Several seeds, one report.

    questions   what is asked: variants that differ in one thing, and which are compared
    material    the streams and clips of the benchmark, and labelled anomalies made for DRA
    readings    the ways in which one trained net can be read, and the scores of each
    gradients   losses scaled to the same gradient norm
    trial       one variant with one seed: trained, read, judged
    kept        what was measured, one JSON file a trial
    rule        when a difference counts as an answer
    report      docs/ablations.md from whatever trials are there

Scoring is the same for all variants of a question and nothing is chosen by the results: what is recommended
was chosen elsewhere, without test streams.
"""
