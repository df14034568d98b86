"""``alpenglow sample``: complete files, honest cross sections, seeds, interruption."""

from __future__ import annotations

import signal
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from tests.reference.checks import N_SIGMA
from tests.study.small import alpenglow, contents, start_alpenglow, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.study.small import Run


def sampled(path: Path) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return the branches, ragged ones as (n, 3), and the stored configuration."""
    with uproot.open(path) as file:
        tree = file["events"]
        assert tree.classname == "TTree"
        arrays = {
            name: np.asarray(tree[name].array().to_numpy())
            for name in tree.keys()  # noqa: SIM118  # a TTree, not a dict
        }
        record = tomllib.loads(str(file["sample"]))
        config = tomllib.loads(str(file["config"]))
    return arrays, {**record, "config": config}


PHOTON = [
    f"{name}_{frame}" for frame in ("cms", "lab") for name in ("E", "theta", "phi")
]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """γγγ with E* above 0.25 GeV between 17 and 150 deg."""
    path = tmp_path_factory.mktemp("sample") / "wide.root"
    result = alpenglow("sample", "aaa", "-n", "200000", "--seed", "5", "--out", path)
    assert (result.returncode, result.stderr) == (0, "")
    path.with_suffix(".txt").write_text(result.stdout, encoding="utf-8")
    return path


def printed_cross_section(text: str) -> tuple[float, float]:
    words = text.split()
    assert words[2] == "+-"
    return float(words[1]), float(words[3])


def test_a_sample_is_complete(wide: Path) -> None:
    arrays, record = sampled(wide)
    assert set(arrays) == {"weight_pb", "nphoton", "mcPDG", "genMotherPDG", *PHOTON}
    report = wide.with_suffix(".txt").read_text(encoding="utf-8")
    assert report.startswith("aaa: ")
    assert "effective of 200000 events" in report
    assert "region: all particles at 17-150 deg in the lab, E* > 0.25 GeV\n" in report
    written = f"wrote {wide}: TTree events, 200000 events, names ours\n"
    assert report.endswith(written)
    sigma, error = printed_cross_section(report)
    weights = arrays["weight_pb"]
    assert weights.size == 200_000
    assert weights.sum() == pytest.approx(sigma, rel=1e-5)
    assert 0.0 < error < 0.01 * sigma
    assert abs(sigma - 97.342) < N_SIGMA * error  # of the reference
    assert (record["process"], record["seed"]) == ("aaa", 5)
    assert record["config"]["seed"] == 5  # type: ignore[index]
    region = {"theta_lab_deg": [17.0, 150.0], "energy_cms_min_GeV": 0.25}
    assert region.items() <= record["region"].items()  # type: ignore[attr-defined]


def test_a_sample_has_the_cuts_it_was_asked_for(wide: Path) -> None:
    arrays, _ = sampled(wide)
    kept = arrays["weight_pb"] > 0.0
    assert arrays["E_cms"][kept].min() > 0.25 - 1e-5
    theta = np.degrees(arrays["theta_lab"][kept])
    assert theta.min() > 17.0 - 1e-3
    assert theta.max() < 150.0 + 1e-3
    total = arrays["E_cms"][kept].sum(axis=1)
    np.testing.assert_allclose(total, 10.5792, rtol=2e-5)


def test_cutting_a_wide_sample_gives_the_narrow_cross_section(
    run: Run, wide: Path, tmp_path: Path
) -> None:
    """E* > 0.4 GeV within 30 to 130 deg, cut here and generated there.

    False alarm in 10⁴ seeds; the control forgets the energy cut.
    """
    path = tmp_path / "narrow.root"
    cuts = ("energy_cms_min_GeV=0.4", "theta_lab_min_deg=30", "theta_lab_max_deg=130")
    options = [word for cut in cuts for word in ("--set", f"selection.{cut}")]
    code, out, err = run("sample", "aaa", "-n", "100000", *options, "--out", path)
    assert (code, err) == (0, "")
    sigma, error = printed_cross_section(out)
    arrays, _ = sampled(wide)
    theta = np.degrees(arrays["theta_lab"])
    inside = np.all((theta > 30.0) & (theta < 130.0), axis=1)
    hard = np.all(arrays["E_cms"] > 0.4, axis=1)

    def distance(kept: np.ndarray) -> float:
        weights = arrays["weight_pb"][kept]
        combined = np.hypot(error, np.sqrt((weights**2).sum()))
        return float(abs(weights.sum() - sigma) / combined)

    assert distance(inside & hard) < N_SIGMA
    assert distance(inside) > N_SIGMA


def test_cutting_in_the_cm_frame_gives_what_a_region_gives(
    run: Run, tmp_path: Path
) -> None:
    """E* > 0.25 GeV and |cosθ*| < 0.9, cut here on a wider file and asked for there.

    False alarm in 10⁴ seeds; the controls forget one cut each.
    """
    edge = np.degrees(np.arccos(0.9))
    common = ("sample", "aaa", "-n", "100000", "--theta-lab", "0,180")
    wider = ("--theta-cms", "20,160", "--e-cms", "0.2", "--seed", "1")
    narrow = ("--theta-cms", f"{edge},{180 - edge}", "--e-cms", "0.25", "--seed", "2")
    assert run(*common, *wider, "--out", tmp_path / "wider.root")[0] == 0
    code, out, _ = run(*common, *narrow, "--out", tmp_path / "narrow.root")
    assert code == 0
    assert "0-180 deg in the lab, 25.8419-154.158 deg in the CM frame, E* > 0.2" in out
    sigma, error = printed_cross_section(out)
    arrays, _ = sampled(tmp_path / "wider.root")
    inside = np.all(np.abs(np.cos(arrays["theta_cms"])) < 0.9, axis=1)
    hard = np.all(arrays["E_cms"] > 0.25, axis=1)

    def distance(kept: np.ndarray) -> float:
        weights = arrays["weight_pb"][kept]
        combined = np.hypot(error, np.sqrt((weights**2).sum()))
        return float(abs(weights.sum() - sigma) / combined)

    assert distance(inside & hard) < N_SIGMA
    assert distance(inside) > N_SIGMA
    assert distance(hard) > N_SIGMA


def test_a_signal_sample_has_its_decays(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "signal.root"
    options = ("--mass", "0.3", "--coupling", "1e-4", "-n", "5000", "--seed", "7")
    code, out, _ = run("sample", "signal", *options, "--out", path)
    assert code == 0
    arrays, record = sampled(path)
    assert arrays["weight_pb"].sum() == pytest.approx(printed_cross_section(out)[0])
    assert (record["mass_GeV"], record["coupling_per_GeV"]) == (0.3, 1e-4)
    length = arrays["proper_length_cm"]
    ctau = 1.973269804e-14 * 64.0 * np.pi / (1e-8 * 0.027)
    assert abs(length.mean() / ctau - 1.0) < N_SIGMA / 5000**0.5
    vertex = np.stack([arrays[f"decay_{axis}_cm"] for axis in "xyz"])
    assert np.all(np.linalg.norm(vertex, axis=0) > 0.0)


def test_samples_repeat_by_seed(run: Run, tmp_path: Path) -> None:
    weights = []
    for index, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{index}.root"
        run("sample", "aaa", "-n", "100", "--seed", str(seed), "--out", path)
        weights.append(sampled(path)[0]["weight_pb"].tolist())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_a_sample_takes_the_seed_of_its_configuration(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("seed = 99\n", encoding="utf-8")
    out = tmp_path / "x.root"
    run("sample", "aaa", "-n", "10", "--config", path, "--out", out)
    assert sampled(out)[1]["seed"] == 99


def test_an_interrupted_sample_leaves_no_file(tmp_path: Path) -> None:
    options = ("-n", "200000000", "--out", tmp_path / "x.root")
    with start_alpenglow("sample", "aaa", *options) as process:
        wait_until(lambda: any(tmp_path.iterdir()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == ("", "alpenglow: interrupted; what is finished is kept\n")
    assert contents(tmp_path) == {}
