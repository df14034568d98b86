"""Run independent work units on processes, one result at a time as they finish."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Key = TypeVar("Key")
Result = TypeVar("Result")
Task = tuple["Callable[..., Result]", tuple[object, ...]]


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone (even by SIGKILL)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Answer Ctrl-C only at the end, so that no worker starts with half its data.

    Workers inherit the signal mask: a starting one would answer with a traceback. The
    handler is needed as well, since other threads of this process are not masked.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if caught:
        raise KeyboardInterrupt


def run(
    tasks: Mapping[Key, Task[Result]], *, jobs: int
) -> Iterator[tuple[Key, Result]]:
    """Yield (key, result) of every task in the order in which they finish.

    With one job, or one task, everything runs in this process.

    Parameters
    ----------
    tasks : mapping
        Key to (function, arguments); both must be picklable.
    jobs : int
        Number of worker processes.
    """
    if jobs == 1 or len(tasks) <= 1:
        for key, (function, arguments) in tasks.items():
            yield key, function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(jobs, len(tasks)), mp_context=context, initializer=_start_worker
    ) as pool:
        waiting: dict[Future[Result], Key] = {}
        try:
            with _interrupts_held():  # workers start here
                for key, (function, arguments) in tasks.items():
                    waiting[pool.submit(function, *arguments)] = key
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
