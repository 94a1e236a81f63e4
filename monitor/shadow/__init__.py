"""A candidate of a managed source judges beside the live bundle: for evidence, and never at its expense.

    judging thread   hands over what it has judged, and waits for nobody         -> queue, bounded
    shadow thread    the candidate's engine -> its score -> pairs, disputes      -> store, keeper
    main thread      sees to it that no candidate keeps the shadow thread for ever

What a candidate says changes no alarm. Its time is bounded (`budget`), it is not asked while a window waits
for a live bundle, and one that fails, hangs or ends the process is set aside. docs/promotion.md says what
comes of the evidence.
"""
