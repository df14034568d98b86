"""The same work in plain vectorised numpy: the chain of `tests.reference`."""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from detector.response import BackgroundLevel
from generator.signal import Signal
from selection.windows import Observable
from tests.reference import chain, selection, three_photon
from tests.reference.detector import Rings, Rule, Settings, load_rings
from tests.reference.response import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from selection.windows import Window
    from study.config import Config
    from tests.bench.chains import Chain

    Work: TypeAlias = Callable[[int], object]

CHUNKS: Final = tuple(1 << power for power in range(10, 17))


@dataclass(frozen=True)
class Peer:
    """A process in numpy, with the number of events per array that suits it best."""

    work: Work
    chunk: int
    effective_share: float = 1.0

    def run(self, n_events: int) -> None:
        """Run ``n_events``."""
        chain.CHUNK = self.chunk
        self.work(n_events)


def _settings(config: Config) -> Settings:
    detector, trigger = config.detector, config.detector.trigger
    return Settings(
        crystals=detector.merge_crystals,
        rule=Rule(detector.merge_rule.value),
        efficiency=detector.photon_efficiency,
        background=Background[BackgroundLevel(detector.background_level).name],
        trigger=trigger.enabled,
        trigger_crystals=trigger.merge_crystals,
    )


def _windows(windows: Sequence[Window]) -> dict[selection.Name, selection.Window]:
    """Return one window per selection: numpy would pay for every further one."""
    kinds = {
        Observable.M2: selection.Observable.MASS_SQUARED,
        Observable.RECOIL: selection.Observable.RECOIL,
    }
    return {
        selection.Name(w.selection.value): selection.Window(
            kinds[w.observable], w.low, w.high
        )
        for w in windows
    }


def _fastest_chunk(work: Work, n_events: int) -> int:
    """Return the chunk with the shortest of two runs, which noise only lengthens."""
    seconds = dict.fromkeys(CHUNKS, np.inf)
    for size in CHUNKS * 2:
        chain.CHUNK = size
        start = process_time()
        work(n_events)
        seconds[size] = min(seconds[size], process_time() - start)
    return min(seconds, key=seconds.__getitem__)


def peer(product: Chain, n_events: int) -> Peer:
    """Return the numpy counterpart of a chain, tuned with runs of ``n_events``."""
    rng = np.random.default_rng(product.seed.seed)
    rings, settings = load_rings(), _settings(product.config)
    windows = _windows(product.windows)
    if isinstance(product.sampler, Signal):
        mass = product.sampler.mass_GeV

        def work(n: int) -> object:
            return chain.signal_chain(n, mass, rng, settings, rings, windows)

        return Peer(work, _fastest_chunk(work, n_events))
    return _three_photon_peer(product, rng, settings, rings, n_events)


def _three_photon_peer(
    product: Chain,
    rng: np.random.Generator,
    settings: Settings,
    rings: Rings,
    n_events: int,
) -> Peer:
    from study.points import background_phase_space

    space, windows = background_phase_space(product.config), _windows(product.windows)
    region = three_photon.Region(
        *space.theta_lab_deg, space.energy_cms_min_GeV, space.energy_lab_min_GeV
    )

    def work(n: int) -> object:
        return chain.three_photon_chain(n, rng, settings, rings, windows, region)

    weight = three_photon.importance(rng.random((5, n_events)), region).weight_pb
    share = float(weight.sum() ** 2 / (weight @ weight)) / n_events
    return Peer(work, _fastest_chunk(work, n_events), share)
