"""Command line of the benchmark: ``python -m tests.bench [--quick]``."""

from __future__ import annotations

import argparse
import os
from statistics import median

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="shorter and less precise")
    quick = parser.parse_args().quick
    # The 4×4 products of the numpy chain may use BLAS threads, set up at its import.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    from rich.console import Console

    from generator.processes import PROCESSES
    from tests.bench import detectors, generators, memory, report
    from tests.bench.chains import preset
    from tests.bench.stages import stage_times
    from tests.bench.startup import help_seconds
    from tests.bench.throughput import QUICK, Sizes, chains_to_time, throughput

    console, sizes, config = Console(width=100), QUICK if quick else Sizes(), preset()
    console.print(report.machine())
    chains = chains_to_time(config, config.scan.masses())
    rows = [throughput(name, chain, sizes) for name, chain in chains.items()]
    console.print(report.throughput_table(rows))
    times = {name: stage_times(chain, sizes.blocks) for name, chain in chains.items()}
    console.print(report.stage_table(times))
    parts, share = detectors.detector_rows(sizes.blocks // 10, sizes.rounds)
    console.print(detectors.detector_table(parts, share))
    made = generators.generator_rows(sizes.product, sizes.rounds)
    console.print(generators.generator_table(made))
    aims = generators.aim_rows(config, sizes.product, sizes.rounds)
    console.print(generators.aim_table(aims))
    small, large = sizes.small_memory, sizes.large_memory
    peaks = [
        report.Peak(name, *(memory.run_in_own_process(name, n) for n in (small, large)))
        for name in memory.CHAINS
    ]
    console.print(report.memory_table(peaks, small, large))
    few, many = sizes.small_generated, sizes.large_generated
    names = [memory.GENERATE + process for process in PROCESSES]
    grown = [
        report.Peak(name, *(memory.run_in_own_process(name, n) for n in (few, many)))
        for name in names
    ]
    console.print(report.memory_table(grown, few, many))
    more = [
        *generators.targets(made, aims),
        *detectors.targets(parts, rows[0].product),
    ]
    console.print(report.target_table(rows, peaks, more))
    seconds = help_seconds(5)
    console.print(f"alpenglow --help: {median(seconds):.2f} s wall")


if __name__ == "__main__":
    main()
