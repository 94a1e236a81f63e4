"""Keeps what people say out of what is stored: sound is treated before it is written, never after.

Nothing here touches what the model hears: alarms, scores and words are the same with and without it.
"""
