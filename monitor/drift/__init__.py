"""Whether a machine's normal sound has moved since its limit was made, and which limit would fit it now.

    judging thread  Tally      scores of normal windows -> counts of the hour
    drift thread    DriftWatch counts -> store; days -> Judgement -> Proposal -> store
    an operator     recalibrate: the proposal that was shown becomes the limit; nothing else ever does

The scores alone cannot tell a season from a fault that grows slowly: a proposal shows what is known beside
them, and a person decides (docs/drift.md).
"""
