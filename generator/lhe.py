"""Les Houches events: text files that other generators and simulations read.

An event holds the incoming e⁻ and e⁺ (status −1), what decays (status 2) and the final
particles (status 1) in the lab, where the beams cross at an angle. With radiation, the
incoming ones are what enters the hard process: the collinear photons are left out. They
and the decaying particles are recomputed from the final ones, which conserves momentum
to the single precision of these.

The weighting strategy IDWTUP is −4: an XWGTUP is in pb, and its mean over the events of
the file is the cross section. Events of weight 0 are not written.

References
----------
.. [1] E. Boos et al., hep-ph/0109068: the accord.
.. [2] J. Alwall et al., Comput. Phys. Commun. 176 (2007) 300, hep-ph/0609017: the file.
"""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pylhe

from generator.constants import ALPHA_0
from generator.pdg import ELECTRON, POSITRON
from generator.two_photon import TwoPhoton

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

    from numpy.typing import NDArray

    from generator.beams import Beams
    from generator.columns import Column, Photons
    from generator.sampling import CrossSection, Sampler

WEIGHTED: Final = -4
_INCOMING, _FINAL, _DECAYED = -1, 1, 2
_UNKNOWN_SPIN: Final = 9.0
_MM_PER_CM: Final = 10.0


class _Row(NamedTuple):
    """A particle of every event of a process."""

    pdg: int
    status: int
    mothers: tuple[int, int]
    slots: tuple[int, ...]
    """Particles whose momenta it has the sum of."""


def write_lhe(
    path: Path,
    blocks: Iterable[Photons],
    *,
    source: Sampler,
    beams: Beams,
    total: CrossSection,
    error_pb: float,
    header: Mapping[str, str],
    compress: bool = False,
) -> None:
    """Write events whose weights are already measured.

    Parameters
    ----------
    path : Path
        File to create.
    blocks : iterable of Photons
        The events.
    source : Sampler
        The process.
    beams : Beams
        Nominal beams.
    total : CrossSection
        Of ``blocks``: it stands before the events.
    error_pb : float
        Standard error of the cross section [pb].
    header : mapping
        Text for the header of the file, one element per key.
    compress : bool
        Whether to compress with gzip.

    Raises
    ------
    ValueError
        If the process has particles that do not come from the collision.
    """
    refuse_background(source)
    scale = max(total.n_inside, 1)
    process = pylhe.LHEProcInfo(total.sum_pb, error_pb, total.largest_pb * scale, 1)
    energies = (beams.electron_GeV, beams.positron_GeV)
    file = pylhe.LHEFile(
        init=pylhe.LHEInit(
            pylhe.LHEInitInfo(ELECTRON, POSITRON, *energies, 0, 0, 0, 0, WEIGHTED, 1),
            [process],
            [],
        ),
        events=(e for block in blocks for e in _events(block, source, beams, scale)),
        header=_header(header),
    )
    with _text(path, compress=compress) as stream:
        file.write(stream)


def refuse_background(source: Sampler) -> None:
    """Refuse a process with particles that no hard process makes.

    Raises
    ------
    ValueError
        If there is a photon of the beam background.
    """
    if isinstance(source, TwoPhoton) and source.slots > 2:
        msg = (
            f"process {source.name} has a beam-background photon, which Les Houches "
            "events cannot hold: set generator.beam_background_mean=0, or write .root"
        )
        raise ValueError(msg)


def _header(texts: Mapping[str, str]) -> pylhe.LHEHeader:
    elements = []
    for key, text in texts.items():
        element = ElementTree.Element(key)
        element.text = f"\n{text}"
        elements.append(element)
    return pylhe.LHEHeader(pylhe.LHEInitRWGT(), elements)


@contextmanager
def _text(path: Path, *, compress: bool) -> Iterator[TextIO]:
    """Open a text file; compressed ones have the same bytes at any time and place."""
    with path.open("wb") as file:
        if not compress:
            with TextIOWrapper(file, encoding="utf-8") as stream:
                yield stream
            return
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
            TextIOWrapper(packed, encoding="utf-8") as stream,
        ):
            yield stream


