"""`alpenglow display`: one event of a process or of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import study.display as module
from generator.sampling import EVENTS_PER_CHUNK
from generator.simd import LANES
from study.display import draw_display
from study.errors import InputError
from study.sample import write_sample
from tests.study.small import alpenglow, small_config

if TYPE_CHECKING:
    from pathlib import Path

    from detector.picture import EventPicture


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[EventPicture]:
    """Return the pictures that were drawn."""
    pictures: list[EventPicture] = []
    inner = module._picture

    def watched(*arguments: object) -> EventPicture:
        pictures.append(inner(*arguments))  # type: ignore[arg-type]
        return pictures[-1]

    monkeypatch.setattr(module, "_picture", watched)
    return pictures


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_picture_is_written(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"event{suffix}"
    report = draw_display("signal", 3, out, small_config(), mass_GeV=0.5)
    assert report.startswith(f"wrote {out}: ")
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert out.read_bytes().startswith(magic[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("number", [0, 5, LANES - 1, LANES + 2])
def test_the_event_is_that_of_sample(
    tmp_path: Path, seen: list[EventPicture], number: int
) -> None:
    """The same number of a process and of the file that `sample` writes of it."""
    config, path = small_config(), tmp_path / "signal.root"
    write_sample("signal", LANES + 10, path, config, mass_GeV=1.0)
    out = tmp_path / "event.png"
    draw_display("signal", number, out, config, mass_GeV=1.0)
    draw_display(str(path), number, out, config)
    first, second = seen
    np.testing.assert_allclose(first.photon_theta, second.photon_theta, atol=1e-6)
    np.testing.assert_allclose(
        first.photon_energy_GeV, second.photon_energy_GeV, rtol=1e-6
    )


def test_any_number_can_be_drawn(tmp_path: Path, seen: list[EventPicture]) -> None:
    out = tmp_path / "event.png"
    draw_display("aaa", 3 * EVENTS_PER_CHUNK + 77, out, small_config())
    draw_display("aaa", 77, out, small_config())
    assert seen[0].photon_theta.tolist() != seen[1].photon_theta.tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("signal",), "process signal needs a positive ALP mass"),
        (("higgs",), "higgs: neither a file nor a process; processes: signal, fusion"),
        (("aaa", "--mass", "1"), "--mass 1: process aaa has no ALP mass"),
        (("aaa", "--event", "-1"), "--event"),
        (("signal", "--mass", "20"), "ALP mass 20 GeV is outside"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = alpenglow("display", *arguments, "--out", tmp_path / "x.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x.png").exists()


def test_bad_files(tmp_path: Path) -> None:
    config, path = small_config(), tmp_path / "signal.root"
    write_sample("signal", 10, path, config, mass_GeV=1.0)
    with pytest.raises(InputError, match=r"signal\.root: no event 10, it has 10"):
        draw_display(str(path), 10, tmp_path / "x.png", config)
    with pytest.raises(InputError, match=r"x\.txt: allowed suffixes: \.png, \.pdf"):
        draw_display(str(path), 1, tmp_path / "x.txt", config)
    with pytest.raises(InputError, match="--mass and --coupling are for processes"):
        draw_display(str(path), 1, tmp_path / "x.png", config, mass_GeV=3.0)
    text = tmp_path / "text.root"
    text.write_text("no ROOT file", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.root"):
        draw_display(str(text), 1, tmp_path / "x.png", config)
