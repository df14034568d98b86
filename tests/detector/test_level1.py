"""First-level lines against the plain-Python reference, and properties they must have."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.crystals import Hits, hit
from detector.geometry import Region, belle2
from detector.level1 import decide, level1
from detector.trigger_cells import PER_ROW, make_tables, number
from detector.trigger_cells import trigger_tables as nominal
from detector.trigger_clusters import make_work
from detector.trigger_lines import HltLine, L1Line
from generator.beams import Beams, transform
from generator.simd import LANES
from tests.compare import Floats, photons_of, start
from tests.reference import level1 as reference

if TYPE_CHECKING:
    from detector.trigger_cells import TriggerTables
    from detector.trigger_clusters import Work

ECL = belle2()
BEAMS = Beams()
STRAIGHT = make_tables(Beams(half_crossing_rad=0.0))
seeds = st.integers(0, 10_000)


def to_lab(energy: Floats, theta: Floats, phi: Floats) -> Floats:
    """Return (E, θ, φ) in the lab of CM photons, stacked."""
    return np.stack(transform(BEAMS.cms_to_lab, energy, theta, phi))


def pairs_in_cms(rng: np.random.Generator) -> Floats:
    """Return two nearly opposite photons in the lab, (3, 2, LANES)."""
    energy = rng.choice([0.5, 2.0, 6.0], LANES) * rng.uniform(0.5, 1.0, (2, LANES))
    theta, phi = rng.uniform(0.3, 2.8, LANES), rng.uniform(0, 6.2, LANES)
    theta = np.stack([theta, np.pi - theta]) + rng.normal(0, 0.05, (2, LANES))
    phi = np.stack([phi, phi + np.pi]) + rng.normal(0, 0.1, (2, LANES))
    return to_lab(energy, np.abs(theta), np.remainder(phi, 2 * np.pi))


def crowded(seed: int, slots: int = 24) -> Hits:
    """Return 0 to 24 photons everywhere, often near others, many soft, some pairs."""
    rng = np.random.default_rng(seed)
    shape = (slots, LANES)
    near = rng.integers(0, slots, shape)
    theta, phi = rng.uniform(0.2, 2.75, shape), rng.uniform(0, 2 * np.pi, shape)
    chain = rng.random(shape) < 0.4
    theta = np.where(chain, np.take_along_axis(theta, near, axis=0), theta)
    phi = np.where(chain, np.take_along_axis(phi, near, axis=0), phi)
    theta = np.abs(theta + rng.normal(0, 0.1, shape))
    energy = rng.exponential(1.0, shape) * rng.choice([0.1, 0.3, 1.5], LANES)
    photons = np.stack([energy, theta, np.remainder(phi + rng.normal(0, 0.1), 6.28)])
    paired = rng.random(LANES) < 0.5
    photons[:, :2, paired] = pairs_in_cms(rng)[:, :, paired]
    few = rng.choice([0, 1, 2, 3, 4, 8, 16, slots], LANES)
    photons[0] *= np.arange(slots)[:, None] < few
    return hit(photons_of(*photons), ECL, 0.97, start(seed))


def photons_in(hits: Hits, i: int) -> list[tuple[int, int, float]]:
    """Return (ring, column, energy) of the photons of an event."""
    seen = [j for j in range(i, hits.energy.size, LANES) if hits.energy[j] > 0]
    return [
        (int(hits.ring[j]), int(hits.phi_crystal[j] / hits.pitch[j]), hits.energy[j])
        for j in seen
    ]


def names(bits: int) -> set[str]:
    return {line.value for line in L1Line if bits & line.bit}


def run(
    cells: dict[reference.Cell, float], tables: TriggerTables | None = None
) -> tuple[int, Work]:
    """Return lines and clusters of an event of cells, taken in the given order."""
    energy, fired = np.zeros(576, np.float32), np.zeros(576, np.int32)
    for k, (cell, e) in enumerate(cells.items()):
        fired[k] = number(*cell)
        energy[fired[k]] = e
    work = make_work()
    bits = decide(tables or nominal(), energy, fired, len(cells), work)
    return int(bits), work


def single(cms: list[tuple[float, float, float]]) -> set[str]:
    """Return the lines of photons given by E*, θ* and φ* [GeV, deg, deg]."""
    energy, *angles = np.array(cms).T[:, :, None]
    lab = to_lab(energy, *np.radians(angles))
    return names(level1(hit(photons_of(*lab), ECL, 1.0, start(0)))[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_lines_are_those_of_the_reference(seed: int) -> None:
    """4096 events; as a control every line fires and stays silent often."""
    hits = crowded(seed)
    found = level1(hits)
    for i, bits in enumerate(found.tolist()):
        cells = reference.fired_cells(photons_in(hits, i), 0.1)
        assert names(bits) == reference.lines(cells), (i, cells)
    for line in L1Line:
        share = np.mean((found & line.bit) != 0)
        assert 0.005 < share < 0.995, line


def test_clusters_are_those_of_the_reference() -> None:
    hits, rng = crowded(3), np.random.default_rng(0)
    numbers = np.zeros(25, int)
    for i in range(1000):
        cells = reference.fired_cells(photons_in(hits, i), 0.1)
        shuffled = [list(cells.items())[k] for k in rng.permutation(len(cells))]
        bits, work = run(dict(shuffled))
        assert names(bits) == reference.lines(cells)
        clusters, isolated = reference.find_clusters(cells)
        numbers[isolated] += 1
        for cluster, tc, energy in zip(
            clusters, work.centre, work.energy, strict=False
        ):
            assert number(*cluster.centre) == tc
            assert energy == pytest.approx(cluster.energy, rel=1e-6)
    assert numbers[7:].sum() > 20  # more than are kept
    assert np.all(numbers[:7] > 20)


@given(seeds, st.permutations(range(6)))
def test_order_of_the_photons_means_nothing(seed: int, order: list[int]) -> None:
    hits = crowded(seed, slots=6)
    columns = [column.name for column in fields(hits) if column.name != "slots"]
    other = Hits(
        6,
        *(getattr(hits, name).reshape(6, -1)[order].reshape(-1) for name in columns),
    )
    np.testing.assert_array_equal(level1(hits), level1(other))


@given(seeds)
def test_events_do_not_see_each_other(seed: int) -> None:
    """The lines of an event are the same when the others are empty."""
    hits = crowded(seed, slots=8)
    alone = np.random.default_rng(seed).random(LANES) < 0.5
    columns = {column.name: getattr(hits, column.name) for column in fields(hits)}
    columns["energy"] = np.where(np.tile(alone, 8), hits.energy, np.float32(0))
    found = level1(Hits(**columns))
    np.testing.assert_array_equal(found, np.where(alone, level1(hits), 0))


def barrel_event(draw: st.DrawFn) -> dict[reference.Cell, float]:
    """Return at most six cells, hence no more clusters than are kept."""
    cell = st.tuples(st.integers(4, 15), st.integers(0, 35))
    cells = draw(st.lists(cell, min_size=1, max_size=6, unique=True))
    energy = st.floats(0.125, 7.0, width=32)
    each = st.lists(energy, min_size=len(cells), max_size=len(cells), unique=True)
    return dict(zip(cells, draw(each), strict=True))


def turned(cells: dict[reference.Cell, float], by: int) -> dict[reference.Cell, float]:
    return {(row, (phi + by) % 36): energy for (row, phi), energy in cells.items()}


@given(st.composite(barrel_event)(), st.integers(1, 35))
def test_barrel_events_may_be_turned(
    cells: dict[reference.Cell, float], by: int
) -> None:
    """By whole TCs, about the axis of beams without a crossing angle."""
    assert run(cells, STRAIGHT)[0] == run(turned(cells, by), STRAIGHT)[0]
    sums = "elow", "ehigh", "elum", "gg", "c3hie"
    kept = L1Line.mask(sums)  # with the crossing angle only what has no CM quantity
    assert run(cells)[0] & kept == run(turned(cells, by))[0] & kept


def test_the_crossing_angle_matters() -> None:
    """Control of the test above: 2.05 GeV in row 9 is above or below E* = 2 GeV."""
    cells = {(9, 0): 2.15}
    fired = {phi: "lml1" in names(run(turned(cells, phi))[0]) for phi in range(36)}
    assert len(set(fired.values())) == 2


def separate(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether photons in two crystals (ring, column) make two clusters."""
    photons = [(*first, 1.0), (*second, 2.0)]
    lines = names(run(reference.fired_cells(photons, 0.1))[0])
    return "c2" in lines


