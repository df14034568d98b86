"""Peak memory of a chain, in a process of its own: ``python -m tests.bench.memory``."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CHAINS: Final = ("signal", "aaa")
MASS_GEV: Final = 1.0


def peak_MB() -> float:
    """Return the largest resident memory this process has had [MB].

    On Linux from the process's own counter: ``ru_maxrss`` also remembers the parent
    from before the ``exec``.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024.0 / 1e6
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e6 if sys.platform == "darwin" else largest * 1024.0 / 1e6


def run_in_own_process(name: str, n_events: int) -> float:
    """Return the peak memory [MB] of a chain in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.memory", name, str(n_events)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def main() -> None:
    """Run a chain and print its peak memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("chain", choices=CHAINS)
    parser.add_argument("n_events", type=int)
    arguments = parser.parse_args()
    from tests.bench import chains

    config = chains.preset()
    if arguments.chain == "signal":
        chain = chains.signal_chain(MASS_GEV, config)
    else:
        chain = chains.three_photon_chain(config, [MASS_GEV])
    tally = chain.run(arguments.n_events)
    if tally.n_events != arguments.n_events:
        sys.exit(f"{tally.n_events} events, not {arguments.n_events}")
    print(peak_MB())


if __name__ == "__main__":
    main()
