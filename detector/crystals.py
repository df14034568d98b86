"""Which crystal a photon hits: from its vertex to the front face, then (ring, column).

The reconstructed direction is that of the front-face hit seen from the IP: the ECL does
not point, so photons of a displaced decay look closer together than they are. Optional:
collisions away from the nominal IP, and photons lost in the material before the ECL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from detector.geometry import (
    BACKWARD_FACE_CM,
    BARREL_RADIUS_CM,
    BINS_PER_RAD,
    FORWARD_FACE_CM,
    Geometry,
)
from generator.compiled import kernel
from generator.random import LaneState, draw, load, store
from generator.simd import LANES, atan2, azimuth, exp2, f4, i4, normals, sincos

if TYPE_CHECKING:
    from generator.columns import Column, Photons

_0, _1, _H, _BINS = f4(0), f4(1), f4(0.5), f4(BINS_PER_RAD)
_R2: Final = f4(BARREL_RADIUS_CM**2)
_FORWARD, _BACKWARD, _FAR = f4(FORWARD_FACE_CM), f4(BACKWARD_FACE_CM), f4(1e9)
_LOG2_PER_X0: Final = 7.0 / 9.0 / np.log(2.0)
"""A photon survives x radiation lengths with probability 2^−(this · x)."""

Flat = NDArray[np.float32]
"""Working column inside the detector, shape (slots·LANES,): slot after slot."""
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Hits:
    """Photons of a block at the crystals."""

    slots: int
    """Photon slots per event."""
    energy: Flat
    """Deposited energy [GeV]; 0 for a photon that is absent or lost."""
    theta: Flat
    """Polar angle of the hit seen from the IP [rad]."""
    phi: Flat
    """Azimuth of the hit [rad]."""
    ring: Flat
    """Ring, −1 where there is no crystal."""
    row: Flat
    """Where the hit is in θ, in crystals: the ring plus the fraction of it crossed."""
    phi_crystal: Flat
    """Azimuth of the crystal's centre [rad]."""
    pitch: Flat
    """Azimuthal width of the crystal [rad]."""


@dataclass(frozen=True, slots=True)
class Material:
    """Material around the beam in which photons convert to e⁺e⁻ before the ECL.

    Every photon crosses 1/sin θ of it, even if its vertex is displaced. [remembered] Beam
    pipe and vertex detectors: a few % of X₀; drift chamber: a few % more.

    Raises
    ------
    ValueError
        If the thickness is negative or infinite, or the share outside [0, 1].
    """

    radiation_lengths: float = 0.0
    """Thickness at normal incidence [X₀]."""
    lost_share: float = 1.0
    """Share of the conversions that lose the photon: early ones, which make tracks.

    Late ones (from mid drift chamber on) mostly still make a cluster. [remembered]
    """

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        if not 0.0 <= self.radiation_lengths < np.inf:
            msg = f"radiation_lengths = {self.radiation_lengths:g}: need finite, >= 0"
            raise ValueError(msg)
        if not 0.0 <= self.lost_share <= 1.0:
            msg = f"lost_share = {self.lost_share:g}: need 0 to 1"
            raise ValueError(msg)

    @property
    def loses(self) -> bool:
        """Whether any photon is lost."""
        return self.radiation_lengths > 0.0 and self.lost_share > 0.0


NO_MATERIAL: Final = Material()
AT_THE_IP: Final = (0.0, 0.0, 0.0)
LUMINOUS_CM: Final = (6.4e-4, 4.2e-6, 0.015)
"""Spreads (x, y, z) of collisions, from the beam sizes of basf2's preset [cm].

Along z, 0.030 to 0.035 cm in 2019 to 2022. [remembered]
"""


@kernel
def _collide(state: LaneState, spread: Vector, points: Column) -> None:
    for i in range(LANES):
        u, words = draw(load(state, i))
        v, words = draw(words)
        x, y = normals(u, v)
        u, words = draw(words)
        v, words = draw(words)
        z, _ = normals(u, v)
        store(state, i, words)
        points[i] = f4(spread[0]) * x
        points[LANES + i] = f4(spread[1]) * y
        points[2 * LANES + i] = f4(spread[2]) * z


def collision_points(luminous_cm: Vector, state: LaneState) -> Column:
    """Return Gaussian collision points around the nominal IP [cm], shape (3, LANES).

    Takes four random numbers per event.

    Raises
    ------
    ValueError
        If a spread is negative or not finite.
    """
    if not all(0.0 <= spread < np.inf for spread in luminous_cm):
        msg = f"luminous_cm = {luminous_cm}: need finite spreads of at least 0"
        raise ValueError(msg)
    x, y, z = luminous_cm
    points = np.empty((3, LANES))
    _collide(state, (float(x), float(y), float(z)), points.reshape(-1))
    return points


@kernel
def _to_front_face(
    vertex: Column, depth: float, energy: Column, theta: Column, phi: Column
) -> None:
    """Replace directions by those of the hits; lose what starts outside.

    A shower is seen ``depth`` [cm] behind the face, on the photon's way.
    """
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            x, y, z = f4(vertex[i]), f4(vertex[LANES + i]), f4(vertex[2 * LANES + i])
            st, ct = sincos(f4(theta[j]))
            sp, cp = sincos(f4(phi[j]))
            ux, uy = st * cp, st * sp
            # cylinder: |r + t u| = R; planes: z + t ct = face
            a = max(st * st, f4(1e-12))
            b = x * ux + y * uy
            c = x * x + y * y - _R2
            to_barrel = (np.sqrt(max(b * b - a * c, _0)) - b) / a
            face = _FORWARD if ct > _0 else _BACKWARD
            to_plane = (face - z) / ct if abs(ct) > f4(1e-9) else _FAR
            t = min(to_barrel, to_plane)
            inside = (c < _0) & (z < _FORWARD) & (z > _BACKWARD)
            t += f4(depth)
            hx, hy, hz = x + t * ux, y + t * uy, z + t * ct
            theta[j] = atan2(np.sqrt(hx * hx + hy * hy), hz)
            phi[j] = azimuth(hy, hx)
            energy[j] = f4(energy[j]) if inside else _0


