"""e+e- -> e+e- gamma and e+e- -> e+e- from Dirac matrices, and two samplers.

An independent check of the closed form: all diagrams are written as products of two
strings of Dirac matrices joined by an exchanged photon, and every product of diagrams
becomes one trace or two. The s-channel joins (positron in, electron in) with (electron
out, positron out), the t-channel (electron out, electron in) with (positron in,
positron out), with a relative minus sign of Fermi statistics. Electrons are massless.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .beams import (
    ALPHA,
    CMS_TO_LAB,
    PB_GEV2,
    Floats,
    S,
    direction,
    from_four_momenta,
    transform,
)
from .feynman import GAMMA, METRIC, Complexes, linear_polarisations, slash, square
from .three_photon import VOLUME, Region, Weighted, _second_direction, flat_momenta

E_SQUARED = 4 * np.pi * ALPHA


class Momenta(NamedTuple):
    """Four-momenta (4, n) in GeV: two electrons in and two out, and the photon."""

    electron_in: Floats
    positron_in: Floats
    electron_out: Floats
    positron_out: Floats
    photon: Floats


class Line(NamedTuple):
    """A fermion line: momentum along the arrow where it starts and ends, (4, n)."""

    start: Floats
    end: Floats


class Channel(NamedTuple):
    """The two fermion lines of a channel, and the sign of its diagrams."""

    first: Line
    second: Line
    sign: int


def channels(p: Momenta) -> tuple[Channel, Channel]:
    """Return the s- and the t-channel."""
    into, out = -p.positron_in, -p.positron_out
    annihilation = Channel(Line(p.electron_in, into), Line(out, p.electron_out), 1)
    exchange = Channel(Line(p.electron_in, p.electron_out), Line(out, into), -1)
    return annihilation, exchange


def propagator(momentum: Floats) -> Complexes:
    """Return p-slash/p^2, shape (n, 4, 4)."""
    return slash(momentum) / square(momentum)[:, None, None]


def radiating(line: Line, photon: Floats, polarisation: Floats) -> Complexes:
    """Return gamma^mu with one photon emitted before or after it, shape (4, n, 4, 4)."""
    emission = slash(polarisation)
    before = propagator(line.start - photon) @ emission
    after = emission @ propagator(line.end + photon)
    vertex = GAMMA[:, None]
    return np.asarray(vertex @ before + after @ vertex)


class Strings(NamedTuple):
    """Terms of an amplitude: strings on both lines, shape (terms, n, 4, 4) each."""

    first: Complexes
    second: Complexes


def strings(channel: Channel, photon: Floats, polarisation: Floats) -> Strings:
    """Return the terms of four diagrams, without e^3: two lines, index by index."""
    first, second, sign = channel
    n = photon.shape[1]
    plain = np.broadcast_to(GAMMA[:, None], (4, n, 4, 4))
    lowered = METRIC[:, None, None, None] * plain
    on_first, on_second = (
        radiating(line, photon, polarisation) for line in (first, second)
    )
    # the exchanged photon takes what the other line brings
    over_second = sign / square(second.start - second.end)[:, None, None]
    over_first = sign / square(first.start - first.end)[:, None, None]
    return Strings(
        np.concatenate([on_first * over_second, plain * over_first]),
        np.concatenate([lowered, METRIC[:, None, None, None] * on_second]),
    )


def plain_strings(channel: Channel) -> Strings:
    """Return the terms of the one diagram without radiation."""
    first, _, sign = channel
    over = sign / square(first.start - first.end)[:, None, None]
    plain = np.broadcast_to(GAMMA[:, None], (4, over.shape[0], 4, 4))
    return Strings(plain * over, METRIC[:, None, None, None] * plain)


def barred(string: Complexes) -> Complexes:
    """Return gamma0 string^dagger gamma0."""
    return np.asarray(GAMMA[0] @ np.conj(np.swapaxes(string, -1, -2)) @ GAMMA[0])


def _line_traces(line: Line, terms: Complexes) -> Complexes:
    """Return the traces (terms, terms, n) of one line in a squared amplitude."""
    there = slash(line.end) @ terms @ slash(line.start)
    return np.asarray(np.einsum("anij,bnji->abn", there, barred(terms)))


def squared(channel: Channel, terms: Strings) -> Floats:
    """Return the sum over spins of one channel squared, shape (n,): two traces a term."""
    first = _line_traces(channel.first, terms.first)
    second = _line_traces(channel.second, terms.second)
    return np.asarray((first * second).sum(axis=(0, 1)).real)


def interference(p: Momenta, s: Strings, t: Strings) -> Floats:
    """Return the sum over spins of 2 Re(M_s M_t*), shape (n,): one trace a term.

    M_s = [v-bar(p+) A u(p-)] [u-bar(q-) B v(q+)] and M_t = [u-bar(q-) C u(p-)]
    [v-bar(p+) D v(q+)], so M_s M_t* closes as q- B q+ D-bar p+ A p- C-bar.
    """
    left = slash(p.electron_out) @ s.second @ slash(p.positron_out)
    right = slash(p.positron_in) @ s.first @ slash(p.electron_in)
    traces = np.einsum(
        "anij,bnjk,ankl,bnli->n",
        left,
        barred(t.second),
        right,
        barred(t.first),
        optimize=True,
    )
    return np.asarray(2 * traces.real)


def total(p: Momenta, s: Strings, t: Strings) -> Floats:
    """Return the spin-averaged |M_s + M_t|^2, shape (n,), without couplings."""
    annihilation, exchange = channels(p)
    alone = squared(annihilation, s) + squared(exchange, t)
    return (alone + interference(p, s, t)) / 4


def radiative_squared(p: Momenta, longitudinal: bool = False) -> Floats:
    """Return |M|^2 of e+e- -> e+e- gamma in GeV^-2: eight diagrams, all spins.

    With ``longitudinal`` the photon's polarisation is its momentum over its energy, for
    which gauge invariance wants nothing.
    """
    states = linear_polarisations(p.photon)
    if longitudinal:
        states = [p.photon / p.photon[0]]
    value = np.zeros(p.photon.shape[1])
    for state in states:
        value += total(p, *(strings(c, p.photon, state) for c in channels(p)))
    return E_SQUARED**3 * value


def born_squared(p: Momenta) -> Floats:
    """Return |M|^2 of e+e- -> e+e-, two diagrams; the photon's momentum is not used."""
    return E_SQUARED**2 * total(p, *(plain_strings(c) for c in channels(p)))