def test_when_two_photons_are_two_clusters_in_azimuth() -> None:
    """Never below 5 crystals, always from 8 on, for every column; between, by quarters."""
    for apart in range(1, 17):
        found = [separate((30, c), (30, (c + apart) % 144)) for c in range(144)]
        assert np.mean(found) == np.clip((apart - 4) / 4, 0, 1)


def test_when_two_photons_are_two_clusters_in_theta() -> None:
    """The same along the barrel, where the last row has two rings instead of four."""
    rings = np.flatnonzero(ECL.region == Region.BARREL).tolist()
    for apart in range(1, 17):
        pairs = [(r, r + apart) for r in rings if r + apart in rings]
        found = [separate((r, 77), (other, 77)) for r, other in pairs]
        if not 5 <= apart < 8:
            assert set(found) == {apart >= 8}
        else:
            assert set(found) == {False, True}


def test_diagonal_neighbours_pass_as_two_seeds_one_way() -> None:
    """A cell and the lower left one are two seeds with one centre, upper left too."""
    for other in ((10, 11), (10, 9)):
        bits, work = run({(9, 10): 1.0, other: 2.0})
        assert {"c2", "gg"} <= names(bits)
        assert set(work.centre[:2].tolist()) == {number(*other)}
        np.testing.assert_allclose(work.energy[:2], 3.0)


