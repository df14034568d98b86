"""`alpenglow simulate`: the detector on a file of true photons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import pytest
import uproot

from detector.trigger_lines import L1Line
from generator.beams import Beams
from generator.ingest import read_root
from selection.candidates import Cuts, Stage, select
from selection.ntuple import clusters
from study.display import draw_display
from study.errors import InputError
from study.load import override, parse
from study.sample import write_sample
from study.simulate_file import simulate_file
from tests.study.small import alpenglow, small_config

if TYPE_CHECKING:
    from pathlib import Path

    from study.config import Config

N = 5000


@pytest.fixture(scope="module")
def photons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photons") / "signal.root"
    write_sample("signal", N, path, small_config(), mass_GeV=1.0)
    return path


def shower_config(*more: str) -> Config:
    return parse(override({}, ["detector.model=shower", *more]), "test")


@pytest.mark.parametrize("model", ["separation", "shower"])
def test_the_file_can_be_selected(photons: Path, tmp_path: Path, model: str) -> None:
    """generate → simulate → select through files keeps what the chain keeps."""
    out = tmp_path / "clusters.root"
    config = small_config(f"detector.model={model}")
    report = simulate_file(photons, out, config, names="ours")
    assert f"{N} events" in report
    assert f"({model} model)" in report
    passed = total = 0.0
    for block in clusters(read_root(out)):
        events = select(block, Beams(), Cuts()).as_awkward()
        total += float(ak.sum(events.weight_pb))
        passed += float(
            ak.sum(events.weight_pb[events.level_low >= int(Stage.HELICITY)])
        )
    assert passed / total == pytest.approx(0.48, abs=0.05)


def test_branches_of_showers(photons: Path, tmp_path: Path) -> None:
    out = tmp_path / "clusters.root"
    simulate_file(photons, out, shower_config(), names="ours")
    with uproot.open(out) as file:
        events = file["events"].arrays()
        texts = {name: str(file[name]) for name in ("columns", "l1_bits", "config")}
    assert len(events) == N
    energy = events["E_lab"]
    assert np.all(ak.num(energy) == events["ncluster"])
    for name in ("e1_e9", "e9_e21"):
        assert ak.all((events[name] > 0.0) & (events[name] < 1.0 + 1e-6))
    width = ak.to_numpy(ak.flatten(events["width_cm"][energy > 1.0]))
    assert 1.0 < float(np.median(width)) < 5.0
    share = np.mean((ak.to_numpy(events["l1"]) & L1Line.EHIGH.bit) != 0)
    assert share > 0.85  # the others have all photons beside the calorimeter, or nearly
    assert "e9_e21: 3x3 over the 21 crystals" in texts["columns"]
    assert texts["l1_bits"].splitlines()[0].startswith("0 elow: ")
    assert 'model = "shower"' in texts["config"]


def test_merged_pairs_are_wider_than_photons(tmp_path: Path) -> None:
    """What second moments are for: pairs of a 0.1 GeV ALP against recoil photons."""
    source, out = tmp_path / "light.root", tmp_path / "clusters.root"
    config = shower_config("detector.background_level=low")
    write_sample("signal", N, source, config, mass_GeV=0.1)
    simulate_file(source, out, config, names="ours")
    with uproot.open(out) as file:
        events = file["events"].arrays()
    two = events[ak.sum(events["E_lab"] > 1.0, axis=1) == 2]
    hard = two["width_cm"][two["E_lab"] > 1.0]
    widths = np.sort(ak.to_numpy(hard), axis=1)
    assert np.median(widths[:, 1]) > 1.15 * np.median(widths[:, 0])


def test_names_of_basf2_and_times(photons: Path, tmp_path: Path) -> None:
    out = tmp_path / "clusters.root"
    config = shower_config("detector.beam_background.mean=0.3")
    simulate_file(photons, out, config, names="basf2")
    with uproot.open(out) as file:
        tree = file["events"]
        found = set(tree.keys())
        phi = ak.to_numpy(ak.flatten(tree["clusterPhi"].array()))
        time = ak.to_numpy(ak.flatten(tree["clusterTiming"].array()))
    assert {"clusterE", "clusterTheta", "clusterE1E9", "clusterE9E21"} <= found
    assert -np.pi < phi.min() < 0.0 < phi.max() <= np.pi
    assert 3.0 < np.abs(time).max() < 200.0


def test_a_seed_is_a_result(photons: Path, tmp_path: Path) -> None:
    energies = []
    for seed in (1, 1, 2):
        out = tmp_path / "clusters.root"
        simulate_file(photons, out, small_config(f"seed={seed}"), names="ours")
        with uproot.open(out) as file:
            energies.append(ak.flatten(file["events"]["E_lab"].array()).to_list())
    assert energies[0] == energies[1]
    assert energies[0] != energies[2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.root", None, "none.root"),
        ("text.root", b"no ROOT file at all", "text.root"),
    ],
)
def test_unreadable_files(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        simulate_file(
            tmp_path / name, tmp_path / "out.root", small_config(), names="ours"
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.root").exists()


def test_a_tree_without_photons(tmp_path: Path) -> None:
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {"x": np.float64}).extend({"x": np.zeros(3)})
    with pytest.raises(InputError, match=r"other\.root: no column for E"):
        simulate_file(path, tmp_path / "out.root", small_config(), names="ours")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "clusters.csv"), "--out clusters.csv: allowed suffix: .root"),
        (
            ("--out", "c.root", "--names", "theirs"),
            "--names theirs: allowed: ours, basf2",
        ),
        (("--out", "c.root", "--set", "detector.model=round"), "detector.model: "),
        (("--out", "c.root", "--set", 'detector.trigger.l1=["lml77"]'), "'lml77'"),
    ],
)
def test_bad_options(photons: Path, options: tuple[str, ...], message: str) -> None:
    done = alpenglow("simulate", photons, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_does_not_overwrite_its_source(photons: Path) -> None:
    with pytest.raises(InputError, match="is the file to read"):
        simulate_file(photons, photons, small_config(), names="ours")


def test_clusters_are_no_photons(photons: Path, tmp_path: Path) -> None:
    """The detector must not be applied twice, nor clusters be drawn as photons."""
    clusters_file = tmp_path / "clusters.root"
    for names in ("ours", "basf2"):
        simulate_file(photons, clusters_file, small_config(), names=names)
        with pytest.raises(
            InputError, match=r"clusters\.root: holds clusters, not true"
        ):
            simulate_file(
                clusters_file, tmp_path / "x.root", small_config(), names="ours"
            )
        with pytest.raises(
            InputError, match=r"clusters\.root: holds clusters, not true"
        ):
            draw_display(str(clusters_file), 0, tmp_path / "x.png", small_config())
