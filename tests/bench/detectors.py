"""Rates of the detector's parts: both cluster models, first and high level of the trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table

from detector.crystals import hit
from detector.geometry import belle2
from detector.hlt import high_level
from detector.level1 import level1
from detector.response import BackgroundLevel
from detector.shower import ShowerModel
from detector.shower_patch import PATCH
from generator.beams import Beams
from generator.processes import stream
from generator.signal import Signal
from generator.simd import LANES
from tests.bench.bounds import lanes_bound
from tests.bench.timing import Summary, Variant, rates, summary

if TYPE_CHECKING:
    from collections.abc import Callable

MASS_GEV: Final = 1.0
CHAIN_TARGET: Final = 8e6
SHOWER_TARGET: Final = 0.2e6
LEVEL1_TARGET: Final = 3e6
_BLOCKS: Final = 8
_SHOWER_NUMBERS: Final = 3 * (2 * PATCH + 4)
"""Random numbers of three showers: two for a crystal, for the tail and the energy."""


@dataclass(frozen=True)
class DetectorRow:
    """Rate of a part [events per CPU second], and crystals per event."""

    name: str
    rate: Summary


def detector_rows(n_blocks: int, n_rounds: int) -> tuple[list[DetectorRow], float]:
    """Time the parts on three-photon events, all taking turns.

    Returns
    -------
    rows, share
        The rates; and the median share that the random numbers alone, drawn by the same
        lanes, take of the time of the crystal-level model, turn by turn.
    """
    state = stream("signal", 1).chunk(0)
    photons = Signal(MASS_GEV).block(state, LANES, 1.0)
    hits = hit(photons, belle2(), 1.0, state)
    model, boost = ShowerModel(BackgroundLevel.LOW), Beams().kernel_to_cms
    columns = photons.energy, photons.theta, photons.phi
    works: dict[str, Callable[[], object]] = {
        "shower model": lambda: model.cluster(hits, state),
        "shower model with first level": lambda: model.cluster(hits, state, 0.1),
        "first level, photons": lambda: level1(hits),
        "high level": lambda: high_level(*columns, boost),
    }
    variants = {
        name: Variant(_repeated(work), n_blocks * LANES) for name, work in works.items()
    }
    variants["random numbers"] = Variant(lanes_bound(_SHOWER_NUMBERS), n_blocks * LANES)
    for variant in variants.values():
        variant.run(LANES)
    measured = rates(variants, n_rounds)
    share = measured["shower model"] / measured["random numbers"]
    rows = [DetectorRow(name, summary(measured[name])) for name in variants]
    return rows, summary(share).median


def _repeated(work: Callable[[], object]) -> Callable[[int], None]:
    def run(n_events: int) -> None:
        for _ in range(0, n_events, LANES):
            work()

    return run


def detector_table(rows: list[DetectorRow], share: float) -> Table:
    """Return the rates of the parts."""
    table = Table(title="Detector, three-photon events: 10⁶ events/s/core")
    table.add_column("")
    table.add_column("median (extremes)", justify="right")
    for row in rows:
        low, middle, high = (
            f"{x / 1e6:.3f}" for x in (row.rate.low, row.rate.median, row.rate.high)
        )
        table.add_row(row.name, f"{middle} ({low} to {high})")
    table.caption = f"a shower is {PATCH} crystals; random numbers alone take {share:.0%} of its time"
    return table


def targets(
    rows: list[DetectorRow], chain: Summary
) -> list[tuple[str, str, str, bool]]:
    """Return (what, measured, target, met)."""
    by_name = {row.name: row.rate.median for row in rows}
    found = (
        ("separation model in the chain", chain.median, CHAIN_TARGET),
        ("shower model", by_name["shower model"], SHOWER_TARGET),
        ("first level", by_name["first level, photons"], LEVEL1_TARGET),
    )
    return [
        (
            f"{name}, 10⁶ events/s/core",
            f"{rate / 1e6:.2f}",
            f"≥ {target / 1e6:g}",
            rate >= target,
        )
        for name, rate, target in found
    ]
