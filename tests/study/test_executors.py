"""Work units on processes: all results, errors that propagate, workers that end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from study.executors import run

if TYPE_CHECKING:
    from study.executors import Task

ROOT = Path(__file__).resolve().parents[2]


def square(x: int) -> tuple[int, int]:
    return x * x, os.getpid()


def fail(x: int) -> tuple[int, int]:
    msg = f"cannot do {x}"
    raise ArithmeticError(msg)


def squares(n: int) -> dict[int, Task[tuple[int, int]]]:
    return {x: (square, (x,)) for x in range(n)}


@pytest.mark.parametrize(("jobs", "n"), [(1, 5), (2, 5), (7, 2), (3, 1), (2, 0)])
def test_every_task_gives_its_result(jobs: int, n: int) -> None:
    results = dict(run(squares(n), jobs=jobs))
    assert {x: value for x, (value, _) in results.items()} == {
        x: x * x for x in range(n)
    }
    here = {pid for _, pid in results.values()} == {os.getpid()}
    assert here == (n == 1 or (jobs == 1 and n > 0))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_task_propagates(jobs: int) -> None:
    tasks = {**squares(3), 3: (fail, (3,)), 4: (square, (4,))}
    with pytest.raises(ArithmeticError, match="cannot do 3"):
        list(run(tasks, jobs=jobs))


def test_a_dead_worker_is_an_error() -> None:
    with pytest.raises(BrokenExecutor):
        list(run({0: (os._exit, (3,)), 1: (os._exit, (3,))}, jobs=2))


def test_the_caller_may_stop_early() -> None:
    results = run(squares(20), jobs=2)
    next(results)
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(number: signal.Signals) -> None:
    """Workers hold the parent's output open: its end is theirs."""
    script = (
        "import time\nfrom study.executors import run\n"
        "if __name__ == '__main__':\n"
        "    tasks = {0: (print, ('ready',), )}\n"
        "    tasks |= {k: (time.sleep, (600,)) for k in (1, 2)}\n"
        "    list(run(tasks, jobs=2))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
    assert rest == ""
    assert process.returncode == -number
