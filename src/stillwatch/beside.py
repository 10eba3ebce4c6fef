"""Work in another process, beside this one: two threads of Python share one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from loky import cpu_count
from loky.process_executor import ProcessPoolExecutor

__all__ = ["beside"]

_IDLE = 60  # seconds after which a process that hears no more of its parent ends

Given = TypeVar("Given")
Result = TypeVar("Result")


@contextmanager
def beside(function: Callable[[Given], Result], given: Given, *, apart: bool) -> Iterator[Callable[[], Result]]:
    """Run ``function`` of ``given`` in a process of its own while the block runs; the block asks for its result.

    A process costs a second to start: without ``apart`` the work is done here, when the result is asked for; as it is
    on one core, where no process can be started, and where the process is killed. What the function raises is raised
    to who asks. The process ends with the block.
    """
    if not apart or cpu_count() < 2:
        yield lambda: function(given)
        return
    try:
        pool = ProcessPoolExecutor(1, timeout=_IDLE)
        pending = pool.submit(function, given)
    except OSError:  # no semaphores or no memory for a process
        yield lambda: function(given)
        return

    def result() -> Result:
        try:
            returned: Result = pending.result()
        except BrokenProcessPool:
            returned = function(given)
        return returned

    try:
        yield result
    finally:
        pool.shutdown(wait=True, kill_workers=True)
