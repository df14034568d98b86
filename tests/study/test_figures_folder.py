"""Figures of a whole results folder: what is drawn from it, and what is refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from generator.beams import Beams
from study.figures import draw_all, efficiency_figure, limits_figure, save
from study.figures.histograms import own_windows, panels_of, representative
from study.figures.tables import read_columns
from tests.study import synthetic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

EXACT: dict[str, Any] = {"cl": 0.9, "method": "clsb-exact"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def drawn(results: Path) -> list[Path]:
    return draw_all(results)


def test_a_complete_folder_gives_every_figure_in_both_formats(
    drawn: list[Path],
) -> None:
    stems = {
        "limits_clsb-exact_90cl",
        "limits_vs_published_clsb-exact_90cl",
        "limits_overview",
        "efficiency",
        "spectra_low_m2",
        "spectra_high_m2",
        "spectra_high_recoil",
    }
    assert {path.name for path in drawn} == {
        f"{stem}.{suffix}" for stem in stems for suffix in ("pdf", "png")
    }
    assert {path.name for path in drawn[0].parent.iterdir()} == {p.name for p in drawn}
    for path in drawn:
        start = b"%PDF" if path.suffix == ".pdf" else b"\x89PNG"
        assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("kind", ["limits", "efficiency"])
def test_redrawing_gives_the_same_bytes(
    kind: str, results: Path, drawn: list[Path], tmp_path: Path
) -> None:
    if kind == "limits":
        name = "limits_clsb-exact_90cl"
        figure = limits_figure(
            read_columns(results / "limits.csv", ["mass_GeV"]), **EXACT
        )
    else:
        name = kind
        table = read_columns(results / "efficiency.csv", ["mass_GeV"])
        figure = efficiency_figure(table, rule="square")
    again = save(figure, tmp_path, name)
    before = [path for path in drawn if path.stem == name]
    assert [path.suffix for path in before] == [".png", ".pdf"]
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in before]


def test_two_merging_rules_give_two_files(tmp_path: Path) -> None:
    header = "mass_GeV,selection,crystals,rule,stage,efficiency,efficiency_error"
    rows = synthetic.efficiency_rows(("square", "cross"))
    text = "\n".join([header, *rows]) + "\n"
    (tmp_path / "efficiency.csv").write_text(text, encoding="utf-8")
    names = {path.name for path in draw_all(tmp_path) if path.suffix == ".png"}
    assert names == {"efficiency_square.png", "efficiency_cross.png"}


def test_an_empty_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing to draw.*limits\.csv"):
        draw_all(tmp_path)


def test_windows_of_the_detectors_own_separation_are_used(results: Path) -> None:
    windows = read_columns(results / "windows.csv", ["mass_GeV"])
    own = own_windows(windows, 2, "square")
    panels = panels_of(results / "histograms.root", own, lambda _: 1.0)
    for panel in panels["low", "m2"]:
        assert panel.low < panel.mass_GeV**2 < panel.high
    wrong = panels_of(
        results / "histograms.root", own_windows(windows, 1, "square"), lambda _: 1.0
    )
    assert any(p.high < p.mass_GeV**2 for p in wrong["low", "m2"])  # negative control
    with pytest.raises(ValueError, match=r"= 3 and rule square, only for \[1, 2\]"):
        own_windows(windows, 3, "square")


@pytest.mark.parametrize("n", [1, 3, 4, 5, 6, 40])
@pytest.mark.parametrize("high", [1.05, 60.0])
def test_up_to_four_different_masses_are_shown(n: int, high: float) -> None:
    chosen = representative(np.geomspace(1.0, high, n))
    assert len(set(chosen)) == min(n, 4)
    assert set(chosen) <= set(range(n))


def test_beams_of_the_config_are_quoted_and_used(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(results, folder, ignore=shutil.ignore_patterns("figures"))
    for name in ("efficiency.csv", "histograms.root"):
        (folder / name).unlink()
    beams = "[beams]\nelectron_GeV = 8.0\npositron_GeV = 4.0\n"
    (folder / "config.toml").write_text(f'kind = "scan"\n{beams}', encoding="utf-8")
    pdfs = [path for path in draw_all(folder) if path.suffix == ".pdf"]
    other = Beams(8.0, 4.0).sqrt_s_GeV
    table = read_columns(folder / "limits.csv", ["mass_GeV"])
    figure = limits_figure(table, **EXACT, sqrt_s_GeV=other)
    assert "11.30" in figure.axes[0].get_title(loc="right")
    again = save(figure, tmp_path, "again")[1]
    assert again.read_bytes() == pdfs[0].read_bytes()


def _truncated(name: str, size: int) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:size])

    return damage


def _replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return damage


def _written(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _folder_in_place_of(name: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def _first_row(mass: str, selection: str) -> bytes:
    row = next(synthetic.limit_rows()).split(",")
    lines = [synthetic.LIMIT_HEADER, ",".join([mass, selection, *row[2:]])]
    return "\n".join(lines).encode()


DAMAGE = {
    "empty table": (_written("limits.csv", b""), r"limits\.csv has no rows"),
    "header only": (
        _written("limits.csv", synthetic.LIMIT_HEADER.encode() + b"\n"),
        r"limits\.csv has no rows",
    ),
    "cut table": (_truncated("limits.csv", 1200), r"limits\.csv: Line #\d"),
    "not text": (_written("limits.csv", b"\xff\xfe\x00"), r"cannot read .*limits"),
    "missing column": (
        _replaced("efficiency.csv", "efficiency_error", "error"),
        r"efficiency\.csv lacks the columns efficiency_error",
    ),
    "word for a number": (
        _written("limits.csv", _first_row("heavy", "low")),
        "column mass_GeV must hold numbers",
    ),
    "number for a word": (
        _written("limits.csv", _first_row("1.0", "7")),
        "column selection must hold words",
    ),
    "negative mass": (
        _written("limits.csv", _first_row("-1.0", "low")),
        "mass_GeV must hold positive masses",
    ),
    "folder for a table": (_folder_in_place_of("limits.csv"), "limits.csv: Is a dir"),
    "empty ROOT file": (_written("histograms.root", b""), r"not a readable ROOT file"),
    "cut ROOT file": (_truncated("histograms.root", 9000), r"histograms\.root"),
    "not a ROOT file": (_written("histograms.root", b"root" * 99), "not a readable"),
    "bad TOML": (_written("config.toml", b"a = = 1"), r"config\.toml: not valid TOML"),
    "unknown key": (_written("config.toml", b"a = 1"), r"unknown key a; allowed"),
    "file for figures": (_written("figures", b""), r"figures: File exists"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_folders_give_one_line(
    kind: str, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.figures.folder.save", _saves_nothing)
    folder = tmp_path / "results"
    shutil.copytree(results, folder, ignore=shutil.ignore_patterns("figures"))
    damage, message = DAMAGE[kind]
    assert draw_all(folder) == []  # negative control: whole, it can be drawn
    damage(folder)
    if kind == "file for figures":
        monkeypatch.undo()
    with pytest.raises(ValueError, match=message) as caught:
        draw_all(folder)
    assert "\n" not in str(caught.value)


def _saves_nothing(figure: Figure, folder: Path, name: str) -> list[Path]:
    del figure, folder, name
    return []


def test_a_missing_folder_and_a_file_in_its_place_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder; expected a results"):
        draw_all(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="not a folder; expected a results"):
        draw_all(tmp_path / "file")
