"""Measures the words: whether monitor.describe calls sounds what they are, where truth is known.

python -m training.words --shared ../shared --out docs/words.md

Simulated faults and synthesised sounds in real recordings go the daemon's own way: blocks, windows, log-mel,
bundle, Describer. Thresholds were chosen on the development half only; the document reports the other.
"""
