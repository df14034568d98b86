"""Three-cluster candidates: pair masses, helicity angles, recoil energies, cuts.

The cuts of arXiv:1709.00009 section 5. Two selections share the photons: ``low`` takes
the pair with the lowest mass only, ``high`` all three pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.compiled import kernel
from generator.simd import LANES, f4, i4, sincos

if TYPE_CHECKING:
    import awkward as ak

    from detector.simulate import Clusters
    from generator.beams import Beams
    from generator.columns import Column
    from generator.frames import Boost

Flat = NDArray[np.float32]
Levels = NDArray[np.int32]
_0, _1, _H = f4(0), f4(1), f4(0.5)
_TINY, _HUGE = f4(1e-12), f4(1e12)


class SelectionName(StrEnum):
    """The two selections of the 2017 paper."""

    LOW = "low"
    HIGH = "high"


class Stage(IntEnum):
    """Cuts in the order of the cut flow; an event has passed all up to its level."""

    GENERATED = 0
    DETECTED = 1
    TRIGGER = 2
    ENERGY = 3
    ACCEPTANCE = 4
    HELICITY = 5
    WINDOW = 6


@dataclass(frozen=True, slots=True)
class Cuts:
    """Photon and helicity cuts.

    Parameters
    ----------
    energy_cms_min_GeV : float
        Smallest CM energy of a photon [GeV].
    theta_lab_deg : tuple of two floats
        Polar angle limits in the lab [deg].
    helicity_low, helicity_high : float
        Largest cos of the helicity angle (absolute value): of the lightest pair in the
        low-mass selection, of all three pairs in the high-mass selection. Above 1
        the cut is off.

    Raises
    ------
    ValueError
        If a cut keeps nothing or makes no sense.
    """

    energy_cms_min_GeV: float = 0.25
    theta_lab_deg: tuple[float, float] = (17.0, 150.0)
    helicity_low: float = 0.6
    helicity_high: float = 0.9

    def __post_init__(self) -> None:
        """Refuse cuts that keep nothing."""
        low, high = self.theta_lab_deg
        if not 0.0 <= low < high <= 180.0:
            msg = f"theta_lab_deg = {self.theta_lab_deg}: need 0 <= low < high <= 180"
            raise ValueError(msg)
        if not self.energy_cms_min_GeV >= 0.0:
            msg = f"energy_cms_min_GeV = {self.energy_cms_min_GeV:g}: need at least 0"
            raise ValueError(msg)
        if not (self.helicity_low > 0.0 and self.helicity_high > 0.0):
            msg = (
                f"helicity cuts {self.helicity_low:g} and {self.helicity_high:g}: "
                "both must be positive"
            )
            raise ValueError(msg)

    def as_kernel(self) -> Flat:
        """Return (E*, θ low, θ high, helicity low, high) in GeV and rad, shape (5,)."""
        return _numbers(self)


@cache  # select() asks for it once per block
def _numbers(cuts: Cuts) -> Flat:
    low, high = np.radians(cuts.theta_lab_deg)
    numbers = [cuts.energy_cms_min_GeV, low, high]
    return np.array([*numbers, cuts.helicity_low, cuts.helicity_high], np.float32)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of up to LANES events.

    Pair k is made of the two photons other than photon k, so its recoil is photon k.
    """

    level_low: Levels
    """Last `Stage` passed (≤ HELICITY) in the low-mass selection, shape (LANES,)."""
    level_high: Levels
    """The same in the high-mass selection."""
    lightest_m2: Flat
    """Squared mass of the lightest pair [GeV²], shape (LANES,)."""
    pair_m2: Flat
    """Squared masses of the three pairs [GeV²], shape (3·LANES,)."""
    energy_cms: Flat
    """CM energies of the three photons [GeV], shape (3·LANES,)."""
    weight_pb: Column
    """Share of the cross section [pb], shape (LANES,)."""
    n_events: int
    """Lanes in use."""
    n_leading: Levels
    """Good clusters in the first three slots, those of a signal's photons; (LANES,)."""

    def as_awkward(self) -> ak.Array:
        """Return a record per event: levels, weight, and three pairs and photons each.

        ``pair_m2[k]`` belongs to the pair that recoils against ``energy_cms[k]``.
        Compare levels with ``int(Stage.…)``: awkward knows no enum.
        """
        import awkward as ak  # noqa: PLC0415  # slow to import, only for analysis

        n = self.n_events
        return ak.zip(
            {
                "level_low": self.level_low[:n],
                "level_high": self.level_high[:n],
                "lightest_m2": self.lightest_m2[:n],
                "pair_m2": self.pair_m2.reshape(3, LANES)[:, :n].T,
                "energy_cms": self.energy_cms.reshape(3, LANES)[:, :n].T,
                "weight_pb": self.weight_pb[:n],
            },
            depth_limit=1,
        )


