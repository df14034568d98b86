"""``alpenglow sample``: every process, every format, and what it refuses."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import pylhe
import pytest
import uproot

from generator.ingest import photons, read_root
from generator.processes import PROCESSES, SIGNALS
from study.sample import IN_A_REGION
from tests.study.small import contents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.study.small import Run

MASS = ("--mass", "0.5")


def options_of(process: str) -> tuple[str, ...]:
    return MASS if process in SIGNALS else ()


def cross_section(text: str) -> tuple[float, float]:
    words = text.split()
    assert words[2] == "+-"
    return float(words[1]), float(words[3])


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_can_be_sampled(run: Run, tmp_path: Path, process: str) -> None:
    path = tmp_path / "x.root"
    code, out, err = run(
        "sample", process, "-n", "3000", *options_of(process), "--out", path
    )
    assert (code, err) == (0, "")
    first, region, *_, written = out.splitlines()
    assert first.startswith(f"{process}: ")
    assert region.startswith(
        "region: all particles" if process in IN_A_REGION else "region: everywhere"
    )
    assert written == f"wrote {path}: TTree events, 3000 events, names ours"
    events = read_root(path)
    assert ak.sum(events["weight_pb"]) == pytest.approx(cross_section(out)[0], rel=1e-5)
    with uproot.open(path) as file:
        assert tomllib.loads(str(file["sample"]))["process"] == process


def test_the_help_names_every_process(run: Run) -> None:
    out = " ".join(run("sample", "--help")[1].split())
    assert ", ".join(PROCESSES) in out


@pytest.mark.parametrize("radiation", ["false", "true"])
def test_the_generator_section_is_used(
    run: Run, tmp_path: Path, radiation: str
) -> None:
    """Photons off the beams take energy from the event, and are not in it."""
    path = tmp_path / "x.root"
    setting = ("--set", f"generator.radiation={radiation}")
    assert run("sample", "aaa", "-n", "2000", *setting, "--out", path)[0] == 0
    with uproot.open(path) as file:
        energy = ak.sum(file["events/E_cms"].array(), axis=1).to_numpy()
    assert (energy.min() < 10.5) == (radiation == "true")
    assert energy.max() < 10.58


@pytest.mark.parametrize("process", ["aaa", "fusion"])
def test_unweighted_samples(run: Run, tmp_path: Path, process: str) -> None:
    """The cross section of the weighted sample, in events of one weight."""
    path, n = tmp_path / "x.root", 20_000
    common = ("sample", process, "-n", str(n), *options_of(process), "--out", path)
    sigma, error = cross_section(run(*common)[1])
    code, out, err = run(*common, "--unweighted")
    assert (code, err) == (0, "")
    again, error_again = cross_section(out)
    assert abs(sigma - again) < 4.0 * np.hypot(error, error_again)
    assert "% of the tried events accepted" in out
    weights = read_root(path)["weight_pb"].to_numpy()
    assert weights.size == n
    assert weights.sum() == pytest.approx(again, rel=1e-5)
    assert np.mean(weights == weights.min()) > 0.99
    assert weights.min() == pytest.approx(again / n, rel=0.01)
    with uproot.open(path) as file:
        assert tomllib.loads(str(file["sample"]))["unweighted"] is True


@pytest.mark.parametrize("names", ["ours", "basf2"])
def test_rntuples_and_names(run: Run, tmp_path: Path, names: str) -> None:
    found = []
    for option in ((), ("--rntuple",)):
        path = tmp_path / "x.root"
        words = ("sample", "aaa", "-n", "500", "--names", names, *option)
        code, out, _ = run(*words, "--out", path)
        kind = "RNTuple" if option else "TTree"
        assert code == 0
        assert out.endswith(f"{path}: {kind} events, 500 events, names {names}\n")
        with uproot.open(path) as file:
            assert kind in file.classname_of("events")
            fields = set(file["events"].keys())
        assert ("clusterE" in fields) == (names == "basf2")
        assert ("E_lab" in fields) == (names == "ours")
        (block,) = photons(read_root(path))
        found.append(block)
    np.testing.assert_array_equal(found[0].energy, found[1].energy)
    np.testing.assert_array_equal(found[0].weight_pb, found[1].weight_pb)


@pytest.mark.parametrize("suffix", [".lhe", ".lhe.gz"])
@pytest.mark.parametrize("unweighted", [False, True])
def test_les_houches_files(
    run: Run, tmp_path: Path, suffix: str, *, unweighted: bool
) -> None:
    """The printed cross section with its error, and the mean weight."""
    path = tmp_path / f"x{suffix}"
    words = ("sample", "aaa", "-n", "400", "--seed", "8", "--out", path)
    code, out, err = run(*words, *(("--unweighted",) if unweighted else ()))
    assert (code, err) == (0, "")
    file = pylhe.LHEFile.fromfile(path, generator=False)
    events = list(file.events)
    sigma, error = cross_section(out)
    (process,) = file.init.procInfo
    assert process.xSection == pytest.approx(sigma, rel=1e-5)
    assert process.error == pytest.approx(error, rel=0.05)
    weights = np.array([event.eventinfo.weight for event in events])
    assert weights.mean() == pytest.approx(sigma, rel=1e-5)
    assert (np.mean(weights == weights.min()) > 0.99) == unweighted
    written = f"wrote {path}: {len(events)} Les Houches events of non-zero weight\n"
    assert out.endswith(written)
    assert (len(events) == 400) == unweighted
    assert file.header is not None
    texts = {e.tag: str(e.text) for e in file.header.extra_elements}
    assert tomllib.loads(texts["sample"])["seed"] == 8
    assert tomllib.loads(texts["config"])["seed"] == 8


@pytest.mark.parametrize(
    ("words", "included"),
    [
        (
            ("fusion", "--mass", "0.1"),
            r"an electron at 17-150 deg loses its track with chance 0\.01; .*: 4\.441 pb\n",
        ),
        (("eea",), r"both tracks are lost, with chance 0\.01 each\n"),
        (("aa",), r"one beam-background photon, of 0\.1 on average above 0\.1 GeV\n"),
        (("etagamma",), "branching fractions to photons included\n"),
        (("omegagamma",), "branching fractions to photons included\n"),
    ],
)
def test_the_report_says_what_is_included(
    run: Run, tmp_path: Path, words: tuple[str, ...], included: str
) -> None:
    code, out, _ = run("sample", *words, "-n", "100", "--out", tmp_path / "x.root")
    assert code == 0
    assert re.search(included, out)


@pytest.mark.parametrize(
    "words",
    [("aaa", "-n", "1"), ("eea", "-n", "100", "--set", "generator.track_loss=0")],
)
def test_no_bound_without_any_weight(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The one event of this seed has no weight; nor has any if no track is lost."""
    code, out, _ = run("sample", *words, "--out", tmp_path / "x.root")
    assert code == 0
    assert out.startswith(
        f"{words[0]}: 0 pb, none of {words[2]} events has any weight\n"
    )


