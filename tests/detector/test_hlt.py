"""High-level lines against numpy in float64, and events that are made for a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.hlt import high_level
from detector.trigger_lines import HltLine
from generator.beams import Beams, transform
from generator.simd import LANES
from tests.reference.beams import LAB_TO_CMS, direction
from tests.reference.beams import transform as to_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.compare import Floats
    from tests.reference.beams import Bools, Ints

BEAMS = Beams()
E = BEAMS.sqrt_s_GeV / 2
seeds = st.integers(0, 10_000)
Event: TypeAlias = list[tuple[float, float, float]]


def clusters(seed: int, slots: int = 5) -> Floats:
    """Return (E, θ, φ) in the lab: opposite pairs, soft and absent clusters."""
    rng = np.random.default_rng(seed)
    shape = (slots, LANES)
    energy = rng.exponential(rng.choice([0.1, 0.4, 2.0], shape))
    theta, phi = rng.uniform(0.2, 2.9, shape), rng.uniform(0, 2 * np.pi, shape)
    pair = rng.random(LANES) < 0.6
    energy[:2, pair] = rng.uniform(2.0, 6.0, (2, pair.sum()))
    spread = rng.choice([0.01, 0.03, 0.2], LANES)
    theta[1] = np.where(pair, np.pi - theta[0] + rng.normal(0, 4 * spread), theta[1])
    phi[1] = np.where(pair, phi[0] + np.pi + rng.normal(0, spread), phi[1])
    energy *= rng.random(shape) < rng.choice([0.2, 0.6, 1.0], LANES)
    order = rng.permuted(np.tile(np.arange(slots)[:, None], LANES), axis=0)
    lab = transform(BEAMS.cms_to_lab, energy, np.abs(theta), np.remainder(phi, 6.28))
    return np.stack([np.take_along_axis(column, order, axis=0) for column in lab])


class Expected:
    """The lines in float64 with all cuts moved by a relative ``shift``."""

    def __init__(self, lab: Floats, shift: float = 0.0) -> None:
        self.scale = 1.0 + shift
        e, theta, phi = lab
        e = np.where(e > 0.1 * self.scale, e, 0.0)
        momenta = to_frame(LAB_TO_CMS, np.stack([e, *(e * direction(theta, phi))]))
        order = np.argsort(-momenta[0], axis=0)
        momenta = np.take_along_axis(momenta, order[None], axis=1)
        star, x, y, z = momenta
        self.star = star
        self.lab = np.degrees(np.take_along_axis(theta, order, axis=0))
        azimuth, polar = np.arctan2(y, x), np.arctan2(np.hypot(x, y), z)
        turn = np.degrees(np.abs(azimuth[0] - azimuth[1]))
        self.turn = np.minimum(turn, 360 - turn)
        self.sum = np.degrees(polar[0] + polar[1])

    def number(self, least: float, low: float, high: float) -> Ints:
        """Return how many clusters above E* are within angles [deg]."""
        inside = (self.lab > low * self.scale) & (self.lab < high * self.scale)
        hard = self.star > least * self.scale
        return np.asarray((hard & inside).sum(axis=0))

    def pair(self, first: float, second: float, apart: float) -> Bools:
        """Return whether the two highest have E* and Δφ* above cuts."""
        cuts = self.star[0] > first * self.scale, self.star[1] > second * self.scale
        return np.asarray(cuts[0] & cuts[1] & (self.turn > apart * self.scale))

    def lines(self) -> dict[str, Bools]:
        """Return all lines by name, (LANES,)."""
        theta = np.abs(self.sum - 180) < 15 * self.scale
        gg = self.pair(4.5, 3, 178) & theta
        ee = self.pair(4.5, 3, 160) & theta & (self.turn < 178 * self.scale)
        inside = (self.lab[:2] > 32 * self.scale) & (self.lab[:2] < 130 * self.scale)
        alone = self.number(0.3, 0, 180) == 1
        ends = self.number(2, 22, 32) + self.number(2, 130, 145)
        return {
            "gg2clst": gg,
            "ee2clst": ee,
            "neutral_barrel": (self.number(2, 32, 130) > 0) & ~gg,
            "neutral_endcap": (ends > 0) & ~gg & ~ee,
            "gg_barrel_loose": self.pair(4, 2, 177) & inside.any(axis=0),
            "single_photon": alone & (self.number(1, 45, 115) == 1),
            "single_photon_wide": alone & (self.number(1, 30, 130) == 1),
            "single_photon_low": alone & (self.number(0.5, 44, 98) == 1),
        }


def run(lab: Floats) -> NDArray[np.int32]:
    energy, theta, phi = lab
    return high_level(energy, theta, phi, BEAMS.kernel_to_cms)


def fired(bits: NDArray[np.int32], line: HltLine) -> Bools:
    return np.asarray((bits & line.bit) != 0)


@pytest.mark.parametrize("slots", [2, 3, 5, 9])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lines_in_float64(seed: int, slots: int) -> None:
    """Events that change with all cuts moved by ±2e-6 are left out."""
    lab = clusters(seed, slots)
    bits = run(lab)
    exact, low, high = (Expected(lab, d).lines() for d in (0.0, -2e-6, 2e-6))
    assert set(exact) == {line.value for line in HltLine}
    for line in HltLine:
        clear = (low[line] == exact[line]) & (high[line] == exact[line])
        assert clear.mean() > 0.999
        np.testing.assert_array_equal(fired(bits, line)[clear], exact[line][clear])


def test_the_sample_has_what_the_lines_are_about() -> None:
    """Control: every line fires and not, and a change of the cuts by 1 % is seen."""
    lab = np.concatenate([clusters(seed) for seed in range(6)], axis=-1)
    exact, moved = Expected(lab).lines(), Expected(lab, 0.01).lines()
    for line in HltLine:
        assert 0.01 < exact[line].mean() < 0.9, line
        assert (exact[line] != moved[line]).sum() > 5, line


@given(seeds, st.permutations(range(5)))
def test_order_of_the_clusters_means_nothing(seed: int, order: list[int]) -> None:
    lab = clusters(seed)
    np.testing.assert_array_equal(run(lab), run(lab[:, order]))


@given(seeds)
def test_clusters_below_100_mev_do_not_count(seed: int) -> None:
    lab = clusters(seed)
    kept = lab.copy()
    kept[0] = np.where(lab[0] > 0.1, lab[0], 0.0)
    np.testing.assert_array_equal(run(lab), run(kept))


def lines(event: Event, *, cms: bool = True) -> set[str]:
    """Return the lines of clusters given by E, θ and φ [GeV, deg, deg]."""
    energy, theta, phi = np.array(event).T[:, :, None]
    lab = np.stack([energy, np.radians(theta), np.radians(phi)])
    if cms:
        lab = np.stack(transform(BEAMS.cms_to_lab, *lab))
    columns = np.zeros((3, len(event), LANES))
    columns[:, :, :1] = lab
    bits = run(columns)
    assert not bits[1:].any()
    return {line.value for line in HltLine if bits[0] & line.bit}


def test_two_photons_are_vetoed_and_kept_by_their_own_line() -> None:
    assert lines([(E, 70, 30), (E, 110, 210)]) == {"gg2clst", "gg_barrel_loose"}
    tilted = lines([(E, 70, 30), (E, 110, 215)])
    assert tilted == {"ee2clst", "neutral_barrel"}
    assert lines([(E, 70, 30), (E, 130, 210)]) == {"neutral_barrel", "gg_barrel_loose"}


def test_the_two_highest_count_whatever_comes_with_them() -> None:
    """In the CM frame: the third is the second in the lab."""
    event = [(4.6, 150.0, 30.0), (3.2, 20.0, 45.0), (3.6, 30.0, 210.5)]
    lab = transform(BEAMS.cms_to_lab, *(np.array(event).T * [[1], [0.0174533], [1]]))[0]
    assert lab[1] > lab[0]
    assert "gg2clst" in lines(event)
    assert "gg2clst" not in lines(event[:2])


def test_three_photons() -> None:
    event = [(E * 2 / 3, 90.0, phi) for phi in (10.0, 130.0, 250.0)]
    assert lines(event) == {"neutral_barrel"}


@pytest.mark.parametrize(
    ("theta", "expected"),
    [
        (20, set()),
        (25, {"neutral_endcap"}),
        (31, {"neutral_endcap", "single_photon_wide"}),
        (38, {"neutral_barrel", "single_photon_wide"}),
        (44.5, {"neutral_barrel", "single_photon_wide", "single_photon_low"}),
        (
            70,
            {
                "neutral_barrel",
                "single_photon_wide",
                "single_photon",
                "single_photon_low",
            },
        ),
        (110, {"neutral_barrel", "single_photon_wide", "single_photon"}),
        (120, {"neutral_barrel", "single_photon_wide"}),
        (140, {"neutral_endcap"}),
        (150, set()),
    ],
)
def test_regions_are_angles_in_the_lab(theta: float, expected: set[str]) -> None:
    assert lines([(4.0, theta, 90.0)], cms=False) == expected
    soft = [(4.0, theta, 90.0), (0.5, 70.0, 200.0)]
    singles = {name for name in expected if name.startswith("single")}
    assert lines(soft, cms=False) == expected - singles


def test_nothing_fires_without_clusters() -> None:
    for slots in (0, 1, 3):
        assert not run(np.zeros((3, slots, LANES))).any()


def test_masks() -> None:
    assert HltLine.mask(["gg2clst", "neutral_barrel"]) == 0b101
    assert [line.bit for line in HltLine] == [1 << k for k in range(8)]
    assert all(line.description for line in HltLine)
