"""Options of the detector that both cluster models share: background, times, truth."""

from __future__ import annotations

import numpy as np
import pytest

from detector.crystals import Material
from detector.overlay import Overlay
from detector.picture import draw_event
from detector.response import LineShape
from detector.simulate import ClusterModel, Clusters, Detector
from generator.signal import Exponential, Signal
from generator.simd import LANES
from tests.compare import FALSE_ALARM, N_SIGMA, contingency, photons_of, sample, start

MODELS = list(ClusterModel)


def run(detector: Detector, mass: float = 1.0, n_blocks: int = 4) -> list[Clusters]:
    state = start(11)
    blocks = sample(Signal(mass), n_blocks, 12)
    return [detector.simulate(block, state, record=True) for block in blocks]


def counts(clusters: list[Clusters]) -> np.ndarray:
    return np.concatenate([(c.energy > 0.0).sum(axis=0) for c in clusters])


@pytest.mark.parametrize("model", MODELS)
def test_owners_are_clusters_that_exist(model: ClusterModel) -> None:
    for found in run(Detector(model=model), 0.2):
        assert found.of_photon is not None
        lane = np.arange(LANES)
        for owner in found.of_photon:
            assert np.all(owner < found.energy.shape[0])
            seen = owner >= 0
            assert np.all(found.energy[owner[seen], lane[seen]] > 0.0)


@pytest.mark.parametrize("model", MODELS)
def test_both_models_see_as_many_isolated_photons(model: ClusterModel) -> None:
    found = run(Detector(model=model), 5.0)
    of_photon = np.concatenate(
        [c.of_photon for c in found if c.of_photon is not None], axis=1
    )
    share = float(np.mean(of_photon >= 0))
    assert share == pytest.approx(0.94, abs=0.03)  # what is outside, or in a gap


@pytest.mark.parametrize("model", MODELS)
def test_background_adds_clusters(model: ClusterModel) -> None:
    """Mean extra clusters: μ × 92.4 % of the solid angle, in time; 1e-4 false alarms."""
    mean = 0.4
    plain = counts(run(Detector(model=model), 5.0))
    busy = counts(run(Detector(model=model, overlay=Overlay(mean=mean)), 5.0))
    extra = float(busy.mean() - plain.mean())
    error = (mean / busy.size + 2.0 * plain.var() / busy.size) ** 0.5
    lost = 0.1 if model is ClusterModel.SHOWER else 0.02  # merged into others
    assert abs(extra - 0.924 * mean) < N_SIGMA * error + lost * mean


def test_late_clusters_are_dropped() -> None:
    overlay = Overlay(mean=0.5, energy_min_GeV=0.2)
    wide = run(Detector(overlay=overlay), 5.0)
    narrow = run(Detector(overlay=overlay, time_cut_ns=50.0), 5.0)
    kept = [float(np.mean(counts(c))) for c in (narrow, wide)]
    none = float(np.mean(counts(run(Detector(), 5.0))))
    # background is even in time, and a quarter of the window is left
    assert (kept[0] - none) / (kept[1] - none) == pytest.approx(0.25, abs=0.05)
    for found in wide:
        assert found.time_ns is not None
        assert np.all(found.time_ns[found.energy == 0.0] == 0.0)
        signal = found.time_ns[0][found.energy[0] > 1.0]
        assert abs(float(np.median(signal))) < 0.2


def test_material_loses_photons() -> None:
    """About 1 − exp(−7/9 · 0.3) at normal incidence, more at an angle."""
    plain = counts(run(Detector(), 5.0)).mean()
    behind = counts(run(Detector(material=Material(0.3)), 5.0)).mean()
    assert 0.6 < behind / plain < np.exp(-7.0 / 9.0 * 0.3)


@pytest.mark.parametrize("model", MODELS)
def test_a_tail_reaches_both_models(model: ClusterModel) -> None:
    """The mean of the Novosibirsk shape is 0.63 σ below its peak, for η = 0.4."""
    phi = np.linspace(0.0, 6.28, LANES)[np.newaxis]
    block = photons_of(np.full((1, LANES), 2.0), np.full((1, LANES), 1.5), phi)
    plain, tail = (
        Detector(model=model, line_shape=shape).simulate(block, start(1)).energy[0]
        / 2.0
        for shape in LineShape
    )
    sigma = 0.019
    assert plain.mean() == pytest.approx(1.0, abs=0.003)
    assert (plain.mean() - tail.mean()) / sigma == pytest.approx(0.63, abs=0.15)
    assert contingency(plain, tail) < FALSE_ALARM


