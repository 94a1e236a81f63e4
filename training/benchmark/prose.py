"""What the report says around its tables: how to read them, and the commands behind them."""

from __future__ import annotations

import textwrap

WIDTH = 110


def paragraph(text: str, *, bullet: bool = False) -> str:
    """Return words broken into lines, whatever lines they came in."""
    first, other = ("- ", "  ") if bullet else ("", "")
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )


def bullets(text: str) -> list[str]:
    """Return the paragraphs of a text, with empty lines between them, as a list in Markdown."""
    return [paragraph(item, bullet=True) for item in text.strip().split("\n\n")]


READING = """
Window AUC: how well windows in events and windows clear of them are told apart; chance is .5. Recall at 1
%: the share of events found at the limit that flags 1 % of the clear windows, which takes labels and no
calibration. At its own limit: value 1.0, as an operator has it. Frame AUC: as window AUC, in steps of .1 s.
Inside: the same within single windows, where only a map that is right in time beats .5.

Every figure is the mean over seeds, with the lowest and the highest seed in brackets. A seed changes the
first weights, the order of the windows, and which recordings train and which say when to stop. The streams
stay the same, so the brackets do not say what other recordings would change.

The sound is real, the onsets are made: faults are spliced in at equal level, foreign sounds mixed in at +6,
0 and -6 dB. In the uav recordings as they are, the level alone tells broken propellers from intact ones
(AUC 1.000), and the room before take-off nearly does (.90): figures on those say nothing, and none is given
here.

dcase_id00 has few events and few minutes of sound: one event more or less is several hundredths of recall.

Level, Gaussian and dense are controls: what does not beat them has earned nothing. dense-mean scores as the
DCASE baseline does; the other rows of the dense net show what a head adds to it. The limit of level and
Gaussian is the .99 quantile of their scores of the calibrate streams: it states no rate of alarms, and is
exceeded as soon as sound differs from those.

Head: how a window becomes a score (docs/models.md). Where a method does not name one, `wheeltapper train`
chooses it for each seed on pseudo anomalies of the training sound, so that a row compares methods with the
head that suits them. For dra and hfrae the heads joint and steady look at the input too: the rows with
-verdict show what the nets say by themselves.
"""

CLIPS = """
The score of a clip is the mean over its windows; pAUC is to a false positive rate of .1, by McClish. A net
that does not beat the Gaussian has earned nothing here.
"""

COSTS = """
Scoring is all of `wheeltapper score` with one thread: decoding, front end, engine and writing. Training
minutes are by the clock, whatever else the machine was doing; CPU seconds are of the process. Level is
heard with the front end too, which it does not need. Parity is the largest relative difference of torch and
ONNX Runtime.
"""

PROMISES = """
False alarms in that part of the test streams where windows keep .5 s from every event, one entry a seed:
found (stated: the 90 % interval of the rate that the calibration gives, times the hours). Kept means that
the 90 % interval of the rate behind what was found overlaps the stated one. The test streams come from
other recordings than the sound that set the limit, those of uav with other background too.
"""

COMMANDS = """\
    make benchmark                  measures what is missing, then writes this report
    make benchmark BENCHMARK='...'  the same with options: python -m training.benchmark --help

A row of streams is what these give, for seeds N = 0, 1, ... and WORDS as below:

    python ../shared/bench/make_streams.py ../shared/data STREAMS
    wheeltapper train WORDS --data STREAMS/SET/train --calibrate STREAMS/SET/calibrate \\
        --seed N --threads 1 --out BUNDLE
    wheeltapper score BUNDLE STREAMS/SET/test/*.flac --root STREAMS/SET --out SCORES.jsonl
    python ../shared/bench/judge.py STREAMS/SET SCORES.jsonl

Where the calibrate streams are too few for an alarm limit, `--no-calibration` stands for `--calibrate ...`,
and the benchmark writes raw scores as values, for which `wheeltapper score` has no option. A row of clips
is what these give, with `--no-calibration` where the file has no clips to calibrate with:

    wheeltapper train WORDS --data ../shared/data/toycar/ID.npz --seed N --threads 1 --out BUNDLE
    wheeltapper evaluate BUNDLE --features ../shared/data/toycar/ID.npz --out REPORT

Level and Gaussian of the streams are fitted on STREAMS/SET/train; only `make benchmark` writes those rows.
Those of clips come with `wheeltapper evaluate`. WORDS:
"""
