"""The reasons of a verdict as sentences. Each text is a key of the page's catalogues, which translate it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.promotion.records import Figure, Ground, Outcome
from monitor.worded import Worded, worded

OUTCOMES: Mapping[Outcome, str] = {
    "better": "the candidate is better",
    "not_better": "the candidate is not better",
    "too_early": "it is too early to tell whether the candidate is better",
}
"""By the outcome of a verdict."""
RARE = 0.001
"""Smaller figures are told as smaller than this: chances, in percent."""
SENTENCES: Mapping[str, str] = {
    # too little is known
    "hours": "both have judged {hours} h beside each other, {needed} h are asked for "
    "(bundles.promotion_hours)",
    "skipped": "{share} % of the windows were not given to the candidate, {most} % at most may be: this box "
    "is too slow for it beside the live one, or shadow.cpu_share is too small",
    "no_anomalies": "no held-out event is labelled as an anomaly: fewer alarms alone cannot be told from a "
    "deaf bundle, so it is promoted by a person or not at all",
    "anomalies": "{cases} held-out events are labelled as an anomaly, {needed} are asked for "
    "(bundles.promotion_anomalies)",
    "few_found": "the live one finds {live} of {cases} held-out anomalies, and {needed} that it finds are "
    "asked for: beside a deaf bundle nothing can be lost, and fewer false alarms prove nothing",
    "no_control": "the live one hears none of {cases} foreign sounds in this machine's own sound: that a "
    "candidate hears none either proves nothing",
    "unlabelled": "the live one raised {count} alarms alone that nobody labelled: each may be a fault that "
    "the candidate misses; listen, and label them",
    "unlabelled_skipped": "the live one raised {count} events where the candidate was not asked, and nobody "
    "labelled them: each may be a fault that it misses; listen, and label them",
    "unheard": "of {total} alarms of the candidate alone nobody has listened to {count}: they count as false "
    "until somebody labels them, and may be faults that the live one misses; listen on the page, "
    "/compare/{source}",
    "waiting": "the sound of {count} labelled events was not scored yet; ask again",
    "waiting_foreign": "the control by foreign sounds was cut short for want of time: {tried} of {asked} "
    "mixtures with this machine's own sound were tried; ask again",
    "no_probe": "no normal sound of this machine is kept to mix foreign sounds into",
    # it is worse
    "lost": "of {live} held-out anomalies that the live one finds the candidate misses {lost}, and it finds "
    "{gained} that the live one misses; with 95 % it misses at most {most} % of what is found now",
    "more_false": "the candidate raised {candidate} false alarms alone, the live one {live}: by chance so "
    "uneven in {chance} % of cases",
    "promise": "{count} false alarms in {hours} h are {low} to {high} a week (90 %), the promise is "
    "{budget}; by chance in {chance} % of cases",
    "deaf": "of {live} foreign sounds that the live one hears in this machine's own sound the candidate "
    "misses {lost}, and hears {gained} that the live one misses",
    # it is better
    "finds_more": "it finds {gained} held-out anomalies that the live one misses, and misses {lost} that it "
    "finds: {factor} times more probable than by chance",
    "fewer_false": "it raised {candidate} false alarms alone in {hours} h, the live one {live} more than "
    "five minutes apart: {factor} times more probable than by chance",
    # and neither
    "as_good": "it is better in nothing beyond chance: {gained} more anomalies found and {spared} fewer "
    "false alarms, of which 7 to 0 would be enough",
    "as_good_louder": "it is better in nothing beyond chance: {gained} more anomalies found, of which 7 to 0 "
    "would be enough, and {raised} more false alarms",
    "none_lost": "it misses none of {live} held-out anomalies that the live one finds; with 95 % it misses "
    "at most {most} % of such",
    "within": "{candidate} false alarms in {hours} h are {low} to {high} a week (90 %), the promise is "
    "{budget}; the live one raised {live}",
    "hears": "of {live} foreign sounds that the live one hears the candidate hears {both}, and {gained} "
    "others",
}
"""By the code of a ground."""


def english(figure: Figure) -> str:
    """Return a figure as it is written in English: to three digits, whole numbers whole, without powers."""
    if not isinstance(figure, float):
        return str(figure)
    if 0.0 < abs(figure) < RARE:
        return f"less than {RARE:g}"
    digits = f"{figure:.3g}"
    return f"{float(digits):.0f}" if "e" in digits else digits


def worded_ground(ground: Ground) -> Worded:
    """Return a ground as a sentence without its full stop, for whoever says it in another language."""
    figures = {name: _rounded(figure) for name, figure in ground.figures.items()}
    return worded(f"verdict-{ground.code.replace('_', '-')}", SENTENCES[ground.code], **figures)


def _rounded(figure: Figure) -> str | float:
    """Return a figure as `english` rounds it."""
    if not isinstance(figure, float):
        return figure
    if 0.0 < abs(figure) < RARE:
        return worded("less-than", "less than {least}", least=RARE)
    value = float(english(figure))
    return int(value) if value.is_integer() else value


def said(ground: Ground, *, write: Callable[[Figure], str] = english, of: Callable[[str], str] = str) -> str:
    """Return a ground as a sentence without its full stop; `of` translates its text."""
    figures = {name: write(figure) for name, figure in ground.figures.items()}
    return of(SENTENCES[ground.code]).format(**figures)