def dot(first: Floats, second: Floats) -> Floats:
    """Return the Minkowski product, shape (n,)."""
    return np.asarray(np.einsum("m,m...,m...->...", METRIC, first, second))


def closed_form(p: Momenta) -> Floats:
    """Return |M|^2 of e+e- -> e+e- gamma from products of momenta, in GeV^-2.

    Berends, Kleiss, De Causmaecker, Gastmans, Wu, Phys. Lett. B103 (1981) 124.
    """
    k = p.photon
    before, after = (
        dot(p.positron_in, p.electron_in),
        dot(p.positron_out, p.electron_out),
    )
    s, s2 = 2 * before, 2 * after
    t, t2 = (
        -2 * dot(p.positron_in, p.positron_out),
        -2 * dot(p.electron_in, p.electron_out),
    )
    u, u2 = (
        -2 * dot(p.positron_in, p.electron_out),
        -2 * dot(p.electron_in, p.positron_out),
    )
    terms = s * s2 * (s**2 + s2**2) + t * t2 * (t**2 + t2**2) + u * u2 * (u**2 + u2**2)
    outward, charge = (1, 1, -1, -1), (1, -1, 1, -1)
    current = np.zeros_like(k)
    for q, sign, way in zip(p[:4], charge, outward, strict=True):
        current += sign * way * q / dot(q, k)
    return np.asarray(-(E_SQUARED**3) * terms / (s * s2 * t * t2) * square(current))


def _with_beams(momenta: Floats) -> Momenta:
    """Return an event from the CM momenta (4, 3, n) of photon, electron, positron."""
    k, electron, positron = np.moveaxis(momenta, 1, 0)
    half, zero = np.full(k.shape[1], np.sqrt(S) / 2), np.zeros(k.shape[1])
    beams = np.stack([half, zero, zero, half]), np.stack([half, zero, zero, -half])
    return Momenta(*beams, electron, positron, k)


def flat_events(u: Floats) -> Momenta:
    """Return CM momenta, uniform in massless phase space, from u (5, n)."""
    return _with_beams(flat_momenta(u))


