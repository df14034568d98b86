"""The crystal-level model: showers over crystals, digits with noise, offline clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from detector.response import TAIL, BackgroundLevel, LineShape, smear_energy
from detector.shower_calibration import calibrated, noise_GeV
from detector.shower_events import cluster_showers

if TYPE_CHECKING:
    from detector.crystals import Flat, Hits
    from detector.shower_events import ShowerClusters
    from generator.random import LaneState


@dataclass(frozen=True)
class ShowerModel:
    """Crystal-level detector.

    Parameters
    ----------
    level : BackgroundLevel
        Beam background: resolution and noise.
    shape : LineShape
        Of the energy resolution.
    tail : float
        Tail parameter of the Novosibirsk shape.
    fluctuate : bool
        Without it there are no fluctuations, noise or resolution: for tests.
    """

    level: BackgroundLevel = BackgroundLevel.LOW
    shape: LineShape = LineShape.GAUSSIAN
    tail: float = TAIL
    fluctuate: bool = True

    def deposits(self, hits: Hits, state: LaneState) -> Flat:
        """Return the energy of every shower [GeV], the resolution included."""
        if not self.fluctuate:
            return hits.energy
        widths = calibrated(self.level).widths(hits)
        return smear_energy(hits, widths, self.shape, self.tail, state)

    @property
    def noise_GeV(self) -> float | None:
        """Noise of a crystal [GeV]; None if nothing fluctuates."""
        return noise_GeV(self.level) if self.fluctuate else None

    def cluster(
        self, hits: Hits, state: LaneState, threshold_GeV: float | None = None
    ) -> ShowerClusters:
        """Return the clusters of a block; ``state`` is advanced in place.

        With the threshold of trigger cells [GeV] also the first-level lines.
        """
        factors = calibrated(self.level, fluctuate=self.fluctuate).factors
        deposit = self.deposits(hits, state)
        return cluster_showers(
            hits, deposit, factors, self.noise_GeV, state, threshold_GeV
        )
