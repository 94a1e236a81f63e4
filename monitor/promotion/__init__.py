"""Whether a candidate is better than the live bundle, from what both said of the same sound.

    shadow rows, stored clips, foreign sounds -> Comparison -> rules -> Verdict -> gate of a promotion

Nothing here changes anything: it reads the store and the library, and says what it found. Why it asks what
it asks: docs/decisions/0021-a-candidate-proves-itself-on-what-people-said.md.
"""
