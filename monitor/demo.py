"""The embedded defaults of `make run`: a simulated pump that breaks, or this box's microphone."""

from __future__ import annotations

from monitor.config import Config, parse_config

SIMULATED = """\
site: demo
state_dir: state-demo
box: box1
log: {level: error}
alarm: {off_delay_s: 4.0, acknowledge_required: false}
sources:
  - id: pump-1
    kind: simulated
    machine: pump
    faults:
      - {kind: bearing, start_s: 25, duration_s: 12}
      - {kind: air_leak, start_s: 60, duration_s: 12}
      - {kind: belt_squeal, start_s: 95, duration_s: 12}
      - {kind: dropout, start_s: 125, duration_s: 6}
      - {kind: cavitation, start_s: 150, duration_s: 12}
    repeat_every_s: 180
"""
MICROPHONE = """\
site: demo
state_dir: state-demo
box: box1
log: {level: error}
sources:
  - id: microphone-1
    kind: microphone
    device: default
"""
TEXTS = {"simulated": SIMULATED, "microphone": MICROPHONE}

HINTS = {
    "simulated": """\
Listening to a simulated pump at real time; a bearing fault begins after 25 s.
value: 1.00 is the alarm limit, 0 the median of normal sound. Profile: where in the window the error was.
Below an alarm: what it sounded like, against what this pump sounded like before.
  a microphone:    make run SOURCE=microphone        (names: .venv/bin/wheeltapper devices)
  a real broker:   edit config.yaml (mqtt.host), then .venv/bin/wheeltapper run --config config.yaml
Ctrl-C stops.
""",
    "microphone": """\
Listening to the default microphone with the model of the simulated pump: it has never heard your machine,
so it will alarm. For a limit of your own, record normal sound and calibrate with it:
  .venv/bin/wheeltapper record microphone --minutes 30 --out normal
  .venv/bin/wheeltapper calibrate engines/demo/mae normal/*.flac \\
      --out state-demo/calibration/microphone-1.json
Another device: .venv/bin/wheeltapper devices, then set it in config.yaml and run with --config config.yaml
Ctrl-C stops.
""",
}


def demo_config(kind: str) -> Config:
    """Return the configuration of one demonstration: `simulated` or `microphone`."""
    return parse_config(TEXTS[kind], name=f"the embedded defaults for {kind}")
