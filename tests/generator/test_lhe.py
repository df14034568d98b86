"""Les Houches events, read back with pylhe: momenta, mothers, weights, lifetimes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pylhe
import pytest

from generator.beam_background import BeamBackground
from generator.beams import Beams
from generator.fusion import Fusion
from generator.initial_state import InitialState
from generator.lhe import refuse_background, write_lhe
from generator.mesons import meson_photon
from generator.omega import OmegaPhoton
from generator.pdg import ALP, ELECTRON, ETA, OMEGA, PHOTON, PI0, POSITRON
from generator.phase_space import PhaseSpace
from generator.sampling import CrossSection, Stream, blocks, cross_section
from generator.signal import Exponential, Signal
from generator.three_photon import ThreePhoton
from generator.two_photon import TwoPhoton
from tests.compare import N_SIGMA, Floats

if TYPE_CHECKING:
    from pathlib import Path

    from generator.sampling import Sampler

BEAMS = Beams()
STREAM = Stream(3, 99)
RADIATION = InitialState(radiation=True, electron_spread_GeV=0.005)
ROUNDING_GEV = 1e-5
"""Single precision of 7 GeV and of the angles; the last digit of the file is smaller."""


def write(path: Path, source: Sampler, n: int = 500, **header: str) -> CrossSection:
    total = cross_section(source, STREAM, n)
    write_lhe(
        path,
        (block for block, _ in blocks(source, STREAM, n)),
        source=source,
        beams=BEAMS,
        total=total,
        error_pb=total.error_pb,
        header=header,
        compress=path.suffix == ".gz",
    )
    return total


def read(path: Path) -> tuple[pylhe.LHEInit, list[pylhe.LHEEvent]]:
    file = pylhe.LHEFile.fromfile(path)
    return file.init, list(file.events)


def momenta(event: pylhe.LHEEvent, *status: int) -> Floats:
    rows = [p for p in event.particles if p.status in status]
    return np.array([[p.e, p.px, p.py, p.pz] for p in rows])


SIGNAL = Signal(0.2, 3.0, Exponential(0.7), initial=RADIATION)
SAMPLERS: list[tuple[Sampler, list[int]]] = [
    (SIGNAL, [PHOTON, PHOTON, PHOTON]),
    (Fusion(1.0, 1e-3), [ELECTRON, POSITRON, PHOTON, PHOTON]),
    (ThreePhoton(initial=RADIATION), [PHOTON] * 3),
    (TwoPhoton(PhaseSpace(), background=BeamBackground(mean=0.0)), [PHOTON] * 2),
    (OmegaPhoton(), [PHOTON] * 4),
]
IDS = [source.name for source, _ in SAMPLERS]


@pytest.mark.parametrize(("source", "final"), SAMPLERS, ids=IDS)
def test_momentum_is_conserved_everywhere(
    tmp_path: Path, source: Sampler, final: list[int]
) -> None:
    """In the collision and in every decay; the incoming ones are on the beam lines."""
    write(tmp_path / "x.lhe", source)
    _, events = read(tmp_path / "x.lhe")
    for event in events:
        incoming, outgoing = momenta(event, -1), momenta(event, 1)
        assert [p.id for p in event.particles if p.status == 1] == final
        assert [p.id for p in event.particles[:2]] == [ELECTRON, POSITRON]
        assert [p.status for p in event.particles[:2]] == [-1, -1]
        lost = incoming.sum(axis=0) - outgoing.sum(axis=0)
        np.testing.assert_allclose(lost, 0.0, atol=ROUNDING_GEV)
        for p, beam in zip(incoming, (BEAMS.electron, BEAMS.positron), strict=True):
            np.testing.assert_allclose(p / p[0], beam / beam[0], atol=1e-8)
        for index, parent in enumerate(event.particles, start=1):
            if parent.status != 2:
                continue
            children = [p for p in event.particles if p.mother1 == index]
            assert len(children) == 2
            for part in ("e", "px", "py", "pz"):
                total = sum(getattr(p, part) for p in children)
                assert total == pytest.approx(getattr(parent, part), abs=1e-7)


def test_nominal_beams_come_in_with_their_energies(tmp_path: Path) -> None:
    """To rounding; with radiation with less, and never more."""
    write(tmp_path / "n.lhe", ThreePhoton())
    write(tmp_path / "r.lhe", ThreePhoton(initial=InitialState(radiation=True)))
    init, events = read(tmp_path / "n.lhe")
    expected = np.array([BEAMS.electron, BEAMS.positron])
    assert (init.initInfo.beamA, init.initInfo.beamB) == (ELECTRON, POSITRON)
    assert (init.initInfo.energyA, init.initInfo.energyB) == (7.007, 4.0)
    for event in events:
        np.testing.assert_allclose(momenta(event, -1), expected, atol=ROUNDING_GEV)
        assert event.eventinfo.scale == pytest.approx(BEAMS.sqrt_s_GeV, rel=1e-6)
    brought = np.array([momenta(e, -1)[:, 0] for e in read(tmp_path / "r.lhe")[1]])
    assert np.all(brought <= expected[:, 0] + ROUNDING_GEV)
    assert brought.min() < 3.0


def test_mothers_masses_and_lifetimes(tmp_path: Path) -> None:
    write(tmp_path / "x.lhe", SIGNAL, 2000)
    _, events = read(tmp_path / "x.lhe")
    block = next(blocks(SIGNAL, STREAM, 2000))[0]
    assert block.proper_length_cm is not None
    inside = block.weight_pb[: block.n_events] > 0.0
    length_mm = 10.0 * block.proper_length_cm[: block.n_events][inside]
    assert len(events) == inside.sum() < 2000  # some are below threshold: none written
    for event, expected in zip(events, length_mm, strict=True):
        alp, recoil, *pair = event.particles[2:]
        assert (alp.id, alp.status) == (ALP, 2)
        assert alp.m == pytest.approx(0.2, rel=1e-4)
        assert alp.lifetime == pytest.approx(expected, rel=1e-3)
        assert [p.id for p in event.mothers(alp)] == [ELECTRON, POSITRON]
        assert [p.id for p in event.mothers(recoil)] == [ELECTRON, POSITRON]
        assert all(event.mothers(p) == [alp] for p in pair)
        assert {p.lifetime for p in (recoil, *pair)} == {0.0}
        assert {p.spin for p in event.particles} == {9.0}
        assert {p.color1 for p in event.particles} == {0}
    mean = np.mean([e.particles[2].lifetime for e in events])
    assert abs(mean / 7.0 - 1.0) < N_SIGMA / len(events) ** 0.5


def test_a_decay_within_a_decay(tmp_path: Path) -> None:
    """γω, ω → π⁰γ, π⁰ → γγ; the ω's photon is no daughter of the π⁰."""
    write(tmp_path / "x.lhe", OmegaPhoton())
    for event in read(tmp_path / "x.lhe")[1]:
        omega, pion, recoil, single, first, second = event.particles[2:]
        assert (omega.id, pion.id) == (OMEGA, PI0)
        assert omega.m == pytest.approx(0.78266, abs=1e-4)
        assert pion.m == pytest.approx(0.134977, abs=1e-4)
        assert event.mothers(pion) == event.mothers(single) == [omega]
        assert event.mothers(first) == event.mothers(second) == [pion]
        assert event.mothers(recoil) == event.particles[:2]


