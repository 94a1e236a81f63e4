"""The Sparkplug edge node on a line: one thread that drives the session of monitor/publish/sparkplug."""
