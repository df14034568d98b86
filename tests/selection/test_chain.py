"""Generator to window against the plain-numpy reference, stage by stage.

The reference measures distances in crystal indices, so the detector does here. All
checks of a test together raise a false alarm once in 10³ seeds (Bonferroni).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from scipy import stats

from detector.separation import Distance, MergeRule
from detector.simulate import Detector
from detector.trigger import Trigger
from generator.beams import Beams
from generator.phase_space import PhaseSpace
from generator.sampling import Sampler, Stream, blocks
from generator.signal import Exponential, Prompt, Signal
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from selection.candidates import Cuts, SelectionName, select
from selection.tally import Tally
from selection.windows import Observable, Window, table
from tests.reference import chain
from tests.reference import selection as reference
from tests.reference import three_photon as reference_background
from tests.reference.detector import Rings, Rule, Settings, load_rings

if TYPE_CHECKING:
    from tests.compare import Floats

MASSES = (0.2, 0.3, 1.0, 3.0, 8.0)
SIGMA_M2 = {0.2: 0.004, 0.3: 0.007, 1.0: 0.033, 3.0: 0.2, 8.0: 0.8}
SIGMA_RECOIL = 0.08
N_EVENTS = 60 * LANES
N_REFERENCE = 60_000
FALSE_ALARM_OF_ALL = 1e-3


class Flow(NamedTuple):
    """What is left after every stage, the window included; (low, high) × 7."""

    value: Floats
    variance: Floats


def windows_at(mass: float, observable: Observable) -> dict[SelectionName, Window]:
    """Return the windows of both selections; low always looks at m²."""
    found = {}
    for name in SelectionName:
        recoil = name is SelectionName.HIGH and observable is Observable.RECOIL
        s, kind = Beams().s_GeV2, Observable.RECOIL if recoil else Observable.M2
        centre = (s - mass**2) / (2 * np.sqrt(s)) if recoil else mass**2
        sigma = SIGMA_RECOIL if recoil else SIGMA_M2[mass]
        found[name] = Window(
            mass, name, kind, sigma, centre - 3 * sigma, centre + 1.5 * sigma
        )
    return found


def product_flow(
    sampler: Sampler,
    detector: Detector,
    windows: dict[SelectionName, Window],
    n_events: int = N_EVENTS,
) -> Flow:
    tally = Tally(table(list(windows.values())))
    beams, cuts = Beams(), Cuts()
    for photons, state in blocks(sampler, Stream(1, 1), n_events):
        tally.add(select(detector.simulate(photons, state), beams, cuts))
    last = tally.in_windows()[:, :, 0]
    passed = tally.passed()
    value, squares = (
        np.concatenate([passed[:, power], last[power][:, None]], axis=1)
        for power in (0, 1)
    )
    return Flow(value, squares)


def detector_of(
    crystals: int,
    rule: MergeRule = MergeRule.SQUARE,
    distance: Distance = Distance.INDEX,
) -> Detector:
    return Detector(
        merge_crystals=crystals,
        merge_rule=rule,
        merge_distance=distance,
        trigger=Trigger(merge_crystals=4),
    )


def reference_windows(
    windows: dict[SelectionName, Window],
) -> dict[reference.Name, reference.Window]:
    kinds = {
        Observable.M2: reference.Observable.MASS_SQUARED,
        Observable.RECOIL: reference.Observable.RECOIL,
    }
    return {
        reference.Name(name.value): reference.Window(
            kinds[item.observable], item.low, item.high
        )
        for name, item in windows.items()
    }


@cache
def reference_counts(
    mass: float,
    crystals: int,
    observable: Observable = Observable.M2,
    rule: Rule = Rule.SQUARE,
    ctau_cm: float = 0.0,
    *,
    impact: bool = False,
) -> Floats:
    """Return events after every stage, (low, high) × 7, of N_REFERENCE."""
    flows = chain.signal_chain(
        N_REFERENCE,
        mass,
        np.random.default_rng(int(1000 * mass) + crystals),
        Settings(crystals, rule, impact=impact),
        load_rings(),
        reference_windows(windows_at(mass, observable)),
        ctau_cm,
    )
    return np.array([flows[name].value for name in reference.Name])


def smallest_pvalue(found: Floats, n_found: int, expected: Floats, n: int) -> float:
    """Return the smallest p-value of equal shares, times the number of checks."""
    pvalues = []
    for mine, theirs in zip(found.ravel(), expected.ravel(), strict=True):
        cells = np.array([[mine, n_found - mine], [theirs, n - theirs]]).round()
        if 0 < cells[:, 0].sum() < cells.sum():
            pvalues.append(float(stats.fisher_exact(cells.astype(int)).pvalue))
    return min(pvalues) * len(pvalues)


def signal_pvalue(mass: float, detector: Detector, expected: Floats) -> float:
    flow = product_flow(Signal(mass), detector, windows_at(mass, Observable.M2))
    return smallest_pvalue(flow.value * N_EVENTS, N_EVENTS, expected, N_REFERENCE)


def test_signal_efficiencies() -> None:
    """Five masses × N = 1, 2, 4 × two selections × six stages."""
    grid = [(mass, crystals) for mass in MASSES for crystals in (1, 2, 4)]
    for mass, crystals in grid:
        expected = reference_counts(mass, crystals)
        pvalue = signal_pvalue(mass, detector_of(crystals), expected)
        assert pvalue > FALSE_ALARM_OF_ALL / len(grid), (mass, crystals)


@pytest.mark.parametrize("mass", [0.2, 0.3, 1.0])
def test_distance_between_impact_points(mass: float) -> None:
    """The default measure; counting indices instead is noticed where photons merge."""
    expected = reference_counts(mass, 2, impact=True)
    impact = detector_of(2, distance=Distance.IMPACT)
    assert signal_pvalue(mass, impact, expected) > FALSE_ALARM_OF_ALL / 3
    if mass < 0.5:
        assert signal_pvalue(mass, detector_of(2), expected) < FALSE_ALARM_OF_ALL / 3


@pytest.mark.parametrize(("mass", "crystals"), [(0.2, 2), (0.3, 2), (1.0, 2)])
def test_wrong_detectors_are_noticed(mass: float, crystals: int) -> None:
    """Negative controls: photons lost in 2 %, one crystal more."""
    expected = reference_counts(mass, crystals)
    wrong = [replace(detector_of(crystals), photon_efficiency=0.98)]
    if mass < 0.5:
        wrong.append(detector_of(crystals + 1))
    for detector in wrong:
        assert signal_pvalue(mass, detector, expected) < FALSE_ALARM_OF_ALL / 15


def test_narrow_window_sees_the_resolution() -> None:
    """±σ/2 around 1 GeV, and the control: the same at a pair mass 1 % higher."""
    item = windows_at(1.0, Observable.M2)[SelectionName.LOW]
    narrow = {name: moved(item, name, 1.0) for name in SelectionName}
    flows = chain.signal_chain(
        N_REFERENCE,
        1.0,
        np.random.default_rng(6),
        Settings(),
        load_rings(),
        reference_windows(narrow),
    )
    expected = np.array([flows[name].value for name in reference.Name])
    right = product_flow(Signal(1.0), detector_of(2), narrow)
    assert compare(right, expected) > FALSE_ALARM_OF_ALL
    shifted = {name: moved(item, name, 1.02) for name in SelectionName}
    wrong = product_flow(Signal(1.0), detector_of(2), shifted)
    assert compare(wrong, expected) < FALSE_ALARM_OF_ALL


def moved(item: Window, name: SelectionName, factor: float) -> Window:
    centre, half = factor * item.mass_GeV**2, item.sigma / 2
    return replace(item, selection=name, low=centre - half, high=centre + half)


def test_cross_rule_recoil_window_and_lifetime() -> None:
    cross = product_flow(
        Signal(1.0), detector_of(2, MergeRule.CROSS), windows_at(1.0, Observable.M2)
    )
    expected = reference_counts(1.0, 2, rule=Rule.CROSS)
    assert compare(cross, expected) > FALSE_ALARM_OF_ALL / 3
    square = reference_counts(1.0, 2)
    assert compare(cross, square) < FALSE_ALARM_OF_ALL / 3
    recoil = product_flow(
        Signal(8.0), detector_of(2), windows_at(8.0, Observable.RECOIL)
    )
    expected = reference_counts(8.0, 2, Observable.RECOIL)
    assert compare(recoil, expected) > FALSE_ALARM_OF_ALL / 3
    late = product_flow(
        Signal(0.3, decay=Exponential(1.0)),
        detector_of(2),
        windows_at(0.3, Observable.M2),
    )
    expected = reference_counts(0.3, 2, ctau_cm=1.0)
    assert compare(late, expected) > FALSE_ALARM_OF_ALL / 3
    shorter = reference_counts(0.3, 2, ctau_cm=0.8)
    assert compare(late, shorter) < FALSE_ALARM_OF_ALL / 3


def compare(flow: Flow, expected: Floats) -> float:
    found = flow.value * N_EVENTS
    return smallest_pvalue(found, N_EVENTS, expected, N_REFERENCE)


def background_pulls(
    rings: Rings, crystals: int, found: Flow, windows: dict[SelectionName, Window]
) -> Floats:
    """Return pulls of the cross sections after every stage, (low, high) × 7."""
    flows = chain.three_photon_chain(
        300_000,
        np.random.default_rng(5),
        Settings(crystals),
        rings,
        reference_windows(windows),
        reference_background.Region(15, 152, energy_min_cms=0.2),
    )
    value = np.array([flows[name].value for name in reference.Name])
    error2 = np.array([flows[name].error ** 2 for name in reference.Name])
    return np.asarray((found.value - value) / np.sqrt(error2 + found.variance))


def test_background_cross_sections() -> None:
    """e⁺e⁻ → γγγ [pb] after every stage: fourteen pulls."""
    space = PhaseSpace((15.0, 152.0), 0.2)
    windows = windows_at(3.0, Observable.M2)
    limit = float(stats.norm.isf(FALSE_ALARM_OF_ALL / 2 / 14))
    flow = product_flow(ThreePhoton(space), detector_of(2), windows, 300 * LANES)
    pulls = background_pulls(load_rings(), 2, flow, windows)
    assert np.abs(pulls).max() < limit
    # negative control: 2 % more of everything
    more = Flow(1.02 * flow.value, flow.variance)
    assert np.abs(background_pulls(load_rings(), 2, more, windows)).max() > limit


def test_quick_signal_chain() -> None:
    """One mass in every run: 0.3 GeV, where merging bites."""
    expected = reference_counts(0.3, 2)
    pvalue = signal_pvalue(0.3, detector_of(2), expected)
    assert pvalue > FALSE_ALARM_OF_ALL


def test_cut_flow_falls() -> None:
    for sampler in (Signal(0.5, decay=Prompt()), ThreePhoton()):
        windows = windows_at(1.0, Observable.M2)
        flow = product_flow(sampler, Detector(), windows, 20 * LANES)
        assert np.all(np.diff(flow.value, axis=1) <= 1e-12)
        assert np.all(np.diff(flow.variance, axis=1) <= 1e-12)


def test_efficiency_rises_with_better_separation() -> None:
    values = [
        product_flow(
            Signal(0.25),
            Detector(merge_crystals=n),
            windows_at(0.2, Observable.M2),
            20 * LANES,
        ).value[0, 1]
        for n in (1, 2, 3, 4)
    ]
    assert np.all(np.diff(values) < 0)