def _rows(source: Sampler) -> list[_Row]:
    """Return the particles of an event: incoming, decayed, then the slots.

    Of several decayed ones each comes from the one before: ω → π⁰γ, π⁰ → γγ.
    """
    rows = [_Row(pdg, _INCOMING, (0, 0), ()) for pdg in (ELECTRON, POSITRON)]
    parents = [pdg for pdg in dict.fromkeys(source.parents) if pdg != 0]
    both, position = (1, 2), {}
    for i, pdg in enumerate(parents):
        slots = tuple(s for s, p in enumerate(source.parents) if p in parents[i:])
        rows.append(_Row(pdg, _DECAYED, (len(rows), 0) if i else both, slots))
        position[pdg] = (len(rows), 0)
    for slot, (pdg, parent) in enumerate(zip(source.pdg, source.parents, strict=True)):
        rows.append(_Row(pdg, _FINAL, position.get(parent, both), (slot,)))
    return rows


def _momenta(photons: Photons, lanes: NDArray[np.intp]) -> Column:
    """Return (E, x, y, z) of the particles of some lanes [GeV], shape (4, slots, n)."""
    columns = (photons.energy, photons.theta, photons.phi)
    energy, theta, phi = (c[:, lanes] for c in columns)
    across = energy * np.sin(theta)
    along = energy * np.cos(theta)
    return np.array([energy, across * np.cos(phi), across * np.sin(phi), along])


def _mass(p: Column) -> Column:
    """Return the invariant mass of massless particles (4, m, n) [GeV], shape (n,).

    From 2E₁E₂(1 − cos) = |E₂p₁ − E₁p₂|²/(E₁E₂): E² − p² would lose its digits.
    """
    squared = np.zeros(p.shape[2])
    for i in range(p.shape[1]):
        for j in range(i):
            cross = p[1:, i] * p[0, j] - p[1:, j] * p[0, i]
            product = p[0, i] * p[0, j]
            squared += (cross**2).sum(axis=0) / np.where(product > 0.0, product, 1.0)
    return np.sqrt(squared)


def _incoming(total: Column, beam: Column, other: Column) -> Column:
    """Return what a beam brings to the sum of all momenta, (4, n): a share of itself."""
    metric = np.array([1.0, -1.0, -1.0, -1.0])
    return np.outer(beam, (other * metric) @ total / ((other * metric) @ beam))


def _events(
    photons: Photons, source: Sampler, beams: Beams, scale: float
) -> Iterator[pylhe.LHEEvent]:
    """Yield the events of non-zero weight of a block; XWGTUP is weight × ``scale``."""
    inside = np.flatnonzero(photons.weight_pb[: photons.n_events])
    p, zero = _momenta(photons, inside), np.zeros(inside.size)
    lifetime, total = zero, p.sum(axis=1)
    if photons.proper_length_cm is not None:
        lifetime = photons.proper_length_cm[inside] * _MM_PER_CM
    electron, positron = beams.electron, beams.positron
    columns = [
        [*_incoming(total, electron, positron), zero, zero],
        [*_incoming(total, positron, electron), zero, zero],
    ]
    rows = _rows(source)
    for row in rows[2:]:
        members = p[:, list(row.slots)]
        decay = [_mass(members), lifetime] if row.status == _DECAYED else [zero, zero]
        columns.append([*members.sum(axis=1), *decay])
    numbers = np.array(columns).transpose(2, 0, 1).tolist()
    weights = (photons.weight_pb[inside] * scale).tolist()
    for event, weight, q in zip(numbers, weights, _mass(p).tolist(), strict=True):
        particles = [
            pylhe.LHEParticle(
                r.pdg, r.status, *r.mothers, 0, 0, x, y, z, e, m, t, _UNKNOWN_SPIN
            )
            for r, (e, x, y, z, m, t) in zip(rows, event, strict=True)
            if e > 0.0
        ]
        info = pylhe.LHEEventInfo(len(particles), 1, weight, q, ALPHA_0, 0.0)
        yield pylhe.LHEEvent(info, particles)
