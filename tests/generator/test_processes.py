"""Processes by name: the right sampler, refusals, streams that never meet."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from generator import alp
from generator.beams import Beams
from generator.phase_space import PhaseSpace
from generator.processes import _STREAMS, PROCESSES, sampler, stream
from generator.sampling import cross_section
from generator.signal import Exponential, Signal
from generator.three_photon import ThreePhoton

BEAMS, REGION = Beams(), PhaseSpace()


def test_every_name_gives_its_sampler() -> None:
    for process in PROCESSES:
        source = sampler(
            process, beams=BEAMS, phase_space=REGION, mass_GeV=1, coupling_per_GeV=1e-3
        )
        assert source.name == process
        assert source.slots == 3


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
        ("aaaa", None, None, "unknown process 'aaaa'; allowed: signal, aaa"),
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
