"""The `wheeltapper` command: a table of verbs, each a module that is imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from engines.errors import CodedError
from monitor.errors import ExtraMissingError

# NumPy's matrices here are too small to share out: its threads would only spin, waiting for each other.
# Must stand before NumPy is imported, which the verbs' modules do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# verb -> (module with add_arguments(parser) and run(arguments) -> exit code, what it does)
COMMANDS = {
    "run": ("monitor.commands.run", "listen, judge and publish until stopped"),
    "check": ("monitor.commands.check", "check the configuration, the bundles and the devices"),
    "devices": ("monitor.commands.devices", "list the microphones of this box with their levels"),
    "score": ("monitor.commands.score", "score sound files with a bundle, as JSON lines"),
    "record": ("monitor.commands.record", "record normal sound of a source, as FLAC with an index"),
    "learn": ("monitor.commands.learn", "commission a microphone: check, record, learn, calibrate"),
    "retrain": ("monitor.commands.retrain", "make a better bundle of what technicians said of events"),
    "calibrate": ("monitor.commands.calibrate", "set the alarm limit from normal recordings"),
    "train": ("training.train_command", "train a bundle on normal sound"),
    "evaluate": ("training.evaluation.command", "measure how good a bundle is on other sound"),
    "explain": (
        "training.explain.command",
        "show what made a bundle's score what it is, and how far to trust that",
    ),
    "bundle": ("monitor.commands.bundle", "sign and verify bundles, list and install a source's versions"),
    "promote": ("monitor.commands.promote", "let a source's candidate bundle judge from now on"),
    "compare": ("monitor.commands.compare", "say whether a source's candidate is better than what is live"),
    "rollback": ("monitor.commands.rollback", "let the bundle before the last promotion judge again"),
    "drift": ("monitor.commands.drift", "say whether a source's normal sound has moved, and what then"),
    "recalibrate": ("monitor.commands.recalibrate", "put a proposed limit into force, or decline it"),
    "fleet": ("training.fleet.command", "train, judge and use one bundle for each machine of a plant"),
    "engine": ("monitor.commands.engine", "build, compare, time, list and prune the engines of a bundle"),
    "replay": ("monitor.commands.replay", "serve the technicians' page, and say who may log in"),
    "watch": ("monitor.commands.watch", "show what the broker carries, readable"),
    "doctor": (
        "monitor.commands.doctor",
        "look at everything that a support call would ask, and say what to do",
    ),
    "status": ("monitor.commands.status", "show how the daemon on this box is"),
    "audit": ("monitor.commands.audit", "show who asked the daemon on this box for what"),
}

OUR_PACKAGES = frozenset({"monitor", "engines", "training"})


def build_parser(verb: str | None) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser and the module of `verb`; only that verb's module is imported.

    Raises:
        ExtraMissingError: The module needs a package that was not installed.
    """
    parser = argparse.ArgumentParser(
        prog="wheeltapper", description="Listens to machines: scores, error maps and alarms over MQTT."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    module: Any = None
    for name, (path, summary) in COMMANDS.items():
        sub = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == verb:
            module = _module_of_verb(path)
            module.add_arguments(sub)
    return parser, module


def _module_of_verb(path: str) -> Any:  # noqa: ANN401 - a module with add_arguments and run
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OUR_PACKAGES or path.startswith("monitor."):
            raise
        raise ExtraMissingError(
            f"package {error.name!r} is missing, which the box has no need of; where models are trained: "
            "pip install 'wheeltapper[train]'"
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Returns its exit code; 2 for an error that has a remedy, told in one sentence."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), None)
    try:
        parser, module = build_parser(verb)
        arguments = parser.parse_args(words)
        code: int = module.run(arguments)
    except CodedError as error:
        print(f"wheeltapper {verb}: {error} [{error.code}]", file=sys.stderr)  # noqa: T201 - for a person
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader of our output (head, less) has seen enough
        sys.stderr.close()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
