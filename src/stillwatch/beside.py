"""Work in another process, beside this one (two threads of Python share one core), and little looking for garbage."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from loky import cpu_count
from loky.process_executor import ProcessPoolExecutor

__all__ = ["beside", "crew", "rare_collections"]

_IDLE = 60  # seconds after which a process that hears no more of its parent ends
_ALLOCATIONS = 50_000  # between two searches for garbage

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
        pending = pool.submit(_alone, function, given)
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


def _alone(function: Callable[[Given], Result], given: Given) -> Result:
    with rare_collections():
        return function(given)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage in cycles less often while the block runs.

    Python looks through all objects each time that some hundreds were made. A log is millions of them and none is in
    a cycle: on 79,000 exchanges a tenth of a scan's time went into looking.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(_ALLOCATIONS, before[0]) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def crew(
    workers: int, begin: Callable[[Given], None], given: Given
) -> Iterator[Callable[[Callable[..., Result], tuple[object, ...]], Future[Result]]]:
    """Processes that each call ``begin(given)`` once and then do what they are handed, while the block runs.

    Each works on one core. ``given`` goes to them through pipes, never over the disk. With one worker or one core the
    work is done here, when it is handed over.
    """
    if workers < 2 or cpu_count() < 2:
        begin(given)
        yield _here
        return
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pool = ProcessPoolExecutor(workers, timeout=_IDLE, initializer=_apart, initargs=(begin, given), env=alone)
    try:
        yield lambda function, arguments: pool.submit(function, *arguments)
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _apart(begin: Callable[[Given], None], given: Given) -> None:
    """In a process of a crew: an interrupt from the keyboard is for who handed the work over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin(given)


def _here(function: Callable[..., Result], arguments: tuple[object, ...]) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(function(*arguments))
    return future