@kernel
def _choose(
    boost: Boost,
    cuts: Flat,
    energy: Column,
    theta: Column,
    phi: Column,
    n_found: Levels,
    n_energy: Levels,
    n_good: Levels,
    n_leading: Levels,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    e_cms: Flat,
) -> None:
    """Count clusters and put the first three good ones into candidate slots."""
    for i in range(LANES):
        n_found[i] = n_energy[i] = n_good[i] = n_leading[i] = i4(0)
    for j in range(3 * LANES):
        e[j] = x[j] = y[j] = z[j] = e_cms[j] = _0
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            e_lab, angle = f4(energy[j]), f4(theta[j])
            st, ct = sincos(angle)
            sp, cp = sincos(f4(phi[j]))
            ux, uy = st * cp, st * sp
            star = e_lab * (boost[0] + boost[1] * ux + boost[2] * ct)
            hard = i4(star > cuts[0])
            good = hard & i4(angle > cuts[1]) & i4(angle < cuts[2])
            n_found[i] += i4(e_lab > _0)
            n_energy[i] += hard
            for rank in range(3):
                k = rank * LANES + i
                here = (good & i4(n_good[i] == rank)) != i4(0)
                e[k] = e_lab if here else e[k]
                x[k] = ux if here else x[k]
                y[k] = uy if here else y[k]
                z[k] = ct if here else z[k]
                e_cms[k] = star if here else e_cms[k]
            n_good[i] += good
            n_leading[i] += good if slot < 3 else i4(0)


@kernel
def _pairs(
    e: Flat, x: Flat, y: Flat, z: Flat, e_cms: Flat, m2: Flat, hel: Flat
) -> None:
    """Squared mass and |cos| of the helicity angle of every pair.

    m² = E₁E₂ |n₁ − n₂|² keeps its precision at small angles. In the pair's rest frame
    cosθ = (E*₁ − E*₂)/|p*₁ + p*₂|, since the photons are massless.
    """
    for k in range(3):
        first, second = (k + 1) % 3 * LANES, (k + 2) % 3 * LANES
        for i in range(LANES):
            a, b = first + i, second + i
            dx, dy, dz = x[a] - x[b], y[a] - y[b], z[a] - z[b]
            mass2 = e[a] * e[b] * (dx * dx + dy * dy + dz * dz)
            total = e_cms[a] + e_cms[b]
            p2 = max(total * total - mass2, _TINY)
            m2[k * LANES + i] = mass2
            hel[k * LANES + i] = abs(e_cms[a] - e_cms[b]) / np.sqrt(p2)


@kernel
def _decide(
    cuts: Flat,
    n_found: Levels,
    triggered: NDArray[np.bool_],
    n_energy: Levels,
    n_good: Levels,
    m2: Flat,
    hel: Flat,
    lightest: Flat,
    level_low: Levels,
    level_high: Levels,
) -> None:
    """Work out the last cut passed."""
    for i in range(LANES):
        a, b, c = m2[i], m2[LANES + i], m2[2 * LANES + i]
        ha, hb, hc = hel[i], hel[LANES + i], hel[2 * LANES + i]
        small = min(a, b)
        h_small = ha if a < b else hb
        h_small = h_small if small < c else hc
        lightest[i] = min(small, c)
        passed = i4(n_found[i] >= i4(3))
        level = passed
        passed = passed & i4(triggered[i])
        level += passed
        passed = passed & i4(n_energy[i] == i4(3))
        level += passed
        passed = passed & i4(n_good[i] == i4(3))
        level += passed
        level_low[i] = level + (passed & i4(h_small < cuts[3]))
        level_high[i] = level + (passed & i4(max(ha, hb, hc) < cuts[4]))


def select(clusters: Clusters, beams: Beams, cuts: Cuts) -> Candidates:
    """Return the candidates of a block of clusters.

    Parameters
    ----------
    clusters : Clusters
        Reconstructed clusters.
    beams : Beams
        For the CM energies.
    cuts : Cuts
        Photon and helicity cuts.
    """
    n_found, n_energy, n_good, n_leading = (np.empty(LANES, np.int32) for _ in range(4))
    counts = (n_found, n_energy, n_good, n_leading)
    e, x, y, z, e_cms, m2, hel = (np.empty(3 * LANES, np.float32) for _ in range(7))
    numbers, boost = cuts.as_kernel(), beams.kernel_to_cms
    e_lab, theta, phi = clusters.energy, clusters.theta, clusters.phi
    columns = e_lab.reshape(-1), theta.reshape(-1), phi.reshape(-1)
    _choose(boost, numbers, *columns, *counts, e, x, y, z, e_cms)
    _pairs(e, x, y, z, e_cms, m2, hel)
    lightest = np.empty(LANES, np.float32)
    low, high = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    trigger = clusters.triggered
    _decide(numbers, n_found, trigger, n_energy, n_good, m2, hel, lightest, low, high)
    return Candidates(
        level_low=low,
        level_high=high,
        lightest_m2=lightest,
        pair_m2=m2,
        energy_cms=e_cms,
        weight_pb=clusters.weight_pb,
        n_events=clusters.n_events,
        n_leading=n_leading,
    )
