"""Results folders: atomic files, refusals, corrupt points, tables."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from generator.tables import read_table
from study.errors import InputError
from study.load import parse, read_file
from study.store import ResultsFolder, atomic_path, atomic_write
from tests.study.small import contents, small_config

CONFIG = small_config()
STAMP = CONFIG.digest()
ARRAYS = {"a": np.arange(4.0), "names": np.array(["x", "y"])}


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path / "results", CONFIG, "scan")


def write_half(path: Path, error: BaseException) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise error


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    atomic_write(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_half(path, ZeroDivisionError())
    assert contents(tmp_path) == {"table.csv": b"old"}


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "new", KeyboardInterrupt())
    assert contents(tmp_path) == {}


def interrupted_before_the_first_byte(path: Path) -> None:
    with atomic_path(path):
        assert contents(path.parent) == {}
        raise KeyboardInterrupt


def test_interrupted_before_the_first_byte(tmp_path: Path) -> None:
    """The file is made inside the with: Ctrl-C between the two finds none to leave."""
    with pytest.raises(KeyboardInterrupt):
        interrupted_before_the_first_byte(tmp_path / "new")
    assert contents(tmp_path) == {}


def test_a_new_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content in (b"old", b"new"):
        atomic_write(path, content)
    assert contents(tmp_path) == {"table.csv": b"new"}
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(InputError, match=r"^cannot write .*/x: No space left on devi"):
        write_half(tmp_path / "x", full)
    assert contents(tmp_path) == {}


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the refusal of the system is put on."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match=r"^cannot write .*/file/results: Not a dir"):
        ResultsFolder(file / "results", CONFIG, "scan")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        InputError, match=r"^cannot write .*/results: Permission denied$"
    ):
        ResultsFolder(tmp_path / "results", CONFIG, "scan")
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(InputError, match=r"^cannot write .*: Permission denied$"):
        atomic_write(tmp_path / "x", b"")
    assert contents(tmp_path) == {"file": b""}


@pytest.mark.parametrize("kind", ["scan", "separation"])
def test_another_study_is_refused(folder: ResultsFolder, kind: str) -> None:
    """Another seed, or the same configuration for another kind of study."""
    other = small_config("seed=2") if kind == "scan" else CONFIG
    (folder.path / "points").rmdir()
    before = contents(folder.path)
    with pytest.raises(InputError, match=r"holds another study \(scan: ALP sensi"):
        ResultsFolder(folder.path, other, kind)
    assert contents(folder.path) == before


def test_the_same_study_under_another_title_is_welcome(folder: ResultsFolder) -> None:
    ResultsFolder(folder.path, small_config("title=new"), "scan")


def test_points_without_a_configuration_are_refused(folder: ResultsFolder) -> None:
    folder.save_point("p", STAMP, ARRAYS)
    (folder.path / "config.toml").unlink()
    before = contents(folder.path)
    with pytest.raises(InputError, match=r"holds other files and no config\.toml"):
        ResultsFolder(folder.path, CONFIG, "scan")
    assert contents(folder.path) == before


def test_a_broken_configuration_is_named(folder: ResultsFolder) -> None:
    (folder.path / "config.toml").write_text("seed = ", encoding="utf-8")
    with pytest.raises(InputError, match=r"results/config\.toml: not valid TOML"):
        ResultsFolder(folder.path, CONFIG, "scan")


def test_points_come_back(folder: ResultsFolder) -> None:
    assert folder.load_point("p", STAMP) is None
    folder.save_point("p", STAMP, ARRAYS)
    arrays = folder.load_point("p", STAMP)
    assert arrays is not None
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "garbage", "empty", "npy"])
def test_a_corrupt_point_is_named_and_kept(folder: ResultsFolder, damage: str) -> None:
    folder.save_point("p", STAMP, ARRAYS)
    path = folder.path / "points" / "p.npz"
    good = path.read_bytes()
    middle = good.index(b"a.npy") + 40
    broken = {
        "truncated": good[: len(good) // 2],
        "flipped": good[:middle] + b"\xff" * 20 + good[middle + 20 :],
        "garbage": b"PK\x03\x04" + b"garbage" * 30,
        "empty": b"",
        "npy": b"\x93NUMPY garbage",
    }
    path.write_bytes(broken[damage])
    before = contents(folder.path)
    with pytest.raises(InputError, match=r"points/p\.npz is corrupt: delete this file"):
        folder.load_point("p", STAMP)
    assert contents(folder.path) == before


def test_a_plain_array_is_not_a_point(folder: ResultsFolder) -> None:
    with (folder.path / "points" / "p.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputError, match=r"p\.npz is corrupt"):
        folder.load_point("p", STAMP)


def test_a_point_of_another_configuration_is_refused(folder: ResultsFolder) -> None:
    folder.save_point("p", "another", ARRAYS)
    with pytest.raises(InputError, match=r"p\.npz was made with another configuration"):
        folder.load_point("p", STAMP)


def test_cells_of_tables(folder: ResultsFolder) -> None:
    rows = [("low", 1 / 3, 2), ("high", float("inf"), 3), ("low", np.float64(1e-7), 4)]
    folder.write_table("t.csv", ("name", "value", "count"), rows)
    text = (folder.path / "t.csv").read_text(encoding="utf-8")
    assert text == "name,value,count\nlow,0.3333333333,2\nhigh,inf,3\nlow,1e-07,4\n"
    table = read_table(folder.path / "t.csv")
    assert table["value"].tolist() == pytest.approx([1 / 3, np.inf, 1e-7])


def test_the_stored_configuration_is_a_configuration(folder: ResultsFolder) -> None:
    data = read_file(folder.path / "config.toml")
    data.pop("kind")
    assert parse(data, "stored").digest() == STAMP


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="holds other files and no config"):
        ResultsFolder(tmp_path, CONFIG, "scan")
    assert contents(tmp_path) == before


def test_a_renamed_point_is_refused(tmp_path: Path) -> None:
    folder = ResultsFolder(tmp_path / "results", CONFIG, "scan")
    folder.check_name("signal_m1", "signal_m1")
    with pytest.raises(InputError, match="holds signal_m2: delete or rename"):
        folder.check_name("signal_m1", "signal_m2")
