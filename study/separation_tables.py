"""``separation.csv``, ``opening.csv`` and ``trigger.csv``, and the point files behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from study.efficiencies import clopper_pearson
from study.names import OUTCOMES
from study.separation import OPENING_EDGES, REGIONS, Followed, line_names, models

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from study.codec import Arrays
    from study.config import Config

Row = tuple[object, ...]


def encode(point: Followed) -> Arrays:
    """Return the arrays of a point file."""
    return {
        "mass_GeV": np.array(point.mass_GeV),
        "outcomes": point.outcomes,
        "openings": point.openings,
        "lines": point.lines,
        "accepted": np.array(point.accepted),
    }


def decode(arrays: Mapping[str, NDArray[Any]]) -> Followed:
    """Return what `encode` wrote."""
    return Followed(
        float(arrays["mass_GeV"]),
        arrays["outcomes"],
        arrays["openings"],
        arrays["lines"],
        int(arrays["accepted"]),
    )


def _shares(
    counts: NDArray[np.int64],
) -> Iterator[tuple[str, float, float, float, int]]:
    """Yield the share of every outcome with its interval, and the events in all."""
    events = float(counts.sum())
    lower, upper = clopper_pearson(counts.astype(float), events)
    for k, outcome in enumerate(OUTCOMES):
        share = counts[k] / events if events > 0.0 else 0.0
        yield outcome, float(share), float(lower[k]), float(upper[k]), int(events)


def separation_rows(points: Sequence[Followed], config: Config) -> Iterator[Row]:
    """Yield the share of every outcome by mass, variant and region."""
    rule = config.detector.merge_rule
    for point in points:
        for k, variant in enumerate(config.variants(shower=True)):
            for r, region in enumerate(REGIONS):
                head = (point.mass_GeV, variant.rule(rule), variant.crystals, region)
                for share in _shares(point.outcomes[k, r]):
                    yield (*head, *share)


def opening_rows(points: Sequence[Followed], config: Config) -> Iterator[Row]:
    """Yield the same by opening angle, all masses together."""
    rule = config.detector.merge_rule
    counts = np.sum([point.openings for point in points], axis=0)
    for k, variant in enumerate(config.variants(shower=True)):
        for r, region in enumerate(REGIONS):
            for b in range(OPENING_EDGES.size - 1):
                edges = (float(OPENING_EDGES[b]), float(OPENING_EDGES[b + 1]))
                head = (variant.rule(rule), variant.crystals, region, *edges)
                for share in _shares(counts[k, r, b]):
                    yield (*head, *share)


def trigger_rows(points: Sequence[Followed], config: Config) -> Iterator[Row]:
    """Yield the efficiency of every trigger line by mass and model."""
    for point in points:
        for k, variant in enumerate(models(config)):
            fired = point.lines[k].astype(float)
            lower, upper = clopper_pearson(fired, float(point.accepted))
            for n, (level, line) in enumerate(line_names()):
                share = fired[n] / point.accepted if point.accepted > 0 else 0.0
                head = (point.mass_GeV, variant.model.value, level, line)
                interval = (float(lower[n]), float(upper[n]))
                yield (*head, float(share), *interval, point.accepted)
