"""Event files: what is written can be read, with config and seed inside."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

from generator.beams import Beams
from generator.files import EventWriter, Names, branches
from generator.fusion import Fusion
from generator.ingest import photons as ingest
from generator.ingest import read_root
from generator.sampling import Stream, blocks
from generator.signal import Exponential, Signal
from generator.simd import LANES
from generator.three_photon import ThreePhoton
from tests.compare import photons_of, sample

if TYPE_CHECKING:
    from pathlib import Path

    from generator.columns import Photons
    from generator.sampling import Sampler

BEAMS = Beams()
STREAM = Stream(1, 99)
PER_PHOTON = {f"{x}_{y}" for x in ("E", "theta", "phi") for y in ("cms", "lab")}


BASF2 = {
    *("clusterE", "clusterTheta", "clusterPhi"),
    *(f"useCMSFrame__bo{name}__bc" for name in ("E", "theta", "phi")),
}
TRUTH = {"mcPDG", "genMotherPDG"}
COUNTERS = {"__experiment__", "__run__", "__event__", "__weight__"}
DECAY = {"decay_x_cm", "decay_y_cm", "decay_z_cm", "proper_length_cm"}


def write(path: Path, events: list[Photons], **header: str) -> Path:
    with closing(EventWriter(path, BEAMS, header)) as writer:
        for block in events:
            writer.add(block)
    return path


def test_a_file_holds_the_columns_bit_for_bit(tmp_path: Path) -> None:
    """More blocks than one buffer, the last one not full."""
    n_events = 65 * LANES + 100
    events = [block for block, _ in blocks(ThreePhoton(), STREAM, n_events)]
    path = write(tmp_path / "x.root", events)
    with uproot.open(path) as file:
        tree = file["events"]
        assert tree.classname == "TTree"
        assert tree.num_entries == n_events
        assert set(tree.keys()) == {"weight_pb", "nphoton", *PER_PHOTON}
        weight, energy = tree["weight_pb"].array(), tree["E_lab"].array()
        phi = tree["phi_lab"].array()
    wanted = [np.concatenate([b.weight_pb[: b.n_events] for b in events])]
    wanted += [
        np.concatenate([getattr(b, name)[:, : b.n_events].T for b in events])
        for name in ("energy", "phi")
    ]
    for found, expected in zip((weight, energy, phi), wanted, strict=True):
        np.testing.assert_array_equal(ak.to_numpy(found), expected)


def test_the_header_is_text_beside_the_tree(tmp_path: Path) -> None:
    config = 'title = "γγγ"\nseed = 3\n'
    path = write(tmp_path / "x.root", sample(Signal(1.0), 1, 1), config=config, a="b")
    with uproot.open(path) as file:
        assert str(file["config"]) == config
        assert str(file["a"]) == "b"


def test_cms_columns_conserve_energy() -> None:
    found = branches(sample(Signal(2.0), 1, 1)[0], BEAMS)
    total = ak.sum(found["photon"]["E_cms"], axis=1).to_numpy()
    np.testing.assert_allclose(total, BEAMS.sqrt_s_GeV, rtol=1e-5)
    along = found["photon"]["E_cms"] * np.cos(found["photon"]["theta_cms"])
    np.testing.assert_allclose(ak.sum(along, axis=1).to_numpy(), 0.0, atol=1e-4)


def test_absent_photons_are_not_written(tmp_path: Path) -> None:
    energy = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 5.0], [3.0, 4.0, 0.0]])
    block = photons_of(energy, np.full((3, 3), 1.0), np.full((3, 3), 0.5))
    path = write(tmp_path / "x.root", [block])
    with uproot.open(path) as file:
        assert file["events/nphoton"].array().to_list() == [3, 1, 1]
        assert file["events/E_lab"].array().to_list() == [[1, 2, 3], [4], [5]]


def test_decays_of_the_signal_are_written(tmp_path: Path) -> None:
    block = sample(Signal(0.3, decay=Exponential(0.1)), 1, 1)[0]
    path = write(tmp_path / "x.root", [block])
    assert block.vertex_cm is not None
    assert block.proper_length_cm is not None
    with uproot.open(path) as file:
        for axis, column in zip("xyz", block.vertex_cm, strict=True):
            found = file[f"events/decay_{axis}_cm"].array().to_numpy()
            np.testing.assert_array_equal(found, column)
        length = file["events/proper_length_cm"].array().to_numpy()
    np.testing.assert_array_equal(length, block.proper_length_cm)


def test_prompt_events_have_no_decay_columns() -> None:
    assert set(branches(sample(Signal(1.0), 1, 1)[0], BEAMS)) == {"weight_pb", "photon"}


@pytest.mark.parametrize("n_events", [1, LANES, LANES + 7])
def test_own_files_can_be_read_back(tmp_path: Path, n_events: int) -> None:
    events = [block for block, _ in blocks(ThreePhoton(), STREAM, n_events)]
    again = list(ingest(read_root(write(tmp_path / "x.root", events))))
    assert sum(block.n_events for block in again) == n_events
    for before, after in zip(events, again, strict=True):
        n = before.n_events
        for name in ("energy", "theta", "phi"):
            np.testing.assert_array_equal(
                getattr(after, name)[:, :n], getattr(before, name)[:, :n]
            )
        np.testing.assert_array_equal(after.weight_pb[:n], before.weight_pb[:n])
        assert not after.weight_pb[n:].any()


def write_all(
    path: Path, source: Sampler, n_events: int = 500, **options: Any
) -> list[Photons]:
    found = [block for block, _ in blocks(source, STREAM, n_events)]
    with closing(EventWriter(path, BEAMS, {}, source=source, **options)) as writer:
        for block in found:
            writer.add(block)
    return found


FUSION = Fusion(0.3, 1e-3, Exponential(0.5))
LAYOUTS = [(names, rntuple) for names in Names for rntuple in (False, True)]


@pytest.mark.parametrize(("names", "rntuple"), LAYOUTS)
def test_every_layout_has_the_same_events(
    tmp_path: Path, names: Names, *, rntuple: bool
) -> None:
    """Read by uproot, and as events of this package: electrons prompt, photons not."""
    path = tmp_path / "x.root"
    (block,) = write_all(path, FUSION, names=names, rntuple=rntuple)
    with uproot.open(path) as file:
        tree = file["events"]
        assert file.classname_of("events") == ("ROOT::RNTuple" if rntuple else "TTree")
        per_particle = PER_PHOTON if names is Names.OURS else BASF2
        expected = per_particle | TRUTH | DECAY | {"weight_pb"}
        if names is Names.BASF2:
            expected |= COUNTERS
        if not rntuple:
            expected |= {"nphoton" if names is Names.OURS else "__ncandidates__"}
        assert set(tree.keys()) == expected
        assert tree["mcPDG"].array().to_list() == [[11, -11, 22, 22]] * 500
        mothers = tree["genMotherPDG"].array().to_list()
        assert mothers == [[0, 0, 9000006, 9000006]] * 500
        told = {line.split(":")[0] for line in str(file["columns"]).splitlines()}
        assert told == expected - {"nphoton", "__ncandidates__"}
    (again,) = ingest(read_root(path))
    assert again.n_prompt == 2
    for name in ("energy", "theta", "weight_pb", "vertex_cm"):
        np.testing.assert_array_equal(
            getattr(again, name)[..., :500], getattr(block, name)[..., :500]
        )
    np.testing.assert_allclose(again.phi[:, :500], block.phi[:, :500], rtol=1e-14)


@pytest.mark.parametrize("rntuple", [False, True])
def test_columns_of_basf2(tmp_path: Path, *, rntuple: bool) -> None:
    """Events numbered from 1 over all baskets; azimuths in (−π, π]."""
    path, n = tmp_path / "x.root", 66 * LANES
    write_all(path, ThreePhoton(), n, names=Names.BASF2, rntuple=rntuple)
    with uproot.open(path) as file:
        tree = file["events"]
        number = tree["__event__"].array().to_numpy()
        np.testing.assert_array_equal(number, np.arange(1, n + 1))
        np.testing.assert_array_equal(
            tree["__weight__"].array(), tree["weight_pb"].array()
        )
        phi, energy = tree["clusterPhi"].array(), tree["clusterE"].array()
        energy_cms = tree["useCMSFrame__boE__bc"].array()
    assert ak.min(phi) < -3.14 < 3.14 < ak.max(phi) <= np.pi
    total = ak.sum(energy_cms, axis=1).to_numpy()
    np.testing.assert_allclose(total, BEAMS.sqrt_s_GeV, rtol=1e-5)
    total = ak.sum(energy, axis=1).to_numpy()
    np.testing.assert_allclose(total, 11.007, rtol=1e-5)


def test_names_of_basf2_are_escaped_as_it_does() -> None:
    """MakeROOTCompatible: "(" becomes "__bo", ")" becomes "__bc"."""
    escaped = {"E", "theta", "phi"}
    expected = {
        f"useCMSFrame({name})".replace("(", "__bo").replace(")", "__bc")
        for name in escaped
    }
    block = sample(Signal(1.0), 1, 1)[0]
    found = branches(block, BEAMS, names=Names.BASF2)["photon"]
    assert expected <= set(ak.fields(found)) == BASF2


def test_truth_needs_its_source() -> None:
    block = sample(Signal(1.0), 1, 1)[0]
    assert not TRUTH & set(ak.fields(branches(block, BEAMS)["photon"]))
    found = branches(block, BEAMS, source=Signal(1.0, parent=221))["photon"]
    assert found["genMotherPDG"][0].to_list() == [0, 221, 221]
    assert found["mcPDG"].type.content.content.primitive == "int32"


def test_truth_follows_the_photons_that_are_there() -> None:
    energy = np.array([[0.0], [2.0], [3.0]])
    block = photons_of(energy, np.full((3, 1), 1.0), np.full((3, 1), 0.5))
    found = branches(block, BEAMS, source=Signal(1.0, parent=111))["photon"]
    assert found["genMotherPDG"].to_list() == [[111, 111]]
