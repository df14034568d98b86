"""Peak memory of a chain, in a process of its own: ``python -m tests.bench.memory``."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CHAINS: Final = ("signal", "aaa", "shower")
_SLOWER: Final = 20
"""How many times fewer events the crystal-level model gets."""
GENERATE: Final = "generate-"
"""Before the name of a process: only the generator runs."""
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
    parser.add_argument("chain", help=f"{' or '.join(CHAINS)}, or {GENERATE}PROCESS")
    parser.add_argument("n_events", type=int)
    arguments = parser.parse_args()
    generated = arguments.chain.startswith(GENERATE)
    counted = _generate if generated else _simulate
    found = counted(arguments.chain.removeprefix(GENERATE), arguments.n_events)
    if found != arguments.n_events:
        sys.exit(f"{found} events, not {arguments.n_events}")
    print(peak_MB())


def _simulate(name: str, n_events: int) -> int:
    from detector.simulate import ClusterModel
    from tests.bench import chains

    config = chains.preset()
    if name == "shower":
        model = {"model": ClusterModel.SHOWER}
        detector = config.detector.model_copy(update=model)
        config = config.model_copy(update={"detector": detector})
        chain = chains.signal_chain(MASS_GEV, config)
        return chain.run(n_events // _SLOWER).n_events * _SLOWER
    if name == "signal":
        chain = chains.signal_chain(MASS_GEV, config)
    else:
        chain = chains.three_photon_chain(config, [MASS_GEV])
    return chain.run(n_events).n_events


def _generate(process: str, n_events: int) -> int:
    from generator.processes import stream
    from generator.sampling import cross_section
    from tests.bench.generators import standard

    seed = stream(f"sample-{process}", 1)
    return cross_section(standard(process), seed, n_events).n_events


if __name__ == "__main__":
    main()
