"""How long ``alpenglow --help`` takes."""

from __future__ import annotations

import os
import subprocess
import sys
from time import perf_counter

from tests.bench.memory import ROOT


def help_seconds(n_runs: int) -> list[float]:
    """Return wall times of ``alpenglow --help`` [s], interpreter included."""
    command = [sys.executable, "-c", "from study.cli import main; main()", "--help"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    seconds = []
    for _ in range(n_runs):
        start = perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        seconds.append(perf_counter() - start)
    return seconds