def test_a_region_that_nothing_was_found_in(run: Run, tmp_path: Path) -> None:
    """Three photons of nearly √s/3: possible, but not seen in so few events."""
    path = tmp_path / "x.root"
    words = ("sample", "eea", "-n", "300", "--e-cms", "3.525", "--out", path)
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    found = re.match(
        r"eea: 0 pb, below (\S+) pb at 95 % CL: none of 300 events is inside the region\n",
        out,
    )
    assert found
    assert 0.0 < float(found[1]) < 1.0
    assert not ak.any(read_root(path)["weight_pb"])
    code, out, err = run(*words[:-1], tmp_path / "u.root", "--unweighted")
    assert (code, out) == (2, "")
    assert err.startswith("alpenglow: --unweighted: none of ")
    assert set(contents(tmp_path)) == {"x.root"}


def test_bounds_replace_the_configured_ones(run: Run, tmp_path: Path) -> None:
    """One by one: the others stay."""
    path = tmp_path / "x.root"
    words = ("--e-lab", "1", "--e-cms", "0", "--theta-lab", "30,120")
    code, out, _ = run("sample", "aaa", "-n", "3000", *words, "--out", path)
    assert code == 0
    assert "region: all particles at 30-120 deg in the lab, E_lab > 1 GeV\n" in out
    with uproot.open(path) as file:
        kept = file["events/weight_pb"].array() > 0.0
        energy, theta = (
            file[f"events/{name}"].array()[kept] for name in ("E_lab", "theta_lab")
        )
    assert ak.min(energy) > 1.0 - 1e-5
    assert np.radians(30) - 1e-5 < ak.min(theta)
    assert ak.max(theta) < np.radians(120) + 1e-5
    softer = ("--extra-e-cms", "0.2", "--out", path)
    out = run("sample", "aaaa", "-n", "100", *softer)[1]
    assert "E* > 0.25 GeV, of the softest one only E* > 0.2 GeV" in out


