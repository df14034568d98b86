"""What becomes of the photons of an ALP, and which trigger lines see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.simulate import ClusterModel
from detector.trigger_lines import HltLine, L1Line
from generator.beams import Beams
from generator.processes import stream
from generator.sampling import blocks
from generator.signal import Signal
from study.config import Variant
from study.names import (
    OPENING_COLUMNS,
    OUTCOMES,
    SEPARATION_COLUMNS,
    TRIGGER_COLUMNS,
)
from study.separation import (
    OPENING_EDGES,
    REGIONS,
    Followed,
    follow,
    line_names,
    models,
    opening_rad,
    outcome_of,
)
from study.separation_tables import (
    decode,
    encode,
    opening_rows,
    separation_rows,
    trigger_rows,
)
from tests.compare import N_SIGMA
from tests.study.small import N_SEPARATION, small_config

if TYPE_CHECKING:
    from study.config import Config

MASSES_GEV = (0.1, 0.2, 0.5, 4.0, 8.0)


@pytest.fixture(scope="module")
def config() -> Config:
    return small_config(f"scan.masses_GeV={list(MASSES_GEV)}")


@pytest.fixture(scope="module")
def points(config: Config) -> dict[float, Followed]:
    return {mass: follow(mass, config) for mass in MASSES_GEV}


def share(point: Followed, config: Config, variant: Variant, outcome: str) -> float:
    counts = point.outcomes[config.variants(shower=True).index(variant), -1]
    return float(counts[OUTCOMES.index(outcome)] / counts.sum())


def crystals(n: int) -> Variant:
    return Variant(ClusterModel.SEPARATION, n)


SHOWER = Variant(ClusterModel.SHOWER, 0)


def test_every_event_has_one_outcome_in_every_variant(
    points: dict[float, Followed],
) -> None:
    for point in points.values():
        assert np.all(point.outcomes[:, -1].sum(axis=-1) == N_SEPARATION)
        inside = point.outcomes[:, :-1].sum(axis=(1, 2))
        assert np.all(inside < N_SEPARATION)  # some ALPs miss the calorimeter
        assert np.all(inside == inside[0])  # whichever variant: it is their truth
        opened = point.openings.sum(axis=(2, 3))
        np.testing.assert_array_equal(opened[:, :-1].sum(axis=1), opened[:, -1])
        assert np.all(opened <= point.outcomes.sum(axis=-1))


def test_fewer_crystals_resolve_more(
    points: dict[float, Followed], config: Config
) -> None:
    for point in points.values():
        found = [share(point, config, crystals(n), "resolved") for n in (1, 2, 4)]
        assert found[0] >= found[1] >= found[2]
        lost = [share(point, config, crystals(n), "lost") for n in (1, 2, 4)]
        assert lost[0] == lost[1] == lost[2]


def test_edges_in_mass(points: dict[float, Followed], config: Config) -> None:
    """At 0.2 GeV one crystal resolves most pairs and four nearly none; at 0.5 GeV four
    crystals are near their edge; heavier ALPs are all resolved.
    """

    def of_seen(mass: float, variant: Variant) -> float:
        resolved = share(points[mass], config, variant, "resolved")
        return resolved / (resolved + share(points[mass], config, variant, "merged"))

    assert of_seen(0.2, crystals(1)) > 0.95
    assert 0.4 < of_seen(0.2, crystals(2)) < 0.8
    assert of_seen(0.2, crystals(4)) < 0.2
    assert 0.5 < of_seen(0.5, crystals(4)) < 0.98
    assert of_seen(0.1, SHOWER) < 0.5 < of_seen(0.2, SHOWER)
    for variant in (crystals(2), crystals(4), SHOWER):
        assert of_seen(4.0, variant) > 0.995


def test_far_photons_are_resolved_and_near_ones_merged(
    points: dict[float, Followed], config: Config
) -> None:
    """In between both happen: azimuthal sizes differ from polar ones, and rings count as
    neighbours across the gaps. One crystal is the negative control.
    """
    counts = sum(point.openings for point in points.values())
    assert isinstance(counts, np.ndarray)
    variants = config.variants(shower=True)
    barrel = REGIONS.index("barrel")
    four = counts[variants.index(crystals(4)), barrel]
    assert four[OPENING_EDGES[:-1] >= 8.5, 1].sum() == 0
    assert four[OPENING_EDGES[1:] <= 2.5, 0].sum() == 0
    one = counts[variants.index(crystals(1)), barrel]
    assert one[OPENING_EDGES[1:] <= 2.5, 0].sum() > 0


def test_trigger_lines(points: dict[float, Followed], config: Config) -> None:
    """Merged events look like γγ: the three-cluster lines and hie lose them, lml1 does
    not; at 4 GeV everything works.
    """
    names = line_names()

    def efficiency(mass: float, level: str, line: str) -> float:
        point = points[mass]
        return float(point.lines[0, names.index((level, line))] / point.accepted)

    assert models(config) == (crystals(2), SHOWER)
    assert efficiency(0.1, "l1", "lml1") > 0.7  # the rest is outside of its rows
    for line in ("hie", "lml0", "lml12", "c3"):
        assert efficiency(0.1, "l1", line) < 0.5 * efficiency(0.1, "l1", "lml1")
        # pairs that look like γγ are vetoed here as well
        assert efficiency(4.0, "l1", line) > 0.45
    assert efficiency(0.1, "hlt", "gg2clst") > 0.5
    assert efficiency(4.0, "hlt", "gg2clst") < 0.05
    assert efficiency(0.1, "simple", "2017") == pytest.approx(1.0, abs=0.1)
    assert efficiency(0.1, "simple", "2017-coarse") < 0.1


def test_both_models_agree_on_lines_of_well_separated_photons(
    points: dict[float, Followed],
) -> None:
    point = points[8.0]
    shares = point.lines / point.accepted
    at = line_names().index(("l1", "lml1"))
    assert abs(shares[0, at] - shares[1, at]) < 0.02


def test_the_order_of_names() -> None:
    names = line_names()
    assert names[: len(L1Line)] == [("l1", str(line)) for line in L1Line]
    assert len(names) == len(L1Line) + len(HltLine) + 2


def test_results_do_not_depend_on_other_variants(
    points: dict[float, Followed],
) -> None:
    """Without the crystal-level model the separations find the very same."""
    alone = small_config("separation.shower=false", "separation.crystals=[4]")
    found = follow(0.2, alone)
    np.testing.assert_array_equal(found.outcomes[:2], points[0.2].outcomes[[0, 2]])


def test_acceptance_is_that_of_the_truth(points: dict[float, Followed]) -> None:
    """Counted again in the CM frame with float64 four-vectors."""
    beams, mass = Beams(), 4.0
    config = small_config()
    seed = stream("signal-separation", config.seed, mass)
    n = 0
    for photons, _ in blocks(Signal(mass, beams=beams), seed, N_SEPARATION):
        e, theta, phi = (
            c[:, : photons.n_events]
            for c in (photons.energy, photons.theta, photons.phi)
        )
        sin = np.sin(theta)
        four = e * np.stack(
            [np.ones_like(e), sin * np.cos(phi), sin * np.sin(phi), np.cos(theta)]
        )
        star = np.tensordot(beams.lab_to_cms, four, axes=1)[0]
        low, high = np.radians([17.0, 150.0])
        n += int(((theta > low) & (theta < high) & (star > 0.25)).all(axis=0).sum())
    assert points[mass].accepted == n
    assert 0.5 * N_SEPARATION < n < N_SEPARATION


@given(
    st.floats(0.3, 2.8),
    st.floats(0.3, 2.8),
    st.floats(0.0, 6.28),
    st.floats(0.0, 6.28),
)
def test_opening_angles(a: float, b: float, phi_a: float, phi_b: float) -> None:
    cosine = np.cos(a) * np.cos(b) + np.sin(a) * np.sin(b) * np.cos(phi_a - phi_b)
    found = opening_rad(np.array([a, b]), np.array([phi_a, phi_b]))
    assert float(np.cos(found)) == pytest.approx(cosine, abs=1e-12)


def test_lost_comes_before_merged(config: Config) -> None:
    photons, state = next(blocks(Signal(0.5), stream("signal", 1), 2048))
    clusters = config.build_detector().simulate(photons, state, record=True)
    assert clusters.of_photon is not None
    outcome = outcome_of(clusters)
    both_lost = (clusters.of_photon[1] < 0) & (clusters.of_photon[2] < 0)
    assert np.all(outcome[both_lost] == OUTCOMES.index("lost"))


def test_tables(points: dict[float, Followed], config: Config) -> None:
    chosen = list(points.values())
    tables = (
        (SEPARATION_COLUMNS, list(separation_rows(chosen, config))),
        (OPENING_COLUMNS, list(opening_rows(chosen, config))),
        (TRIGGER_COLUMNS, list(trigger_rows(chosen, config))),
    )
    for columns, rows in tables:
        assert all(len(row) == len(columns) for row in rows)
        at = columns.index("share" if "share" in columns else "efficiency")
        for row in rows:
            value, low, high = (float(str(x)) for x in row[at : at + 3])
            assert low <= value <= high or row[-1] == 0
    n = len(config.variants(shower=True)) * len(REGIONS) * len(OUTCOMES)
    assert len(tables[0][1]) == n * len(MASSES_GEV)
    resolved = [
        row for row in tables[0][1] if row[:5] == (0.5, "square", 2, "all", "resolved")
    ]
    expected = share(points[0.5], config, crystals(2), "resolved")
    assert float(str(resolved[0][5])) == pytest.approx(expected)
    width = float(str(resolved[0][7])) - float(str(resolved[0][6]))
    assert width == pytest.approx(
        2 * (expected * (1 - expected) / N_SEPARATION) ** 0.5, rel=0.05
    )


def test_points_come_back(points: dict[float, Followed]) -> None:
    for point in points.values():
        again = decode(encode(point))
        assert (again.mass_GeV, again.accepted) == (point.mass_GeV, point.accepted)
        for name in ("outcomes", "openings", "lines"):
            np.testing.assert_array_equal(getattr(again, name), getattr(point, name))


def test_photon_efficiency_loses_pairs() -> None:
    """A photon that is not detected loses the pair: ε² of the pairs on crystals."""
    config = small_config("detector.photon_efficiency=0.9", "separation.shower=false")
    perfect = small_config("separation.shower=false")
    dimmed, full = (
        follow(0.5, study).openings[0, -1].sum(axis=0) for study in (config, perfect)
    )
    n = full.sum()
    assert dimmed.sum() == n  # on crystals by their truth
    assert n > 0.3 * N_SEPARATION
    assert full[OUTCOMES.index("lost")] == 0
    seen = dimmed[:2].sum()
    assert abs(seen - 0.81 * n) < N_SIGMA * (0.81 * 0.19 * n) ** 0.5
    assert abs(seen - 0.9 * n) > N_SIGMA * (0.09 * n) ** 0.5  # negative control