def test_mesons_have_their_number(tmp_path: Path) -> None:
    write(tmp_path / "x.lhe", meson_photon("etagamma", beams=BEAMS), 10)
    particle = read(tmp_path / "x.lhe")[1][0].particles[2]
    assert (particle.id, particle.status) == (ETA, 2)


@pytest.mark.parametrize("source", [SIGNAL, ThreePhoton()], ids=["signal", "aaa"])
def test_the_mean_weight_is_the_cross_section(tmp_path: Path, source: Sampler) -> None:
    """IDWTUP −4, the events of weight 0 left out. The control is their mean with them."""
    n = 3000
    total = write(tmp_path / "x.lhe", source, n)
    init, events = read(tmp_path / "x.lhe")
    weights = np.array([event.eventinfo.weight for event in events])
    assert init.initInfo.weightingStrategy == -4
    (process,) = init.procInfo
    assert process.xSection == pytest.approx(total.sum_pb, rel=1e-6)
    assert process.error == pytest.approx(total.error_pb, rel=1e-6)
    assert process.unitWeight == pytest.approx(weights.max(), rel=1e-6)
    assert {event.eventinfo.pid for event in events} == {process.procId}
    assert weights.mean() == pytest.approx(total.sum_pb, rel=1e-9)
    assert len(events) == total.n_inside < n
    assert weights.sum() / n != pytest.approx(total.sum_pb, rel=1e-4)


def test_momenta_are_those_of_the_sampler(tmp_path: Path) -> None:
    source = ThreePhoton()
    write(tmp_path / "x.lhe", source, 100)
    block = next(blocks(source, STREAM, 100))[0]
    kept = np.flatnonzero(block.weight_pb[:100])
    for lane, event in zip(kept, read(tmp_path / "x.lhe")[1], strict=True):
        for slot, (e, x, y, z) in enumerate(momenta(event, 1)):
            energy, theta = block.energy[slot, lane], block.theta[slot, lane]
            phi = block.phi[slot, lane]
            assert e == pytest.approx(energy, rel=1e-7)
            assert np.arccos(z / e) == pytest.approx(theta, abs=1e-6)
            assert np.arctan2(y, x) % (2 * np.pi) == pytest.approx(phi, abs=1e-6)


def test_the_header_survives(tmp_path: Path) -> None:
    config = 'title = "γγ < γγγ & more"\nseed = 3\n'
    write(tmp_path / "x.lhe", ThreePhoton(), 10, config=config)
    header = pylhe.LHEFile.fromfile(tmp_path / "x.lhe", generator=False).header
    assert header is not None
    (element,) = header.extra_elements
    assert (element.tag, element.text) == ("config", f"\n{config}")


def test_compressed_files_hold_the_same(tmp_path: Path) -> None:
    """Also the same bytes under any name."""
    for name in ("x.lhe", "a.gz", "b.gz"):
        write(tmp_path / name, ThreePhoton(), 50)
    plain, packed, again = (
        (tmp_path / n).read_bytes() for n in ("x.lhe", "a.gz", "b.gz")
    )
    assert gzip.decompress(packed) == plain
    assert packed == again
    assert len(read(tmp_path / "a.gz")[1]) == len(read(tmp_path / "x.lhe")[1])


def test_no_events_make_an_empty_file(tmp_path: Path) -> None:
    """A region that no photon is energetic enough for."""
    total = write(tmp_path / "x.lhe", ThreePhoton(PhaseSpace(energy_cms_min_GeV=4.0)))
    init, events = read(tmp_path / "x.lhe")
    assert (total.sum_pb, events) == (0.0, [])
    assert init.procInfo[0].xSection == 0.0


def test_beam_background_is_refused(tmp_path: Path) -> None:
    source = TwoPhoton(PhaseSpace(), background=BeamBackground(mean=0.1))
    message = "process aa has a beam-background photon"
    with pytest.raises(ValueError, match=message):
        refuse_background(source)
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "x.lhe", source)
    assert not (tmp_path / "x.lhe").exists()
