"""`make explain`: the paper's questions asked of our sound, beside chance, for docs/explanations.md.

plan        which models, seeds, clips and settings
bundles     trained as the benchmark trains them, or taken from what it keeps
measuring   what one bundle's explanations reach, each kept as soon as it is there
paper       the figures of arXiv 2601.12660, to stand beside ours
findings    what the paper says, and whether it holds here
report      the document
"""