def test_parts_of_the_calorimeter_are_clustered_apart() -> None:
    for first, second in (((3, 0), (4, 0)), ((15, 0), (16, 0))):
        bits, work = run({first: 1.0, second: 2.0})
        assert "gg" in names(bits)
        assert sorted(work.energy[:2].tolist()) == [1.0, 2.0]


def test_first_six_clusters_are_kept() -> None:
    """Barrel before forward before backward; c5 counts all of them, rows 2 to 15."""
    barrel = {(8, phi): 1.0 for phi in range(0, 20, 4)}
    ends = {(17, 0): 9.0, (2, 4): 8.0, (2, 8): 7.0}
    bits, work = run(ends | barrel)
    expected = [number(8, phi) for phi in range(0, 20, 4)] + [number(2, 4)]
    assert work.centre.tolist() == expected
    assert "lml4" not in names(bits)  # 9 GeV backward is the one that is dropped
    assert "lml4" in names(run(ends)[0])


def test_a_full_ring_has_no_seed() -> None:
    """Every TC has an upper neighbour: no cluster, though energy enough for ehigh."""
    for row in (1, 2, 9, 17):
        bits, _ = run({(row, phi): 1.0 for phi in range(PER_ROW[row])})
        assert "lml11" in names(bits)
        assert ("ehigh" in names(bits)) == (row in (2, 9))
        assert not names(bits) & {"gg", "c2", "lml0", "lml1", "lml4"}


def test_nothing_fires_without_a_cell_above_threshold() -> None:
    assert run({})[0] == 0
    photon = np.array([[0.15]]), np.array([[1.5]]), np.array([[1.0]])
    hits = hit(photons_of(*photon), ECL, 1.0, start(0))
    assert names(level1(hits)[0]) == {"lml11"}
    assert not level1(hits, threshold_GeV=0.16).any()
    assert not level1(hits)[1:].any()


def test_photons_in_one_cell_add_up() -> None:
    """Two of 60 MeV fire together, in crystals of one TC and not of two."""
    theta = np.full((2, LANES), 1.5)
    phi = np.tile(np.radians([[11.0], [19.0]]), LANES)
    phi[1, 1:] = np.radians(21.0)
    hits = hit(photons_of(np.full((2, LANES), 0.06), theta, phi), ECL, 1.0, start(0))
    found = level1(hits)
    assert names(found[0]) == {"lml11"}
    assert not found[1:].any()


@pytest.mark.parametrize("phi", [0.0, 47.0, 133.0, 260.0])
@pytest.mark.parametrize("theta", [60.0, 80.0, 100.0])
def test_two_photons_back_to_back(theta: float, phi: float) -> None:
    e = BEAMS.sqrt_s_GeV / 2
    found = single([(e, theta, phi), (e, 180 - theta, (phi + 180) % 360)])
    assert {"bha3d", "lml1", "gg", "lume", "bhie"} <= found
    assert not found & {"hie", "hade", "lml0", "lml12", "c2", "lml11", "c3hie"}


@pytest.mark.parametrize("phi", [0.0, 47.0, 133.0, 260.0])
def test_three_photons_far_apart(phi: float) -> None:
    e = BEAMS.sqrt_s_GeV / 3
    found = single([(e, 90.0, (phi + turn) % 360) for turn in (0, 120, 240)])
    assert {"lml0", "lml12", "hie", "c3", "lml1", "c3hie"} <= found
    assert not found & {"bha3d", "gg", "c4", "lml6", "lml11"}


def test_masks() -> None:
    assert L1Line.mask([]) == 0
    assert [L1Line.mask([line]) for line in L1Line] == [1 << k for k in range(28)]
    assert L1Line.mask(["elow", "hie", "elow"]) == 0b1001
    assert L1Line("lml0").description  # type: ignore[call-arg]  # by value
    for lines in (L1Line, HltLine):
        with pytest.raises(ValueError, match=r"trigger line 'foo': allowed are \w+, "):
            lines.mask(["foo"])
    with pytest.raises(ValueError, match=r"elow, ehigh, .* c3hie$"):
        L1Line.mask(["gg2clst"])
    assert all(a < b for a, b in pairwise(line.bit for line in L1Line))
