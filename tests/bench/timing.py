"""CPU time of variants that take turns."""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Variant:
    """Work on ``n_events`` that is timed as a whole."""

    run: Callable[[int], object]
    n_events: int


class Summary(NamedTuple):
    """Median and extremes over the rounds."""

    median: float
    low: float
    high: float


def summary(values: NDArray[np.float64]) -> Summary:
    """Return median, smallest and largest value."""
    return Summary(float(np.median(values)), float(values.min()), float(values.max()))


def rates(
    variants: Mapping[str, Variant], n_rounds: int
) -> dict[str, NDArray[np.float64]]:
    """Return events per CPU second of every variant, shape (n_rounds,).

    In a round every variant runs once, so that what slows the machine down for a
    while slows all of them.
    """
    seconds = {name: np.empty(n_rounds) for name in variants}
    for turn in range(n_rounds):
        for name, variant in variants.items():
            start = process_time()
            variant.run(variant.n_events)
            seconds[name][turn] = process_time() - start
    return {name: variants[name].n_events / spent for name, spent in seconds.items()}
