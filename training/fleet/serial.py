"""Does tasks one after the other on this machine, each in a process of its own, without Ray.

The processes are forks of a server that has imported torch, so that each starts in milliseconds; a task that
crashes takes nothing with it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from training.fleet.tasks import Report, Task, Terms, failed_report, perform

PRELOADED = "training.fleet.warm"


class Serial:
    """This machine, one task at a time."""

    def perform(self, tasks: Sequence[Task], terms: Terms) -> Iterator[tuple[Task, Report]]:
        """Yield each task with its report, in order; one whose process dies is tried again, then reported."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        for task in tasks:
            yield task, _report(context, task, terms)

    def close(self) -> None:
        """Nothing is left but the server of forks, which ends with this process."""


def _report(context: multiprocessing.context.ForkServerContext, task: Task, terms: Terms) -> Report:
    code: int | None = None
    for _ in range(1 + terms.retries):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_perform_in_child, args=(sender, task, terms), daemon=True)
        child.start()
        sender.close()
        try:
            report: Report = receiver.recv()
        except EOFError:
            code = _exit_code(child)
            continue
        else:
            child.join()
            return report
        finally:
            receiver.close()
            child.kill()  # nothing is left of a task that is interrupted
    return failed_report(task, "fleet-died", sentence_of_death(1 + terms.retries, f"exit code {code}"))


def _exit_code(child: multiprocessing.context.ForkServerProcess) -> int | None:
    child.join()
    return child.exitcode


def sentence_of_death(times: int, how: str) -> str:
    """Return what to say of a task whose process died each time it was tried."""
    return (
        f"its process died {times} times ({how}): killed, out of memory, or a fault in a library; see "
        "log.txt and the node's kernel log, give --memory-gb or a smaller kind, and run again"
    )


def _perform_in_child(sender: Connection, task: Task, terms: Terms) -> None:
    os.environ["OMP_NUM_THREADS"] = str(terms.threads)
    sender.send(perform(task, terms))
    sender.close()