def opening_deg(momenta: Floats) -> Floats:
    """Return the smallest angle between any two of three particles (4, 3, n) [deg]."""
    unit = momenta[1:] / np.linalg.norm(momenta[1:], axis=0)
    cosines = [
        (unit[:, i] * unit[:, j]).sum(axis=0) for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    return np.asarray(np.degrees(np.arccos(np.clip(np.max(cosines, axis=0), -1, 1))))


def _weigh(
    momenta: Floats, density: Floats, region: Region, min_opening_deg: float
) -> Weighted:
    """Return events (photon, electron, positron) of a density [GeV^-2] in phase space."""
    photons = from_four_momenta(transform(CMS_TO_LAB, momenta))
    inside = region.contains(photons) & (opening_deg(momenta) > min_opening_deg)
    value = closed_form(_with_beams(momenta[:, :, inside])) / density[inside]
    kept = type(photons)(*(column[:, inside] for column in photons[:3]))
    return Weighted(kept, value / (2 * S) * PB_GEV2 / momenta.shape[2])


def flat(u: Floats, region: Region, min_opening_deg: float) -> Weighted:
    """Sample phase space uniformly; `u` are uniforms of shape (5, n)."""
    density = np.full(u.shape[1], 1 / VOLUME)
    return _weigh(flat_momenta(u), density, region, min_opening_deg)


def _two_decays(u: Floats, floor: float, angle: Floats, y_min: float) -> Floats:
    """Return momenta (4, 3, n) of photon, spectator and partner.

    The spectator recoils against partner and photon: their mass squared follows dy/y,
    the photon's energy dx/x, the spectator's direction dv/v^2 with v = 1 - cos(theta).
    """
    y = y_min ** u[0]
    photon = floor ** u[1]
    spectator = 1 - y
    low, high = angle
    theta = np.arccos(1 - 1 / (1 / high + (1 / low - 1 / high) * u[2]))
    phi = 2 * np.pi * u[3]
    one_minus_cos = 2 * (photon - y) / (photon * spectator)  # outside [0, 2]: dropped
    second = _second_direction(
        theta, phi, np.clip(one_minus_cos, 0, 2), 2 * np.pi * u[4]
    )
    momenta = np.empty((4, 3, u.shape[1]))
    momenta[0] = photon, spectator, 2 - photon - spectator
    momenta[1:, 0], momenta[1:, 1] = photon * second, spectator * direction(theta, phi)
    momenta[1:, 2] = -momenta[1:, 0] - momenta[1:, 1]
    return np.where((photon > y)[None, None], momenta * np.sqrt(S) / 2, np.nan)


def importance(u: Floats, region: Region, min_opening_deg: float) -> Weighted:
    """Sample the poles by two decays in a row; `u` are uniforms of shape (6, n).

    Half of the events have the electron, half the positron as the spectator. In
    massless phase space dPhi = s/(128 pi^3) dy dx dOmega/(4 pi) dphi/(2 pi).
    """
    floor = region.cms_floor() / (np.sqrt(S) / 2)
    low, high = region.cms_rapidity()
    opening = 1 - np.cos(np.deg2rad(min_opening_deg))
    y_min = floor * (1 - floor) * opening / 2
    forward = 1 - np.tanh([high, low])
    backward = 1 + np.tanh([low, high])
    swapped = u[5] < 0.5
    angle = np.where(swapped, backward[:, None], forward[:, None])
    momenta = _two_decays(u[:5], floor, angle, y_min)
    momenta[3] *= np.where(swapped, -1, 1)
    momenta = np.where(swapped, momenta[:, [0, 2, 1]], momenta)
    x = momenta[0] / (np.sqrt(S) / 2)
    norm = 128 * np.pi**3 / S / np.log(1 / y_min) / np.log(1 / floor)
    density = np.zeros(u.shape[1])
    for i, sign, (least, most) in ((1, 1, forward), (2, -1, backward)):
        v = 1 - sign * momenta[3, i] / momenta[0, i]
        angular = 2 / (v**2 * (1 / least - 1 / most))
        density += 0.5 * norm * angular / ((1 - x[i]) * x[0])
    return _weigh(momenta, density, region, min_opening_deg)
