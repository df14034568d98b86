"""What a finished scan prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.tables import read_table
from study.summary import summary
from tests.study.synthetic import MASSES_GEV, write_results

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_per_mass_of_the_small_scan(scanned: Path) -> None:
    table = read_table(scanned / "limits.csv")
    head, columns, *lines, last = summary(scanned).splitlines()
    assert head == "clsb-exact, 90 % CL, median g [1/GeV]"
    assert columns.split() == ["mass", "[GeV]", "20/fb", "50000/fb"]
    assert [float(line.split()[0]) for line in lines] == [0.2, 0.5, 8.0]
    assert last == f"results in {scanned}"
    row = table[
        (table["mass_GeV"] == 0.5)
        & (table["luminosity_invfb"] == 20)
        & (table["cl"] == 0.9)
        & (table["method"] == "clsb-exact")
        & (table["best"] == 1)
    ]
    assert lines[1].split()[1] == f"{row['g_per_GeV_median'][0]:.3e}"


def test_a_long_scan_is_thinned_out(tmp_path: Path) -> None:
    lines = summary(write_results(tmp_path)).splitlines()
    assert len(lines) == 2 + 8 + 2
    assert float(lines[2].split()[0]) == float(f"{MASSES_GEV[0]:g}")
    assert float(lines[-3].split()[0]) == float(f"{MASSES_GEV[-1]:g}")
    assert lines[-2] == f"({len(MASSES_GEV) - 8} more masses in limits.csv)"


def test_no_sensitivity_at_all(tmp_path: Path) -> None:
    path = write_results(tmp_path) / "limits.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    blind = [f"{line.rsplit(',', 1)[0]},0" for line in lines[1:]]
    path.write_text("\n".join([lines[0], *blind]), encoding="utf-8")
    assert "no mass has any sensitivity" in summary(tmp_path)


def test_a_background_from_too_few_events_is_named(tmp_path: Path) -> None:
    path = write_results(tmp_path) / "limits.csv"
    assert "events.background" not in summary(tmp_path)
    header, *rows = path.read_text().splitlines()
    names = header.split(",")
    value, error = (names.index(f"background_events{part}") for part in ("", "_error"))
    cells = [row.split(",") for row in rows]
    worst = cells[0][names.index("mass_GeV")]
    for row in cells:
        if row[names.index("mass_GeV")] == worst:
            row[error] = str(0.3 * float(row[value]))
    path.write_text("\n".join([header, *(",".join(row) for row in cells)]) + "\n")
    found = summary(tmp_path)
    assert f"worse than 20% at {float(worst):g} GeV" in found
