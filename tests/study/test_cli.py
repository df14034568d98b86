"""The command line: help, exit codes, one-line errors, which option wins."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING

import pytest

from generator.tables import read_table
from study.load import preset_text
from tests.study.small import ROOT, SET_OPTIONS, contents, start_alpenglow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.study.small import Run

COMMANDS = (
    "scan",
    "separation",
    "radiation",
    "sample",
    "simulate",
    "display",
    "figures",
    "presets",
)


# help and presets


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: alpenglow {command}")


def test_help_lists_the_commands(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(f"  {command} " in out for command in COMMANDS)
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Usage: alpenglow" in err


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from study import cli; sys.argv = ['alpenglow', 'scan', '--help']\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'numba', 'scipy', 'matplotlib', 'awkward', 'uproot'}\n"
        "sys.exit(f'imported: {found}' if (found := heavy & set(sys.modules)) else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "--masses" in result.stdout


def test_presets(run: Run) -> None:
    code, out, _ = run("presets")
    assert (code, out.splitlines()[0]) == (0, "belle2-2017")
    code, out, _ = run("presets", "belle2-2017")
    assert (code, out) == (0, preset_text("belle2-2017"))


def test_a_printed_preset_can_be_run(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(preset_text("belle2-2017"), encoding="utf-8")
    options = ("--masses", "1", *SET_OPTIONS[2:], "--out", tmp_path / "out")
    code, out, err = run("separation", "--config", path, *options)
    assert (code, err) == (0, "")
    assert "square, 2 crystals" in out
    assert f"{tmp_path / 'out' / 'figures' / 'efficiency.png'}\n" in out


# bad input


BAD_OPTIONS = [
    (("--masses", "-1"), "scan.masses_GeV.0: Input should be greater than 0, not -1"),
    (("--masses", "11"), "below sqrt(s) = 10.5792 GeV"),
    (("--masses", ""), "masses_GeV is empty: give at least one mass"),
    (("--masses", "1,x"), "--masses 1,x: expected numbers separated by commas"),
    (("--masses", "nan"), "scan.masses_GeV.0"),
    (("--masses", "1", "--n-masses", "2"), "--masses and --n-masses exclude each"),
    (("--n-masses", "0"), "scan.n_masses: Input should be greater than 0, not 0"),
    (("--set", "scan=3", "--n-masses", "4"), "scan"),
    (("--preset", "belle3"), "unknown preset 'belle3'; allowed: belle2-2017"),
    (("--preset", "belle2-2017", "--config", "x.toml"), "exclude each other"),
    (("--config", "no-such.toml"), "cannot read config no-such.toml: No such file"),
    (("--set", "detector.model=round"), "detector.model: Input should be 'separation'"),
    (("--set", "detector.beam_background.mean=6"), "less than or equal to 5, not 6"),
    (("--set", 'detector.trigger.l1=["lml99"]'), "trigger line 'lml99': allowed are"),
    (("--set", "detector.luminous_region_cm=[0, 1]"), "detector.luminous_region_cm"),
    (("--set", "detector.line_shape_tail=9"), "less than 5, not 9"),
    (
        ("--set", 'processes=["aa"]', "--set", "detector.beam_background.mean=1"),
        "to every event: use one of them",
    ),
    (("--set", "detector.colour=1"), "unknown key detector.colour; allowed: model"),
    (("--set", "detector.a\nb=1"), "unknown key detector.a b; allowed: model"),
    (("--set", "seed"), "--set seed: expected section.key=value"),
    (("--set", "events.signal=0"), "events.signal: Input should be greater than 0"),
    (("--seed", "-1"), "Invalid value for '--seed': "),
    (("--jobs", "0"), "Invalid value for '--jobs': "),
    (("--colour", "red"), "No such option: --colour"),
    (("surplus",), "unexpected extra argument"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_are_one_line(
    run: Run, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    code, out, err = run("scan", "--out", tmp_path / "results", *options)
    assert (code, out) == (2, "")
    assert err.startswith("alpenglow: ")
    assert message in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scan",), "Missing option '--out'"),
        (("skan",), "No such command 'skan'"),
        (("separation", "--crystals", "1.5", "--out", "x"), "separation.crystals.0"),
        (("separation", "--crystals", "nan", "--out", "x"), "separation.crystals.0"),
        (("separation", "--crystals", "", "--out", "x"), "at least 1 item"),
        (("separation", "--crystals", "1,1", "--out", "x"), "holds a value twice"),
        (("sample", "tea", "-n", "1", "--out", "x"), "allowed: signal, fusion, aaa"),
        (("sample", "aaa", "-n", "0", "--out", "x"), "-n 0: need at least one event"),
        (("sample", "aaa", "-n", "many", "--out", "x"), "Invalid value for '-n'"),
        (("sample", "aaa", "-n", "1", "--mass", "1", "--out", "x"), "no ALP mass"),
        (("sample", "signal", "-n", "1", "--out", "x"), "needs a positive ALP mass"),
        (
            ("sample", "signal", "-n", "1", "--mass", "11", "--out", "x"),
            "up to sqrt(s)",
        ),
        (("sample", "signal", "-n", "1", "--mass", "nan", "--out", "x"), "nan"),
        (
            ("sample", "signal", "-n", "1", "--mass", "1", "--coupling", "0"),
            "needs a positive coupling",
        ),
        (
            ("sample", "aaa", "-n", "1", "--out", "no/dir/x.root"),
            "cannot write no/dir/x.root: No s",
        ),
        (("figures", "no-such-folder"), "no-such-folder: no such folder"),
        (("presets", "belle3"), "unknown preset 'belle3'"),
    ],
)
def test_bad_arguments_are_one_line(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--coupling" in arguments:
        arguments += ("--out", "x")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("alpenglow: ")
    assert message in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("trouble", ["another study", "a corrupt point", "read-only"])
def test_a_folder_in_the_way_is_left_alone(
    run: Run, scanned: Path, tmp_path: Path, trouble: str
) -> None:
    copy, options = tmp_path / "results", list(SET_OPTIONS)
    (copy / "points").mkdir(parents=True)
    for path in [scanned / "config.toml", *(scanned / "points").iterdir()]:
        (copy / path.relative_to(scanned)).write_bytes(path.read_bytes())
    config, out = scanned / "config.toml", copy
    if trouble == "another study":
        options += ["--seed", "2"]
        message = "holds another study (scan: ALP sensitivity)"
    elif trouble == "a corrupt point":
        point = copy / "points" / "signal_m0.500000.npz"
        point.write_bytes(point.read_bytes()[:-50])
        message = f"{point} is corrupt: delete this file to compute it again"
    else:  # below a file nobody can write, not even root
        out = copy / "config.toml" / "results"
        message = f"cannot write {out}: Not a directory"
    before = contents(copy)
    code, stdout, err = run("scan", "--config", config, *options, "--out", out)
    assert (code, stdout) == (2, "")
    assert err.startswith("alpenglow: ")
    assert message in err
    assert err.count("\n") == 1
    assert contents(copy) == before


def test_options_take_effect_in_order(run: Run, tmp_path: Path) -> None:
    """--set has the last word; --quick divides what it set."""
    options = ["--masses", "0.5", "--seed", "3", "--set", "seed=4", "--quick"]
    options += ["--set", "events.signal=20000", "--set", "events.lifetime=10000"]
    code, _, err = run("separation", *options, "--crystals", "2", "--out", tmp_path)
    assert (code, err) == (0, "")
    stored = tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))
    assert stored["seed"] == 4
    assert stored["events"]["signal"] == 2000
    assert stored["scan"]["masses_GeV"] == [0.5]


def test_a_dead_worker_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise BrokenExecutor

    monkeypatch.setattr("study.scan.run_scan", die)
    code, out, err = run("scan", "--masses", "1", "--out", tmp_path / "results")
    assert (code, out) == (1, "")
    assert err.startswith("alpenglow: a worker died")


def test_separation(run: Run, tmp_path: Path) -> None:
    options = ("--masses", "0.2", *SET_OPTIONS[2:], "--crystals", "1,2,4")
    code, out, err = run("separation", *options, "--out", tmp_path)
    assert (code, err) == (0, "")
    for text in (
        "resolved / merged / lost",
        "shower model",
        "l1 lml1",
        "trigger_shower.png",
    ):
        assert text in out
    table = read_table(tmp_path / "efficiency.csv")
    assert set(table["rule"].tolist()) == {"square", "shower"}
    table = table[table["rule"] == "square"]
    detected = table[(table["stage"] == "detected") & (table["selection"] == "low")]
    found = dict(zip(detected["crystals"], detected["efficiency"], strict=True))
    assert found[1] > found[2] > found[4]


def test_a_closed_pipe_is_no_error() -> None:
    """As in ``alpenglow presets belle2-2017 | head -1``."""
    with start_alpenglow("presets", "belle2-2017") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, err) == (0, "")
