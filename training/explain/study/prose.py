"""What docs/explanations.md says around its tables."""

from __future__ import annotations

WRITTEN = """
Written by `make explain`, which needs ../shared (evaluation sound that is no part of this project). Do
not edit: what is measured anew changes it.
"""
READING = """
The questions are those of arXiv 2601.12660 (Elrashid et al., Toward Faithful Explanations in Acoustic
Anomaly Detection, ICASSP 2026): which explanations of an autoencoder's score are faithful to the model,
and which are right in time? The answers are from our streams: real flights of a quadcopter with broken
propellers spliced in and foreign sounds mixed in. Onsets are synthetic, and known to the sample.

Settings `paper` differentiate mean((g(x) - x)^2) of the unmasked reconstruction g, through both x, with
raw log-mel and the baseline 0 of it. Settings `ours` differentiate the bundle's own score, its masks and
scoring head included, with log-mel standardised per band, so that the baseline 0 is the mean of normal
sound. Samples, steps and sigmas are the paper's in both.

Clips are 10.2 s (five windows), cut around events; where in its clip an event lies is drawn by lot. All
models and seeds explain the same clips. Frames at or above a percentile of a clip's own curve (the map
summed over the bands) are marked.

Not as in the paper: our nets are smaller and have no transformer (docs/models.md), masks are 16x4 patches
with half of them hidden, a window has 2 s, clips and labels are ours. What is compared is therefore what
its authors say of AE and MAE, not their nets.

Faithfulness by frames favours the error map by its make: it replaces what has the largest error by what
the model expects. It is also a ratio of a model's own errors, so that two models' values do not compare
strictly. So the same is taken with a masked autoencoder of another seed, which fills the marked frames in
without seeing them and judges all models alike (`ff_frame/inpainted`).

Chance rows stand in every table: random frames, random stretches (smoothed over two frames to each side),
and the truth itself, which is the other end of the scale. "Over random" is a mean over that of random
frames.

A cell is the mean over seeds; the column `mean`, over the percentiles too, has the lowest and the highest
seed in brackets. The clips are few: a difference of a few hundredths in F1 may be theirs.
"""
RULE = """
Settings `paper`. A claim about two models holds where all seeds of most methods agree with it, and all
seeds of none speak against it; it does not hold the other way round.
"""
INSIDE = """
AUC inside windows that hold both wrong and normal moments, by the shared judge, on all windows of all
test streams as the daemon cuts them; chance is .5. Quoted from
"""
