"""Photons of the beam background laid over every event, with their times.

`generator.beam_background` asks what one such photon does to a collision without a third
photon of its own. Here they come in any number, as further clusters of any event. No
number, spectrum or angular distribution of background photons in the ECL is public: rate
and spectrum are an assumption, to be scanned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import pdtrc

from detector.crystals import Flat, Hits
from generator.beam_background import BeamBackground
from generator.columns import Column, Photons
from generator.simd import LANES
from generator.units import uniform

if TYPE_CHECKING:
    from generator.random import LaneState

TRUNCATION: Final = 1e-4
"""More photons than slots are rarer than this."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Rate, spectrum and times of overlaid photons: an assumption, to be scanned.

    Their number follows Poisson statistics, they are isotropic in the lab and spread
    evenly over the window, and they point to the interaction point as any cluster does.

    Parameters
    ----------
    mean : float
        Photons per event above ``energy_min_GeV`` and inside the window, in the whole
        solid angle.
    energy_min_GeV, energy_max_GeV : float
        Ends of the spectrum in the lab [GeV].
    index : float
        The spectrum is dN/dE ∝ E^−index.
    window_ns : float
        Photons have |t| < ``window_ns`` [ns]; 200 ns is the window of the HLT.

    Raises
    ------
    ValueError
        If the mean is negative, the range of energies empty, the index not finite or the
        window not positive.
    """

    mean: float = 0.0
    energy_min_GeV: float = 0.1
    energy_max_GeV: float = 2.0
    index: float = 3.0
    window_ns: float = 200.0

    def __post_init__(self) -> None:
        """Refuse rates, spectra and windows that do not exist."""
        _ = self.spectrum  # refuses the others
        if not 0.0 < self.window_ns < np.inf:
            msg = f"window_ns = {self.window_ns:g}: need a finite time above 0"
            raise ValueError(msg)

    @property
    def spectrum(self) -> BeamBackground:
        """Rate and spectrum in the generator's words."""
        return BeamBackground(
            self.mean, self.energy_min_GeV, self.energy_max_GeV, self.index
        )

    @property
    def exceeding(self) -> Column:
        """Probability of more than k photons, k = 0 ... ``slots`` − 1."""
        most = int(self.mean + 10.0 * np.sqrt(self.mean)) + 10
        more = pdtrc(np.arange(most), self.mean)
        return np.asarray(more[: int(np.argmax(more < TRUNCATION))])

    @property
    def slots(self) -> int:
        """Fewest slots that hold all photons but in a share < 1e-4 of the events."""
        return self.exceeding.size


def background_photons(
    overlay: Overlay, state: LaneState, n_events: int
) -> tuple[Photons, Flat]:
    """Return overlaid photons, and their times [ns], shape (slots·LANES,).

    Parameters
    ----------
    overlay : Overlay
        What to lay over.
    state : LaneState
        Generator lanes, advanced in place; not at all if there is nothing to lay over.
    n_events : int
        Lanes in use; the others get no photon.

    Returns
    -------
    Photons
        Columns (slots, LANES), the photons of an event in its first slots; all prompt, of
        weight 0.
    array of shape (slots·LANES,)
        Times [ns], 0 where there is no photon.
    """
    exceeding = overlay.exceeding
    slots = exceeding.size
    columns = np.zeros((3, slots * LANES))
    times = np.zeros(slots * LANES, np.float32)
    if slots > 0:
        u = uniform(state, 1 + 4 * slots)
        # slot k is filled if there are more than k photons
        present = u[:LANES] < exceeding[:, np.newaxis]
        present[:, n_events:] = False
        filled = np.flatnonzero(present)  # few, so that only these are worked out
        drawn = u[LANES:].reshape(4, -1)[:, filled].astype(np.float64)
        columns[0, filled] = overlay.spectrum.energies(drawn[0], np.zeros(1))[0]
        columns[1, filled] = np.arccos(2.0 * drawn[1] - 1.0)
        columns[2, filled] = 2.0 * np.pi * drawn[2]
        times[filled] = overlay.window_ns * (2.0 * drawn[3] - 1.0)
    energy, theta, phi = columns.reshape(3, slots, LANES)
    photons = Photons(energy, theta, phi, np.zeros(LANES), n_events, n_prompt=slots)
    return photons, times


def overlaid(hits: Hits, extra: Hits) -> Hits:
    """Return the photons of both; those of ``extra`` are in the last slots."""
    columns = ("energy", "theta", "phi", "ring", "row", "phi_crystal", "pitch")
    joined = {
        name: np.concatenate([getattr(hits, name), getattr(extra, name)])
        for name in columns
    }
    return Hits(slots=hits.slots + extra.slots, **joined)
