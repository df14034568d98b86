from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generator.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path


def test_comments_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("# source, with a comma\nname,value\na,1.5\n\nb,2\n", "utf-8")
    table = read_table(path)
    assert table["name"].tolist() == ["a", "b"]
    assert table["value"].tolist() == [1.5, 2.0]


def test_one_row_is_still_an_array(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("mass,g\n1,2\n", "utf-8")
    assert read_table(path)["mass"].shape == (1,)


def test_missing_field(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("mass,g\n1,2\n3\n", "utf-8")
    with pytest.raises(ValueError, match="columns"):
        read_table(path)
