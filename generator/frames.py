"""From the frame of the hard process to the lab: columns of momenta in, photons out.

The hard frame moves along the beams (with the rapidity that radiation and beam spread
gave it) in the nominal CM frame, which the beams' crossing angle places in the lab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generator.columns import Column, Photons, empty
from generator.compiled import kernel
from generator.simd import LANES, atan2, azimuth, f4, i4

if TYPE_CHECKING:
    from generator.beams import Beams
    from generator.initial_state import Collisions
    from generator.phase_space import PhaseSpace

Flat = NDArray[np.float32]
Boost = NDArray[np.float32]
"""Nine coefficients: `Beams.kernel_to_lab` or `kernel_to_cms`."""
_0 = f4(0)


@dataclass(frozen=True, slots=True)
class Momenta:
    """Four-momenta of massless particles [GeV], flat columns of slots·LANES numbers."""

    e: Flat
    x: Flat
    y: Flat
    z: Flat

    @classmethod
    def empty(cls, slots: int) -> Momenta:
        """Return uninitialised columns."""
        return cls(*(np.empty(slots * LANES, np.float32) for _ in range(4)))

    @property
    def columns(self) -> tuple[Flat, Flat, Flat, Flat]:
        """Energy and momentum, as kernels take them."""
        return self.e, self.x, self.y, self.z

    @property
    def slots(self) -> int:
        """Particles per event; absent ones have E = 0."""
        return self.e.size // LANES


@kernel
def _to_lab(
    boost: Boost,
    cosh: Flat,
    sinh: Flat,
    bounds: Flat,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    energy: Column,
    theta: Column,
    phi: Column,
    n_hard: NDArray[np.int32],
    n_outside: NDArray[np.int32],
) -> None:
    """Boost, and count particles outside ``bounds`` = (θ, cosθ*, E*, E*_hard, E_lab)."""
    for i in range(LANES):
        n_hard[i] = n_outside[i] = i4(0)
    for slot in range(e.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            e_cms = cosh[i] * e[j] + sinh[i] * z[j]
            z_cms = sinh[i] * e[j] + cosh[i] * z[j]
            e_lab = boost[0] * e_cms + boost[1] * x[j] + boost[2] * z_cms
            x_lab = boost[3] * e_cms + boost[4] * x[j] + boost[5] * z_cms
            z_lab = boost[6] * e_cms + boost[7] * x[j] + boost[8] * z_cms
            angle = atan2(np.sqrt(x_lab * x_lab + y[j] * y[j]), z_lab)
            energy[j], theta[j], phi[j] = e_lab, angle, azimuth(y[j], x_lab)
            inside = (
                i4(angle > bounds[0])
                & i4(angle < bounds[1])
                & i4(z_cms > bounds[2] * e_cms)
                & i4(z_cms < bounds[3] * e_cms)
                & i4(e_cms > bounds[4])
            )
            n_outside[i] += i4(1) - inside
            n_hard[i] += i4(e_cms > bounds[5]) & i4(e_lab > bounds[6])


@kernel
def _weigh(
    needed: int,
    radiation: Flat,
    n_hard: NDArray[np.int32],
    n_outside: NDArray[np.int32],
    weight: Column,
) -> float:
    """Apply the weight of the collision; 0 outside the phase space.

    Returns the largest weight of a block that is outside as a whole, else 0.
    """
    least = i4(needed)
    n_inside = i4(0)
    for i in range(LANES):
        n_inside += i4((n_outside[i] == i4(0)) & (n_hard[i] >= least))
    largest = 0.0
    if n_inside == i4(0):
        for i in range(LANES):
            largest = max(largest, weight[i] * radiation[i])
    for i in range(LANES):
        keep = (n_outside[i] == i4(0)) & (n_hard[i] >= least)
        weight[i] = weight[i] * radiation[i] if keep else 0.0
    return largest


@kernel
def _vertices(
    boost: Boost,
    cosh: Flat,
    sinh: Flat,
    mass: float,
    flight_cm: Column,
    e: Flat,
    x: Flat,
    y: Flat,
    z: Flat,
    slot: int,
    vertex: Column,
) -> None:
    """Where a parent of given mass decays: flight × p/m, p of ``slot`` and the next."""
    for i in range(LANES):
        first = slot * LANES + i
        second = first + LANES
        total_e, total_z = e[first] + e[second], z[first] + z[second]
        total_x, total_y = x[first] + x[second], y[first] + y[second]
        e_cms = cosh[i] * total_e + sinh[i] * total_z
        z_cms = sinh[i] * total_e + cosh[i] * total_z
        flight = f4(flight_cm[i]) / f4(mass)
        vertex[i] = flight * (boost[3] * e_cms + boost[4] * total_x + boost[5] * z_cms)
        vertex[LANES + i] = flight * total_y
        vertex[2 * LANES + i] = flight * (
            boost[6] * e_cms + boost[7] * total_x + boost[8] * z_cms
        )


def to_lab(
    momenta: Momenta,
    weight_pb: Column,
    n_events: int,
    collisions: Collisions,
    beams: Beams,
    phase_space: PhaseSpace | None = None,
) -> Photons:
    """Return the events of a block in the lab, all particles prompt.

    Parameters
    ----------
    momenta : Momenta
        In the frame of the hard process; its z axis is the electron beam's.
    weight_pb : array of shape (LANES,)
        Cross section of the hard process × share of the sample [pb]. Multiplied in place
        with the weight of the collisions; 0 outside the phase space and in padding.
    n_events : int
        Lanes in use.
    collisions : Collisions
        Initial state of every event.
    beams : Beams
        Nominal beams.
    phase_space : PhaseSpace, optional
        What the particles must fulfil; everything passes without one.
    """
    slots = momenta.slots
    energy, theta, phi = empty(slots), empty(slots), empty(slots)
    n_hard, n_outside = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    bounds = _NO_BOUNDS if phase_space is None else phase_space.as_kernel()
    moved = (beams.kernel_to_lab, collisions.cosh, collisions.sinh)
    e_lab, t_lab, p_lab = (c.reshape(-1) for c in (energy, theta, phi))
    _to_lab(*moved, bounds, *momenta.columns, e_lab, t_lab, p_lab, n_hard, n_outside)
    needed = 0 if phase_space is None else phase_space.hard_photons(slots)
    lost = _weigh(needed, collisions.weight, n_hard, n_outside, weight_pb)
    weight_pb[n_events:] = 0.0
    return Photons(
        energy, theta, phi, weight_pb, n_events, n_prompt=slots, largest_lost_pb=lost
    )


_NO_BOUNDS = np.array([-1.0, 4.0, -2.0, 2.0, -1.0, -1.0, -1.0], np.float32)


def decay_vertices_cm(
    momenta: Momenta,
    mass_GeV: float,
    flight_cm: Column,
    collisions: Collisions,
    beams: Beams,
    first: int = 1,
) -> Column:
    """Return where the parent of two particles decays in the lab [cm], (3, LANES).

    Parameters
    ----------
    flight_cm : array of shape (LANES,)
        Proper decay length c·t [cm].
    first : int
        Slot of the first of the two; the other one is in the next slot.
    """
    vertex = empty(3)
    boost, cosh, sinh = beams.kernel_to_lab, collisions.cosh, collisions.sinh
    flat = vertex.reshape(-1)
    _vertices(boost, cosh, sinh, mass_GeV, flight_cm, *momenta.columns, first, flat)
    return vertex
