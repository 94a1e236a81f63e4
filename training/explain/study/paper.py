"""What arXiv 2601.12660 reports on its planer sound, read off the vector figures in its repository.

M. Elrashid et al.: Toward Faithful Explanations in Acoustic Anomaly Detection, ICASSP 2026. Means over 46
clips with labelled times, one training each; chance is not reported there. The F1 of random frames was
computed by others than its authors, by the paper's own rule on the paper's own labels.
"""

from __future__ import annotations

from collections.abc import Mapping

Curve = Mapping[int, float]
"""By percentile."""

_FRAME = (90, 92, 94, 96, 98, 99)
_SEGMENT = (90, 98)
_F1 = (90, 92, 94, 96, 98, 99)


def _curve(percentiles: tuple[int, ...], text: str) -> Curve:
    return dict(zip(percentiles, map(float, text.split()), strict=True))


PAPER_FIGURES: Mapping[str, Mapping[tuple[str, str], Curve]] = {
    "ff_frame": {
        ("ae", "error_map"): _curve(_FRAME, ".141 .120 .094 .072 .042 .026"),
        ("ae", "saliency"): _curve(_FRAME, ".093 .076 .060 .041 .023 .014"),
        ("ae", "integrated_gradients"): _curve(_FRAME, ".096 .077 .060 .040 .023 .013"),
        ("ae", "smoothgrad"): _curve(_FRAME, ".094 .076 .060 .042 .023 .014"),
        ("ae", "gradcam"): _curve(_FRAME, ".083 .067 .051 .036 .020 .012"),
        ("ae", "gradshap"): _curve(_FRAME, ".098 .079 .059 .041 .024 .014"),
        ("mae", "error_map"): _curve(_FRAME, ".175 .148 .118 .087 .050 .029"),
        ("mae", "saliency"): _curve(_FRAME, ".137 .113 .089 .061 .033 .018"),
        ("mae", "integrated_gradients"): _curve(_FRAME, ".129 .108 .085 .062 .034 .019"),
        ("mae", "smoothgrad"): _curve(_FRAME, ".137 .114 .088 .063 .034 .019"),
        ("mae", "gradcam"): _curve(_FRAME, ".112 .091 .069 .047 .025 .013"),
        ("mae", "gradshap"): _curve(_FRAME, ".122 .100 .078 .054 .030 .017"),
    },
    "ff_segment": {
        ("ae", "error_map"): _curve(_SEGMENT, ".277 .196"),
        ("ae", "saliency"): _curve(_SEGMENT, ".231 .125"),
        ("ae", "integrated_gradients"): _curve(_SEGMENT, ".258 .143"),
        ("ae", "smoothgrad"): _curve(_SEGMENT, ".235 .117"),
        ("ae", "gradcam"): _curve(_SEGMENT, ".087 .042"),
        ("ae", "gradshap"): _curve(_SEGMENT, ".273 .140"),
        ("mae", "error_map"): _curve(_SEGMENT, ".320 .226"),
        ("mae", "saliency"): _curve(_SEGMENT, ".312 .212"),
        ("mae", "integrated_gradients"): _curve(_SEGMENT, ".324 .191"),
        ("mae", "smoothgrad"): _curve(_SEGMENT, ".312 .205"),
        ("mae", "gradcam"): _curve(_SEGMENT, ".203 .105"),
        ("mae", "gradshap"): _curve(_SEGMENT, ".312 .188"),
    },
    "f1": {
        ("ae", "error_map"): _curve(_F1, ".498 .512 .526 .555 .523 .521"),
        ("mae", "error_map"): _curve(_F1, ".553 .553 .571 .581 .581 .507"),
        ("ae", "saliency"): _curve(_F1, ".446 .417 .406 .387 .340 .283"),
        ("mae", "saliency"): _curve(_F1, ".590 .618 .612 .613 .629 .545"),
        ("ae", "integrated_gradients"): _curve(_F1, ".471 .472 .470 .449 .401 .355"),
        ("mae", "integrated_gradients"): _curve(_F1, ".498 .495 .493 .483 .446 .410"),
        ("ae", "smoothgrad"): _curve(_F1, ".447 .413 .403 .385 .324 .295"),
        ("mae", "smoothgrad"): _curve(_F1, ".592 .615 .619 .616 .610 .512"),
        ("ae", "gradcam"): _curve(_F1, ".295 .276 .272 .253 .211 .159"),
        ("mae", "gradcam"): _curve(_F1, ".496 .489 .470 .442 .411 .330"),
        ("ae", "gradshap"): _curve(_F1, ".493 .490 .464 .441 .378 .348"),
        ("mae", "gradshap"): _curve(_F1, ".490 .487 .475 .457 .424 .382"),
        ("", "random"): _curve(_F1, ".479 .477 .471 .453 .398 .308"),
        ("", "random_smoothed"): _curve(_F1, ".459 .448 .437 .410 .333 .276"),
    },
}
"""Figure -> (kind, method) -> what it reaches; kind is empty for chance."""


def paper_curve(figure: str, kind: str, method: str) -> Curve:
    """Return what the paper reports at each percentile; empty where it reports nothing."""
    return PAPER_FIGURES.get(figure, {}).get((kind, method), {})


def paper_mean(figure: str, kind: str, method: str) -> float | None:
    """Return the mean over the percentiles that the paper reports; None where it reports none."""
    curve = paper_curve(figure, kind, method)
    return sum(curve.values()) / len(curve) if curve else None
