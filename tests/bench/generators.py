"""Rate and effective sample size of every process; who wins inside a mass window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.table import Table

from generator.beams import Beams
from generator.initial_state import InitialState
from generator.light_pair import LightPair
from generator.phase_space import PhaseSpace
from generator.processes import PROCESSES, Options, sampler, stream
from generator.sampling import cross_section
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from study.points import background_phase_space, pilot_windows
from tests.bench.chains import Chain
from tests.bench.timing import Summary, Variant, rates, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generator.sampling import Sampler, Stream
    from study.config import Config

MASS_GEV: Final = 1.0
COUPLING_PER_GEV: Final = 1e-3
WINDOW_MASSES_GEV: Final = (0.2, 0.3, 1.0)
AIMED_GEV: Final = (0.05, 0.5)
AIMED_HELICITY: Final = 0.75
"""Room for the resolution above the selection's 0.6."""
GAIN_TARGET: Final = 30.0
SLOW: Final = ("aaaa",)
THREE_PHOTON_TARGET: Final = 15e6
FOUR_PHOTON_TARGET: Final = 50e3
ESS_TARGET: Final = 0.90
_SHARE_OF_SLOW: Final = 16


def standard(process: str, initial: InitialState | None = None) -> Sampler:
    """Return a process in the region of the 2017 selection."""
    extra = 0.1 if process == "aaaa" else None
    return sampler(
        process,
        beams=Beams(),
        phase_space=PhaseSpace(extra_energy_cms_min_GeV=extra),
        mass_GeV=MASS_GEV,
        coupling_per_GeV=COUPLING_PER_GEV,
        options=Options(initial=initial or InitialState()),
    )


@dataclass(frozen=True)
class GeneratorRow:
    """A process, without and with initial-state radiation."""

    process: str
    rate: Summary
    share: float
    radiated_rate: Summary
    radiated_share: float


def _share(source: Sampler, n_events: int) -> float:
    total = cross_section(source, stream(f"sample-{source.name}", 1), n_events)
    return total.effective_events / n_events


