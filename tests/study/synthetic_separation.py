"""Tables of cluster separation and of the trigger made of formulas, and events."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from detector.cells import cells
from detector.crystals import hit
from detector.geometry import DEPTH_CM, belle2
from detector.picture import EventPicture, draw_event
from detector.shower import ShowerModel
from detector.trigger_lines import HltLine, L1Line
from generator.random import lanes
from generator.signal import Signal
from generator.simd import LANES
from study.efficiencies import clopper_pearson
from study.figures.display import rectangles
from study.names import (
    OPENING_COLUMNS,
    OUTCOMES,
    SEPARATION_COLUMNS,
    SHOWER,
    TRIGGER_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.figure import Figure

    from detector.crystals import Hits
    from generator.random import LaneState
    from study.figures.tables import Table

MASSES_GEV = np.geomspace(0.05, 9.0, 20)
EDGES_GEV = {("square", 1): 0.1, ("square", 2): 0.21, ("square", 4): 0.45}
SHOWERS = (SHOWER, 0)
SHOWER_EDGE_GEV = 0.16
REGIONS = {"all": 1.0, "forward": 0.7, "barrel": 1.0, "backward": 1.3}
"""Regions, and by how much their edges are moved."""
EVENTS = 2000
WIDTHS = np.arange(0.0, 8.01, 0.5)
"""Edges of bins in the opening angle [crystal widths]."""


def table(rows: Iterable[tuple[object, ...]], columns: Sequence[str]) -> Table:
    """Return rows as `read_columns` would."""
    found = list(rows)
    fields = [np.array(column) for column in zip(*found, strict=True)]
    kinds = [(name, field.dtype) for name, field in zip(columns, fields, strict=True)]
    result = np.empty(len(found), dtype=kinds)
    for name, field in zip(columns, fields, strict=True):
        result[name] = field
    return result


def turn_on(x: float, edge: float) -> float:
    """Return a share that rises from 0 to 1 between edge/2 and 2 × edge; 1/2 there."""
    return float(1.0 / (1.0 + (x / edge) ** -4.5))


def _binomial(share: float, events: int) -> tuple[float, float, float, int]:
    lower, upper = clopper_pearson(np.array(share * events), events)
    return share, float(lower), float(upper), events


def _shares(resolved: float, lost: float) -> Iterator[tuple[str, float]]:
    seen = 1.0 - lost
    yield from zip(
        OUTCOMES, (resolved * seen, (1.0 - resolved) * seen, lost), strict=True
    )


def separation_table(masses: Sequence[float] = MASSES_GEV.tolist()) -> Table:
    """Return shares of outcomes against mass."""
    edges = EDGES_GEV | {SHOWERS: SHOWER_EDGE_GEV}

    def rows() -> Iterator[tuple[object, ...]]:
        for mass in masses:
            for (rule, n), edge in edges.items():
                lost = 0.13 if rule == SHOWER else 0.11
                for region, move in REGIONS.items():
                    resolved = turn_on(mass, edge * move)
                    for outcome, share in _shares(resolved, lost):
                        kind = (mass, rule, n, region, outcome)
                        yield (*kind, *_binomial(share, EVENTS))

    return table(rows(), SEPARATION_COLUMNS)


def opening_table() -> Table:
    """Return shares of outcomes against the opening angle; no events in the first bin."""
    edges = {("square", n): 1.1 * n for n in (1, 2, 4)} | {SHOWERS: 1.7}

    def rows() -> Iterator[tuple[object, ...]]:
        for (rule, n), edge in edges.items():
            for region in REGIONS:
                for low, high in pairwise(WIDTHS.tolist()):
                    resolved = turn_on((low + high) / 2, edge)
                    for outcome, share in _shares(resolved, 0.1):
                        kind = (rule, n, region, low, high, outcome)
                        nothing = np.nan, 0.0, 1.0, 0
                        yield (*kind, *(_binomial(share, 200) if low else nothing))

    return table(rows(), OPENING_COLUMNS)


def trigger_efficiency(level: str, line: str, mass: float) -> float:
    """Return an efficiency with a shape as of the real lines."""
    if level == "simple":
        edge = 0.6 if line.endswith("coarse") else 0.2
        return 0.98 * turn_on(mass, edge)
    if line in ("lml0", "c3", "lml12"):
        return {"lml0": 0.97, "c3": 0.93, "lml12": 0.95}[line] * turn_on(mass, 0.25)
    vetoes = {"bha3d": 0.55, "gg": 0.3, "gg2clst": 0.5, "ee2clst": 0.08}
    if line in vetoes:
        return vetoes[line] * (1.0 - turn_on(mass, 0.8))
    if line == "gg_barrel_loose":
        return 0.6 * (1.0 - turn_on(mass, 1.2))
    if line.startswith("single"):
        return 0.02
    return 0.99 if line == "hie" else 0.9 if line == "neutral_barrel" else 0.35


def trigger_table(masses: Sequence[float] = MASSES_GEV.tolist()) -> Table:
    """Return efficiencies of all trigger lines for two models."""
    kinds = [("l1", str(line)) for line in L1Line]
    kinds += [("hlt", str(line)) for line in HltLine]
    kinds += [("simple", line) for line in ("2017", "2017-coarse")]

    def rows() -> Iterator[tuple[object, ...]]:
        for mass in masses:
            for model in ("separation", SHOWER):
                for level, line in kinds:
                    value = trigger_efficiency(level, line, mass)
                    yield mass, model, level, line, *_binomial(value, EVENTS)

    return table(rows(), TRIGGER_COLUMNS)


@cache
def block(mass_GeV: float) -> tuple[Hits, LaneState]:
    """Return a block of signal at the crystals, and the lanes before clustering."""
    state = lanes(np.random.SeedSequence(20260722))
    photons = Signal(mass_GeV).block(state, LANES, 1.0)
    return hit(photons, belle2(), 1.0, state, depth_cm=DEPTH_CM), state


def event(mass_GeV: float, lane: int) -> EventPicture:
    """Return an event of the crystal-level model."""
    hits, state = block(mass_GeV)
    return draw_event(ShowerModel(), hits, state.copy(), lane)


def made_up(
    photons: list[tuple[float, float, float]],
    clusters: list[list[int]] | None = None,
) -> EventPicture:
    """Return an event of photons (E [GeV], θ, φ [deg]) and clusters of crystals."""
    energy, theta, phi = np.array(photons, np.float64).reshape(-1, 3).T
    groups = clusters or []
    cell = np.array([c for group in groups for c in group], np.int64)
    owner = [group[0] for group in groups for _ in group]
    core = np.array([group[0] for group in groups], np.int64)
    where = rectangles(core).mean(axis=1)
    return EventPicture(
        cell=cell,
        energy_GeV=np.geomspace(0.1, 0.001, cell.size),
        cluster=np.array(owner, np.int64),
        core=core,
        cluster_theta=np.radians(where[:, 1]),
        cluster_phi=np.radians(where[:, 0]),
        photon_energy_GeV=energy,
        photon_theta=np.radians(theta),
        photon_phi=np.radians(phi),
    )


def crystal(ring: int, column: int) -> int:
    """Return the number of a crystal."""
    return int(cells().first[ring]) + column


def merged_pair() -> EventPicture:
    """Return two photons in one cluster across φ = 0, and one in the forward endcap."""
    rings, columns = range(39, 43), range(-3, 2)
    around = [crystal(ring, column % 144) for ring in rings for column in columns]
    forward = [crystal(5, 10), crystal(5, 11), crystal(4, 7)]
    photons = [(3.0, 86.0, 359.0), (0.05, 89.0, 1.0), (4.5, 20.5, 39.0)]
    return made_up(photons, [around, forward])


def texts(figure: Figure) -> str:
    """Return everything that is written on a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def drawn(figure: Figure, gid: str) -> list[Any]:
    """Return the artists of a name."""
    return [item for item in figure.findobj() if item.get_gid() == gid]


def by_gid(figure: Figure, gid: str) -> Any:
    """Return the one artist of a name."""
    found = drawn(figure, gid)
    assert len(found) == 1, gid
    return found[0]
