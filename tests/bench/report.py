"""The tables of `make bench`."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Final, NamedTuple

import numba
import numpy as np
from rich.table import Table

from tests.bench.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.throughput import Throughput
    from tests.bench.timing import Summary

SIGNAL_TARGET: Final = 10e6
EFFECTIVE_TARGET: Final = 5e6
PEAK_TARGET_MB: Final = 600.0


class Peak(NamedTuple):
    """Peak memory of a process with few and with many events [MB]."""

    name: str
    small_MB: float
    large_MB: float

    @property
    def growth(self) -> float:
        """Large over small."""
        return self.large_MB / self.small_MB


def machine() -> str:
    """Return one line about where the numbers come from."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores{load}, "
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"numba {numba.__version__}"
    )


def _millions(rate: float) -> str:
    return f"{rate / 1e6:.2f}"


def _spread(value: Summary, scale: float, digits: int) -> str:
    low, high = value.low / scale, value.high / scale
    return f"{value.median / scale:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def throughput_table(rows: Sequence[Throughput]) -> Table:
    """Return the rates, medians with the extremes in brackets."""
    table = Table(
        title="10⁶ events/s/core: generate, detect, select, tally; ratio of effective events"
    )
    for header in ("", *(row.name for row in rows)):
        table.add_column(header, justify="right" if header else "left")
    lines = [
        ("alpenglow", [_spread(r.product, 1e6, 2) for r in rows]),
        ("  ESS per event", [f"{r.effective_share:.3f}" for r in rows]),
        ("  effective events", [_millions(r.effective) for r in rows]),
        ("plain numpy", [_spread(r.numpy, 1e6, 2) for r in rows]),
        ("  ESS per event", [f"{r.numpy_effective_share:.3f}" for r in rows]),
        ("  events per array", [f"{r.chunk}" for r in rows]),
        ("alpenglow / numpy", [_spread(r.ratio, 1.0, 1) for r in rows]),
        ("random numbers alone", [_spread(r.lanes_bound, 1e6, 0) for r in rows]),
        ("  the same from numpy", [_spread(r.numpy_bound, 1e6, 1) for r in rows]),
    ]
    for name, cells in lines:
        table.add_row(name, *cells)
    return table


def stage_table(times: Mapping[str, Mapping[str, float]]) -> Table:
    """Return ns per event by stage and process."""
    table = Table(title="ns/event by stage, median block")
    for header in ("", *times):
        table.add_column(header, justify="right" if header else "left")
    for stage in STAGES:
        table.add_row(stage, *(f"{row[stage]:.1f}" for row in times.values()))
    totals = [sum(row.values()) for row in times.values()]
    table.add_row("sum", *(f"{total:.1f}" for total in totals))
    return table


def memory_table(peaks: Sequence[Peak], small: int, large: int) -> Table:
    """Return peak memory for two numbers of events."""
    table = Table(title="Peak memory [MB], own process")
    for header in ("", f"{small:.0e} events", f"{large:.0e} events", "ratio"):
        table.add_column(header, justify="right" if header else "left")
    for peak in peaks:
        cells = (f"{peak.small_MB:.0f}", f"{peak.large_MB:.0f}", f"{peak.growth:.3f}")
        table.add_row(peak.name, *cells)
    return table


def target_table(
    rows: Sequence[Throughput],
    peaks: Sequence[Peak],
    more: Sequence[tuple[str, str, str, bool]] = (),
) -> Table:
    """Return measured numbers beside the targets; ``more`` holds ready lines."""
    table = Table(title="Targets")
    for header in ("", "measured", "target", ""):
        table.add_column(header)
    for row in rows:
        background = row.name == "γγγ"
        wanted = EFFECTIVE_TARGET if background else SIGNAL_TARGET
        kind = "effective events/s/core" if background else "events/s/core"
        table.add_row(
            f"{row.name}, 10⁶ {kind}",
            _millions(row.effective),
            f"≥ {wanted / 1e6:.0f}",
            _verdict(row.effective >= wanted),
        )
    for what, measured, target, met in more:
        table.add_row(what, measured, target, _verdict(met))
    for peak in peaks:
        table.add_row(
            f"{peak.name}, peak memory [MB]",
            f"{peak.large_MB:.0f}",
            f"< {PEAK_TARGET_MB:.0f}",
            _verdict(peak.large_MB < PEAK_TARGET_MB),
        )
    return table


def _verdict(met: bool) -> str:
    return "[green]met[/green]" if met else "[red]not met[/red]"