def generator_rows(n_events: int, n_rounds: int) -> list[GeneratorRow]:
    """Time every process, all taking turns."""
    radiating = InitialState(radiation=True)
    sources = {name: (standard(name), standard(name, radiating)) for name in PROCESSES}
    sizes = {
        name: max(n_events // (_SHARE_OF_SLOW if name in SLOW else 1), LANES)
        for name in sources
    }
    variants: dict[str, Variant] = {}
    for name, pair in sources.items():
        for kind, source in zip(("", " radiated"), pair, strict=True):
            seed = stream(f"sample-{name}", 1)
            run = _runner(source, seed)
            run(LANES)
            variants[name + kind] = Variant(run, sizes[name])
    measured = rates(variants, n_rounds)
    return [
        GeneratorRow(
            process=name,
            rate=summary(measured[name]),
            share=_share(pair[0], sizes[name]),
            radiated_rate=summary(measured[f"{name} radiated"]),
            radiated_share=_share(pair[1], sizes[name]),
        )
        for name, pair in sources.items()
    ]


def _runner(source: Sampler, seed: Stream) -> Callable[[int], object]:
    return lambda n_events: cross_section(source, seed, n_events)


@dataclass(frozen=True)
class AimRow:
    """A way to sample γγγ, judged inside the low-mass window of one ALP mass."""

    mass_GeV: float
    name: str
    share: float
    """Effective events in the window over generated events."""
    rate: Summary
    """Effective events in the window per second, through the whole chain."""


def aim_rows(config: Config, n_events: int, n_rounds: int) -> list[AimRow]:
    """Compare plain mapping, cells, and the sampler aimed at light pairs."""
    space, beams = background_phase_space(config), config.beams.build()
    aimed = LightPair(
        space, beams, pair_mass_GeV=AIMED_GEV, helicity_max=AIMED_HELICITY
    )
    samplers: dict[str, Sampler] = {
        "plain mapping": ThreePhoton(space, beams, refined=False),
        "adaptive cells": ThreePhoton(space, beams),
        f"aimed at {AIMED_GEV[0]:g}–{AIMED_GEV[1]:g} GeV": aimed,
    }
    rows = []
    for mass in WINDOW_MASSES_GEV:
        window = pilot_windows(mass, config.build_detector(), config)[:1]
        chains = {
            name: Chain(source, stream("aaa", config.seed), window, config, 0)
            for name, source in samplers.items()
            if not (source is aimed and mass > AIMED_GEV[1])
        }
        rows += _race(mass, chains, n_events, n_rounds)
    return rows


def _race(
    mass_GeV: float, chains: dict[str, Chain], n_events: int, n_rounds: int
) -> list[AimRow]:
    for chain in chains.values():
        chain.run(LANES)
    variants = {name: Variant(c.run, n_events) for name, c in chains.items()}
    measured = rates(variants, n_rounds)
    rows = []
    for name, chain in chains.items():
        weight, squares = chain.run(4 * n_events).in_windows()[:, 0, 0]
        share = float(weight**2 / squares / (4 * n_events)) if squares > 0.0 else 0.0
        rows.append(AimRow(mass_GeV, name, share, summary(share * measured[name])))
    return rows


def generator_table(rows: Sequence[GeneratorRow]) -> Table:
    """Return rate and effective share of every process."""
    table = Table(title="Generator alone: 10⁶ events/s/core, and ESS per event")
    for header in ("", "Born", "ESS", "radiation", "ESS"):
        table.add_column(header, justify="right" if header else "left")
    for row in rows:
        table.add_row(
            row.process,
            f"{row.rate.median / 1e6:.2f}",
            f"{row.share:.3f}",
            f"{row.radiated_rate.median / 1e6:.2f}",
            f"{row.radiated_share:.3f}",
        )
    return table


def aim_table(rows: Sequence[AimRow]) -> Table:
    """Return effective events inside windows; the fastest of a mass is marked."""
    table = Table(title="γγγ inside the low-mass window, whole chain")
    headers = ("m [GeV]", "sampler", "effective/generated", "× plain", "effective/s")
    for header in headers:
        table.add_column(header, justify="right")
    for row in rows:
        rivals = [r for r in rows if r.mass_GeV == row.mass_GeV]
        best = max(rivals, key=lambda r: r.rate.median)
        plain = rivals[0].share
        table.add_row(
            f"{row.mass_GeV:g}",
            row.name,
            f"{row.share:.5f}",
            f"{row.share / plain:.1f}" if plain else "-",
            f"{row.rate.median:.0f}{' *' if row is best else ''}",
        )
    table.caption = "* most effective events per second"
    return table


def targets(
    rows: Sequence[GeneratorRow], aims: Sequence[AimRow]
) -> list[tuple[str, str, str, bool]]:
    """Return (what, measured, target, met)."""
    by_name = {row.process: row for row in rows}
    aaa, aaaa = by_name["aaa"], by_name["aaaa"]
    found = [
        (
            "γγγ generated, 10⁶ events/s/core",
            f"{aaa.rate.median / 1e6:.1f}",
            f"≥ {THREE_PHOTON_TARGET / 1e6:.0f}",
            aaa.rate.median >= THREE_PHOTON_TARGET,
        ),
        (
            "γγγ ESS per event",
            f"{aaa.share:.3f}",
            f"≥ {ESS_TARGET}",
            aaa.share >= ESS_TARGET,
        ),
        (
            "γγγγ generated, 10³ events/s/core",
            f"{aaaa.rate.median / 1e3:.0f}",
            f"≥ {FOUR_PHOTON_TARGET / 1e3:.0f}",
            aaaa.rate.median >= FOUR_PHOTON_TARGET,
        ),
    ]
    for mass in WINDOW_MASSES_GEV[:2]:
        rivals = [row for row in aims if row.mass_GeV == mass]
        gain = rivals[-1].share / rivals[0].share if rivals[0].share else np.inf
        what = f"aimed over plain at {mass:g} GeV, effective/generated"
        found.append((what, f"{gain:.0f}", f"≥ {GAIN_TARGET:.0f}", gain >= GAIN_TARGET))
    return found