@pytest.mark.parametrize("model", MODELS)
def test_displaced_pairs_look_lighter(model: ClusterModel) -> None:
    """Seen from the IP, the opening angle shrinks by (R − L)/R."""
    detector = Detector(model=model)
    openings = []
    for length in (0.0, 60.0):
        half, theta = np.radians(8.0), np.full((2, 200), np.pi / 2)
        phi = np.array([[1.0 - half], [1.0 + half]]) + np.linspace(0, 5, 200)
        energy = np.full((2, 200), 2.0)
        mean = phi.mean(axis=0)
        vertex = length * np.stack([np.cos(mean), np.sin(mean), np.zeros(200)])
        block = photons_of(energy, theta, phi % (2 * np.pi), vertex)
        found = detector.simulate(block, start(5))
        two = (found.energy > 0.5).sum(axis=0) == 2
        first, second = found.phi[:2, two]
        turn = np.abs(first - second)
        openings.append(float(np.median(np.minimum(turn, 2 * np.pi - turn))))
    depth = 10.0 if model is ClusterModel.SHOWER else 0.0
    radius = 125.6 + depth
    # exact: the ray at 8° from a point on the axis, at the distance L
    along = -60.0 * np.cos(half) + np.sqrt(
        (60.0 * np.cos(half)) ** 2 + 125.6**2 - 60.0**2
    )
    along += depth
    seen = np.arctan2(along * np.sin(half), 60.0 + along * np.cos(half))
    assert openings[0] == pytest.approx(2 * half, rel=0.02)
    assert openings[1] == pytest.approx(2 * seen, rel=0.04)
    assert openings[1] == pytest.approx(2 * half * (radius - 60.0) / radius, rel=0.1)


def test_decays_beyond_the_calorimeter_are_lost() -> None:
    far = sample(Signal(0.3, decay=Exponential(1e4)), 1, 3)[0]
    found = Detector(model=ClusterModel.SHOWER).simulate(far, start(2), record=True)
    assert found.of_photon is not None
    assert np.mean(found.of_photon[1:] >= 0) < 0.02
    assert np.mean(found.of_photon[0] >= 0) > 0.8


def test_a_picture_shows_the_event_as_it_was() -> None:
    block = sample(Signal(0.3), 1, 7)[0]
    detector = Detector(model=ClusterModel.SHOWER)
    state = start(3)
    hits = detector.hits(block, state)
    before = state.copy()
    found = detector.shower_model.cluster(hits, state)
    for lane in (1, 130, 2047):
        picture = draw_event(detector.shower_model, hits, before.copy(), lane)
        here = found.energy[:, lane] > 0.0
        seen = np.sort(found.theta[here, lane])
        # small clusters are in the picture as well
        distance = np.abs(seen[:, np.newaxis] - picture.cluster_theta).min(axis=1)
        assert np.all(distance < 1e-6)
        assert picture.core.size >= here.sum()
        assert picture.energy_GeV.sum() == pytest.approx(
            hits.energy[lane::LANES].sum(), rel=0.1
        )
        assert set(picture.cluster.tolist()) <= {-1, *picture.core.tolist()}


@pytest.mark.parametrize("option", ["model", "line_shape"])
def test_unknown_names(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} = 'round': allowed are"):
        Detector(**{option: "round"})  # type: ignore[arg-type]


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match="time_cut_ns = 0: need a time above 0"):
        Detector(time_cut_ns=0.0)
    with pytest.raises(ValueError, match="tail = 7 of the energy response"):
        Detector(tail=7.0)


def test_too_many_photons() -> None:
    block = photons_of(np.ones((28, 1)), np.full((28, 1), 1.5), np.zeros((28, 1)))
    with pytest.raises(ValueError, match=r"28 photons per event: .* model holds 27"):
        Detector(model=ClusterModel.SHOWER).simulate(block, start(1))
