"""At which energy symmetric π⁰ merge: ``python -m tests.validation.pi0``.

Both photons have half of the energy, around 90° in the barrel, at any azimuth and in any
plane: the opening angle is the smallest there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from detector.simulate import ClusterModel, Detector
from generator.simd import LANES
from tests.compare import photons_of, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.columns import Photons

PI0_GEV: Final = 0.1349768
ENERGIES_GEV: Final = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0)
VARIANTS: Final = {
    "1 crystal": Detector(merge_crystals=1),
    "2 crystals": Detector(merge_crystals=2),
    "4 crystals": Detector(merge_crystals=4),
    "shower model": Detector(model=ClusterModel.SHOWER),
}


def smallest_opening(energy_GeV: float) -> float:
    """Return the opening angle of a symmetric π⁰ [rad]."""
    return float(2.0 * np.arcsin(PI0_GEV / energy_GeV))


def pair(energy_GeV: float, opening: float, seed: int = 5) -> Photons:
    """Return photons of half the energy each, around 90°, in any plane and azimuth."""
    rng = np.random.default_rng(seed)
    theta = np.pi / 2 + rng.uniform(-0.05, 0.05, LANES)
    phi, plane = rng.uniform(0, 2 * np.pi, (2, LANES))
    st_, ct, sp, cp = np.sin(theta), np.cos(theta), np.sin(phi), np.cos(phi)
    axis = np.stack([st_ * cp, st_ * sp, ct])
    south, east = np.stack([ct * cp, ct * sp, -st_]), np.stack([-sp, cp, 0 * sp])
    aside = np.cos(plane) * south + np.sin(plane) * east
    unit = [
        np.cos(opening / 2) * axis + sign * np.sin(opening / 2) * aside
        for sign in (1, -1)
    ]
    angles = np.stack([np.arccos(u[2]) for u in unit])
    turns = np.stack([np.arctan2(u[1], u[0]) for u in unit]) % 6.2831853
    return photons_of(np.full((2, LANES), energy_GeV / 2), angles, turns)


def share_resolved(detector: Detector, energy_GeV: float, opening: float) -> float:
    """Return the share of pairs of which each photon has a cluster."""
    clusters = detector.simulate(pair(energy_GeV, opening), start(6), record=True)
    owner = clusters.of_photon
    assert owner is not None
    return float(np.mean((owner[0] != owner[1]) & (owner >= 0).all(axis=0)))


def half_point_GeV(shares: Sequence[float]) -> float:
    """Return the energy [GeV] at which half are resolved, of ``ENERGIES_GEV``."""
    return float(np.interp(-0.5, -np.array(shares), ENERGIES_GEV))


def table() -> Table:
    """Return the share resolved by energy and model, and where it is a half."""
    result = Table(title="Symmetric π⁰ at 90°, share resolved [%]")
    result.add_column("clusters")
    for energy in ENERGIES_GEV:
        result.add_column(f"{energy:g} GeV", justify="right")
    result.add_column("half at", justify="right")
    for name, detector in VARIANTS.items():
        shares = [
            share_resolved(detector, energy, smallest_opening(energy))
            for energy in ENERGIES_GEV
        ]
        cells = [f"{100.0 * share:.0f}" for share in shares]
        merged = shares[0] < 0.5
        half = (
            f"< {ENERGIES_GEV[0]:g} GeV"
            if merged
            else f"{half_point_GeV(shares):.1f} GeV"
        )
        result.add_row(name, *cells, half)
    return result


if __name__ == "__main__":
    Console(width=120).print(table())
