"""The whole chain, photons to a cut flow, for signal and for three photons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from . import selection, signal, three_photon
from .detector import Rings, Settings, simulate
from .selection import Name, Window

if TYPE_CHECKING:
    from .beams import Bools, Floats, Photons

STAGES = (
    "generated",
    "detected",
    "trigger",
    "energy",
    "acceptance",
    "helicity",
    "window",
)
CHUNK = 1 << 14
Windows: TypeAlias = Mapping[Name, Window]


class CutFlow(NamedTuple):
    """What is left after each of `STAGES`, cumulative.

    Parameters
    ----------
    value
        Sum of weights, shape (7,): events or pb.
    error
        Square root of the sum of squared weights, shape (7,).
    """

    value: Floats
    error: Floats

    @property
    def efficiency(self) -> Floats:
        """Return the fraction of what was generated, shape (7,)."""
        fraction: Floats = self.value / self.value[0]
        return fraction

    @property
    def efficiency_error(self) -> Floats:
        """Return its binomial error, for unweighted events, shape (7,)."""
        fraction = self.efficiency
        error: Floats = np.sqrt(fraction * (1 - fraction) / self.value[0])
        return error


def stage_masks(
    photons: Photons,
    settings: Settings,
    rings: Rings,
    windows: Windows,
    rng: np.random.Generator,
) -> dict[Name, list[Bools]]:
    """Simulate and select; return the cumulative masks (n,) of every stage."""
    clusters, fired = simulate(photons, settings, rings, rng)
    energy, hard, good = selection.good_clusters(clusters)
    detected = clusters.exists.sum(axis=0) >= 3
    triggered = detected & fired
    common = [np.ones_like(detected), detected, triggered]
    common.append(triggered & (hard.sum(axis=0) == 3))
    accepted = triggered & (good.sum(axis=0) == 3)
    common.append(accepted)
    pairs = selection.candidates(
        *selection.take_three(clusters, energy, good & accepted)
    )
    masks = {}
    for name, window in windows.items():
        helicity = selection.pass_helicity(pairs, name)
        inside = helicity & selection.pass_window(pairs, name, window)
        masks[name] = [*common, _spread(accepted, helicity), _spread(accepted, inside)]
    return masks


def _spread(outer: Bools, inner: Bools) -> Bools:
    """Return `outer` with its true entries replaced by `inner`."""
    full = outer.copy()
    full[outer] = inner
    return full


def _run(
    sample: Callable[[int], tuple[Photons, Floats | None]],
    n: int,
    masks_of: Callable[[Photons], dict[Name, list[Bools]]],
) -> dict[Name, CutFlow]:
    sums: dict[Name, Floats] = {}
    for size in _chunks(n):
        photons, weight = sample(size)
        for name, masks in masks_of(photons).items():
            total = sums.setdefault(name, np.zeros((2, len(STAGES))))
            for stage, mask in enumerate(masks):
                if weight is None:
                    total[:, stage] += np.count_nonzero(mask)
                else:
                    kept = weight[mask]
                    total[:, stage] += kept.sum(), kept @ kept
    return {name: CutFlow(total[0], np.sqrt(total[1])) for name, total in sums.items()}


def _chunks(n: int) -> Iterator[int]:
    for start in range(0, n, CHUNK):
        yield min(CHUNK, n - start)


def signal_chain(
    n: int,
    mass: float,
    rng: np.random.Generator,
    settings: Settings,
    rings: Rings,
    windows: Windows,
    ctau_cm: float = 0.0,
) -> dict[Name, CutFlow]:
    """Run the signal through detector and selections; values are event counts.

    Parameters
    ----------
    n
        Number of events to generate.
    mass
        ALP mass in GeV.
    rng
        Random generator.
    settings, rings
        Detector.
    windows
        The window of each selection to run.
    ctau_cm
        Proper decay length in cm, zero for prompt.
    """
    return _run(
        lambda size: (signal.generate(size, mass, rng, ctau_cm), None),
        n,
        lambda photons: stage_masks(photons, settings, rings, windows, rng),
    )


def three_photon_chain(
    n: int,
    rng: np.random.Generator,
    settings: Settings,
    rings: Rings,
    windows: Windows,
    region: three_photon.Region,
) -> dict[Name, CutFlow]:
    """Run weighted three-photon events; values are cross sections in pb.

    `region` bounds the generated photons; keep it larger than the selection by the
    resolution of the detector. Other parameters as in `signal_chain`.
    """

    def sample(size: int) -> tuple[Photons, Floats]:
        drawn = three_photon.importance(rng.random((5, size)), region)
        return drawn.photons, drawn.weight_pb * (size / n)

    return _run(
        sample,
        n,
        lambda photons: stage_masks(photons, settings, rings, windows, rng),
    )
