"""Processes by name: the right sampler, refusals, streams that never meet."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from generator import alp
from generator.beam_background import BeamBackground
from generator.beams import Beams
from generator.fusion import QSquaredMax
from generator.initial_state import InitialState
from generator.phase_space import PhaseSpace
from generator.processes import _STREAMS, PROCESSES, Options, sampler, stream
from generator.sampling import Sampler, cross_section
from generator.signal import Exponential, Signal
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from tests.compare import start

BEAMS, REGION = Beams(), PhaseSpace()


RADIATING = Options(
    initial=InitialState(True, 5.13e-3, 2.375e-3), running_alpha=True, track_loss=0.5
)


def made(process: str, options: Options | None = None) -> Sampler:
    return sampler(
        process,
        beams=BEAMS,
        phase_space=REGION,
        mass_GeV=1,
        coupling_per_GeV=1e-3,
        options=options,
    )


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("options", [None, RADIATING])
def test_every_name_gives_its_sampler(process: str, options: Options | None) -> None:
    """Blocks are complete, energies match the particles, the sample repeats."""
    source = made(process, options)
    assert source.name == process
    assert len(source.pdg) == len(source.parents) == source.slots
    first, second = (source.block(start(1), 1000, 1e-3) for _ in range(2))
    for name in ("energy", "theta", "phi", "weight_pb"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert np.isfinite(getattr(first, name)).all()
    assert first.energy.shape == (source.slots, LANES)
    assert not first.weight_pb[1000:].any()
    assert (first.weight_pb >= 0).all()
    assert first.weight_pb.sum() > 0
    kept = first.weight_pb > 0
    assert (first.energy[:, kept] > 0).all()


@pytest.mark.parametrize("process", PROCESSES)
def test_blocks_do_not_depend_on_how_many_events_are_used(process: str) -> None:
    source = made(process)
    few, many = (source.block(start(2), n, 1.0) for n in (300, LANES))
    np.testing.assert_array_equal(few.weight_pb[:300], many.weight_pb[:300])
    np.testing.assert_array_equal(few.energy, many.energy)


def test_options_reach_the_samplers() -> None:
    """Radiation, running couplings, lost tracks and background photons count."""

    def sigma(process: str, options: Options | None) -> float:
        seed = stream(process, 1, 1.0)
        return cross_section(made(process, options), seed, 200_000).sum_pb

    assert sigma("signal", Options(running_alpha=True)) == pytest.approx(
        sigma("signal", None) * 1.075, rel=2e-3
    )
    assert sigma("eea", Options(track_loss=0.5)) == pytest.approx(
        sigma("eea", Options(track_loss=1.0)) / 4, rel=0.02
    )
    more = Options(beam_background=BeamBackground(mean=0.2))
    expected = sigma("aa", None) * 2 * np.exp(-0.1)
    assert sigma("aa", more) == pytest.approx(expected, rel=1e-9)
    low = Options(q2_max=QSquaredMax.MASS)
    assert sigma("fusion", low) < 0.95 * sigma("fusion", None)
    radiating = Options(initial=InitialState(radiation=True))
    assert sigma("aaa", radiating) > 1.02 * sigma("aaa", None)


def test_the_signal_has_the_cross_section_and_lifetime_of_its_coupling() -> None:
    source = sampler(
        "signal", beams=BEAMS, phase_space=REGION, mass_GeV=0.5, coupling_per_GeV=2e-3
    )
    assert isinstance(source, Signal)
    expected = float(alp.production_cross_section_pb(0.5, 2e-3, BEAMS.s_GeV2))
    assert source.decay == Exponential(float(alp.proper_decay_length_cm(0.5, 2e-3)))
    total = cross_section(source, stream("signal", 1, 0.5), 1000)
    assert total.sum_pb == pytest.approx(expected)


def test_the_background_is_made_in_its_region() -> None:
    source = sampler("aaa", beams=BEAMS, phase_space=REGION)
    assert source == ThreePhoton(REGION, BEAMS)


@pytest.mark.parametrize(
    ("process", "mass", "coupling", "message"),
    [
        (
            "tea",
            None,
            None,
            "unknown process 'tea'; allowed: signal, fusion, aaa, aaaa",
        ),
        ("fusion", None, 1e-3, "process fusion needs a positive ALP mass"),
        ("fusion", 11.0, 1e-3, "11 GeV"),
        ("signal", None, 1e-3, "needs a positive ALP mass"),
        ("signal", -1.0, 1e-3, "needs a positive ALP mass"),
        ("signal", 1.0, None, "needs a positive coupling"),
        ("signal", 1.0, 0.0, "needs a positive coupling"),
        ("signal", 11.0, 1e-3, r"the range up to sqrt\(s\)"),
        ("signal", 1.0, np.inf, "need a positive decay length"),
        ("signal", float("nan"), 1e-3, "nan"),
    ],
)
def test_refusals(
    process: str, mass: float | None, coupling: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sampler(
            process,
            beams=BEAMS,
            phase_space=REGION,
            mass_GeV=mass,
            coupling_per_GeV=coupling,
        )


def test_streams_never_meet() -> None:
    """Other purposes, seeds, masses and chunks give other numbers; the same repeat."""
    streams = [
        stream(purpose, seed, mass)
        for purpose in _STREAMS
        for seed in (1, 2)
        for mass in (0.2, 0.200001)
    ]
    states = [s.chunk(index) for s in streams for index in (0, 1)]
    assert not any(
        np.array_equal(first, second) for first, second in combinations(states, 2)
    )
    np.testing.assert_array_equal(
        stream("aaa", 1).chunk(3), stream("aaa", 1, 0.0).chunk(3)
    )


def test_no_stream_number_is_used_twice() -> None:
    assert len(set(_STREAMS.values())) == len(_STREAMS)


def test_a_mass_has_one_stream_however_it_was_rounded() -> None:
    assert stream("signal", 1, 0.3) == stream("signal", 1, 0.1 + 0.2)


def test_an_unknown_purpose_is_an_error() -> None:
    with pytest.raises(KeyError):
        stream("tea", 1)