@kernel
def _lookup(
    lookup: Flat,
    pitches: Flat,
    starts: Flat,
    widths: Flat,
    theta: Column,
    ring: Flat,
    row: Flat,
    pitch: Flat,
) -> None:
    """Look up the ring and its sizes: the one scalar loop (it gathers)."""
    for j in range(theta.size):
        angle = f4(theta[j])
        bin3 = i4(3) * i4(angle * _BINS)
        above = angle >= lookup[bin3 + i4(1)]
        found = lookup[bin3 + i4(2)] if above else lookup[bin3]
        k = i4(found) + i4(1)
        ring[j] = found
        row[j] = found + (angle - starts[k]) / widths[k]
        pitch[j] = pitches[k]


@kernel
def _deposit(
    state: LaneState,
    efficiency: float,
    energy: Column,
    theta: Column,
    phi: Column,
    ring: Flat,
    pitch: Flat,
    energy_out: Flat,
    theta_out: Flat,
    phi_out: Flat,
    centre_out: Flat,
) -> None:
    """Deposit energy in crystals; what misses them or is inefficient deposits 0."""
    for slot in range(energy.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            u, words = draw(load(state, i))
            store(state, i, words)
            e, angle = f4(energy[j]), f4(phi[j])
            e = e if u < f4(efficiency) else _0
            energy_out[j] = e if ring[j] >= _0 else _0
            theta_out[j] = f4(theta[j])
            phi_out[j] = angle
            centre_out[j] = (np.floor(angle / pitch[j]) + _H) * pitch[j]


@kernel
def _lose(
    state: LaneState, exponent: float, share: float, theta: Column, deposit: Flat
) -> None:
    """Lose photons that convert in the material."""
    for slot in range(deposit.size // LANES):
        for i in range(LANES):
            j = slot * LANES + i
            u, words = draw(load(state, i))
            store(state, i, words)
            sin, _ = sincos(f4(theta[j]))
            # at least −100: exp2 has a range
            power = max(f4(exponent) / min(-sin, f4(-1e-9)), f4(-100.0))
            lost = f4(share) * (_1 - exp2(power))
            deposit[j] = deposit[j] if u >= lost else _0


def _seen_from_ip(
    photons: Photons, luminous_cm: Vector, depth_cm: float, state: LaneState
) -> tuple[Column, Column, Column]:
    """Return E, θ and φ of photons as the front face shows them; flat columns."""
    energy, theta, phi = photons.energy, photons.theta, photons.phi
    moved, decay = any(luminous_cm), photons.vertex_cm
    if moved or decay is not None:
        energy, theta, phi = energy.copy(), theta.copy(), phi.copy()
    flat = energy.reshape(-1), theta.reshape(-1), phi.reshape(-1)
    prompt = energy.size if decay is None else photons.n_prompt * LANES
    if moved:
        point = collision_points(luminous_cm, state)
        _to_front_face(
            point.reshape(-1), depth_cm, *(column[:prompt] for column in flat)
        )
        decay = None if decay is None else decay + point
    if decay is not None:
        _to_front_face(
            decay.reshape(-1), depth_cm, *(column[prompt:] for column in flat)
        )
    return flat


def hit(
    photons: Photons,
    geometry: Geometry,
    photon_efficiency: float,
    state: LaneState,
    material: Material = NO_MATERIAL,
    luminous_cm: Vector = AT_THE_IP,
    depth_cm: float = 0.0,
) -> Hits:
    """Return where the photons of a block hit the crystals.

    Parameters
    ----------
    photons : Photons
        True photons.
    geometry : Geometry
        Rings of the calorimeter.
    photon_efficiency : float
        Chance that a photon on a crystal is seen at all.
    state : LaneState
        Generator lanes, advanced in place.
    material : Material
        What photons convert in; takes random numbers only if it loses any.
    luminous_cm : tuple of float
        Gaussian spreads (x, y, z) of the collisions [cm], which move decay vertices too,
        e.g. `LUMINOUS_CM`; takes random numbers only if one is not 0.
    depth_cm : float
        Where showers are seen, behind the front face on the photon's way [cm]: matters
        for photons that do not come from the IP, whose angle to the crystals shifts them.

    Raises
    ------
    ValueError
        If a spread is negative or not finite.
    """
    slots = photons.energy.shape[0]
    columns = _seen_from_ip(photons, luminous_cm, depth_cm, state)
    ring, row, pitch, deposit, theta_hit, phi_hit, centre = (
        np.empty(slots * LANES, np.float32) for _ in range(7)
    )
    sizes = (geometry.pitches, geometry.starts, geometry.widths)
    _lookup(geometry.lookup, *sizes, columns[1], ring, row, pitch)
    hits = (deposit, theta_hit, phi_hit, centre)
    _deposit(state, photon_efficiency, *columns, ring, pitch, *hits)
    if material.loses:
        exponent = _LOG2_PER_X0 * material.radiation_lengths
        _lose(state, exponent, material.lost_share, photons.theta.reshape(-1), deposit)
    return Hits(slots, deposit, theta_hit, phi_hit, ring, row, centre, pitch)
