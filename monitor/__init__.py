"""The daemon: sound in, alarms out.

The path of the sound, one module a stage:

    source -> window -> frontend -> engine -> score -> alarm -> store -> publish

Stages share only `monitor.messages`. Between alarm and store `monitor.describe` says what an event
sounds like; an alarm never waits for it. Threads and queues live in `monitor.daemon` alone, and
nothing here imports torch, onnx or training.
"""
