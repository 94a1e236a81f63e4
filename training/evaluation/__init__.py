"""How good a bundle is on sound it was not made from, beside chance and two simple controls.

    command     the verb `wheeltapper evaluate`
    evaluate    hears the files and gathers everything
    truth       which file or stretch is normal, which is not
    figures     AUCs, recall and false alarms of windows, by the benchmark judge's definitions
    report      one HTML page and the same as JSON

NumPy only: a box that can listen can judge.
"""