REFUSED = [
    ("gamma", (), "unknown process 'gamma'; allowed: signal, fusion, aaa, aaaa"),
    ("aaa", ("-n", "0"), "-n 0: need at least one event"),
    ("aaa", ("-n", "-5"), "-n -5: need at least one event"),
    ("aaa", ("-n", "many"), "Invalid value for '-n'"),
    ("signal", (), "process signal needs a positive ALP mass"),
    ("signal", ("--mass", "10.6"), "ALP mass 10.6 GeV is outside (0, 10.58) GeV"),
    ("fusion", ("--mass", "11"), "ALP mass 11 GeV is outside (0, 10.58) GeV"),
    ("signal", ("--mass", "nan"), "--mass nan: need a finite number"),
    ("signal", (*MASS, "--coupling", "inf"), "--coupling inf: need a finite number"),
    ("signal", (*MASS, "--coupling", "-1"), "needs a positive coupling"),
    ("aaa", MASS, "--mass 0.5: process aaa has no ALP mass"),
    ("eea", ("--coupling", "1"), "--coupling 1: process eea has no ALP coupling"),
    ("signal", (*MASS, "--e-cms", "1"), "--e-cms: process signal is generated {}"),
    ("fusion", (*MASS, "--e-lab", "1"), "--e-lab: process fusion is generated {}"),
    ("pigamma", ("--theta-lab", "20,90"), "process pigamma is generated {}"),
    ("omegagamma", ("--theta-cms", "20,90"), "process omegagamma is generated {}"),
    ("aaa", ("--extra-e-cms", "0.1"), "process aaa has no fourth photon; aaaa has"),
    ("aaa", ("--e-cms", "x"), "Invalid value for '--e-cms'"),
    ("aaa", ("--e-cms", "-1"), "--e-cms -1: need finite numbers of at least 0"),
    ("aaa", ("--e-cms", "inf"), "--e-cms inf: need finite numbers of at least 0"),
    ("aaa", ("--e-cms", "0"), "a positive energy_cms_min_GeV or energy_lab_min_GeV"),
    ("aaa", ("--theta-lab", "20"), "--theta-lab 20: expected two angles, low,high"),
    ("aaa", ("--theta-lab", ""), "expected two angles, low,high"),
    ("aaa", ("--theta-cms", "1,2,3"), "--theta-cms 1,2,3: expected two angles"),
    ("aaa", ("--theta-lab", "a,b"), "--theta-lab a,b: expected numbers separated"),
    ("aaa", ("--theta-lab", "nan,90"), "--theta-lab nan,90: need finite numbers"),
    ("aaa", ("--theta-lab", "90,20"), "(90.0, 20.0): need 0 <= low < high <= 180"),
    ("aaa", ("--theta-lab", "0,180"), "holds a beam line"),
    ("aaa", ("--e-cms", "4"), "0 pb: 3 particles need 12 GeV in the CM frame, sqrt(s)"),
    ("aa", ("--e-cms", "5.3"), "0 pb: 2 particles need 10.6 GeV in the CM frame"),
    ("aaa", ("--theta-lab", "20,25"), "0 pb: all particles in one hemisphere"),
    ("aaa", ("--names", "belle"), "--names belle: allowed: ours, basf2"),
]


@pytest.mark.parametrize(("process", "options", "message"), REFUSED)
def test_impossible_samples_are_refused_in_one_line(
    run: Run, tmp_path: Path, process: str, options: tuple[str, ...], message: str
) -> None:
    number = () if "-n" in options else ("-n", "10")
    code, out, err = run(
        "sample", process, *number, *options, "--out", tmp_path / "x.root"
    )
    assert (code, out) == (2, "")
    assert err.startswith("alpenglow: ")
    assert message.format("everywhere, in no region") in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.txt", (), "x.txt: allowed suffixes: .root, .lhe, .lhe.gz"),
        ("x", (), "x: allowed suffixes: .root, .lhe, .lhe.gz"),
        ("x.gz", (), "x.gz: allowed suffixes: .root, .lhe, .lhe.gz"),
        ("x.lhe", ("--rntuple",), "--rntuple: only for .root files, not "),
        ("x.lhe.gz", ("--names", "basf2"), "--names basf2: only for .root files"),
        ("no/dir/x.root", (), "cannot write"),
        ("no/dir/x.lhe", (), "cannot write"),
    ],
)
def test_files_that_cannot_be_written(
    run: Run, tmp_path: Path, name: str, options: tuple[str, ...], message: str
) -> None:
    path = tmp_path / name
    code, out, err = run("sample", "aaa", "-n", "10", *options, "--out", path)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == {}


def test_beam_background_is_no_les_houches_event(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.lhe"
    code, _, err = run("sample", "aa", "-n", "10", "--out", path)
    assert code == 2
    assert "set generator.beam_background_mean=0, or write .root" in err
    assert contents(tmp_path) == {}
    alone = ("--set", "generator.beam_background_mean=0")
    assert run("sample", "aa", "-n", "10", *alone, "--out", path)[0] == 0
    assert pylhe.LHEFile.count_events(path) > 0
