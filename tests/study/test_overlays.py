"""Published curves: complete records, faithful rows, known values."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from generator.alp import production_cross_section_pb
from study import overlays
from study.overlays import records

COUPLING_CURVES = overlays.names()
POLYGONS = [c for c in COUPLING_CURVES if overlays.record(c).shape == "polygon"]

# mass [GeV] -> g [1/GeV]; read off Fig. 7 (left) of arXiv:1709.00009, two digits
PROJECTION_20FB = {
    0.10: 4.0e-3,
    0.15: 9.6e-4,
    0.20: 3.7e-4,
    0.30: 2.9e-4,
    0.50: 3.3e-4,
    1.0: 3.9e-4,
    2.0: 5.1e-4,
    3.0: 5.9e-4,
    5.0: 8.1e-4,
    7.0: 1.17e-3,
    8.0: 1.59e-3,
    9.0: 2.9e-3,
}
PROJECTION_50AB = {
    0.20: 5.3e-5,
    0.30: 4.1e-5,
    0.50: 4.6e-5,
    1.0: 5.6e-5,
    2.0: 7.1e-5,
    3.0: 8.5e-5,
    5.0: 1.13e-4,
    7.0: 1.67e-4,
    9.0: 4.4e-4,
}
# local geometric means of the observed limit of arXiv:2007.13071, three digits
OBSERVED_2020 = {
    0.20: 1.11e-3,
    0.30: 0.80e-3,
    0.50: 1.09e-3,
    1.0: 1.18e-3,
    2.0: 2.03e-3,
    3.0: 2.18e-3,
    5.0: 3.3e-3,
    7.0: 5.7e-3,
    9.0: 14.9e-3,
    9.5: 19.9e-3,
}


@pytest.mark.parametrize("curve", [*COUPLING_CURVES, *overlays.names("cross-section")])
def test_every_record_says_where_it_comes_from(curve: str) -> None:
    item = overlays.record(curve)
    assert item.id == curve
    assert item.references or item.reference_note
    assert "github.com/" in item.source
    assert item.cl is None or item.cl in (0.90, 0.95)
    assert item.notes


def test_index_and_files_match_one_to_one() -> None:
    folder = files("study.overlays").joinpath("data")
    stems = {path.name.removesuffix(".csv") for path in folder.iterdir()}
    assert stems == {*COUPLING_CURVES, *overlays.names("cross-section")}


@pytest.mark.parametrize("curve", COUPLING_CURVES)
def test_every_file_parses_to_positive_read_only_rows(curve: str) -> None:
    overlay = overlays.load(curve)
    assert overlay.mass_GeV.shape == overlay.coupling_per_GeV.shape
    assert overlay.is_data.sum() >= 2
    for column in (overlay.mass_GeV, overlay.coupling_per_GeV):
        assert np.all(np.isfinite(column) & (column > 0.0))
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1.0


@pytest.mark.parametrize("curve", COUPLING_CURVES)
def test_rows_keep_the_order_of_the_file(curve: str) -> None:
    path = files("study.overlays").joinpath("data", f"{curve}.csv")
    rows = [
        line.split(",")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line[:1].isdigit()
    ]
    overlay = overlays.load(curve)
    assert [float(m) for m, _ in rows] == overlay.mass_GeV.tolist()
    assert [float(g) for _, g in rows] == overlay.coupling_per_GeV.tolist()


def test_closed_regions_are_not_sorted_by_mass() -> None:
    region = overlays.load("beam_dumps_envelope")
    assert np.any(np.diff(region.mass_GeV) < 0.0)


@pytest.mark.parametrize("curve", POLYGONS)
def test_polygons_start_with_the_rows_and_close_upwards_if_asked(curve: str) -> None:
    overlay = overlays.load(curve)
    vertices = overlay.polygon()
    n = overlay.mass_GeV.size
    np.testing.assert_array_equal(vertices[:n, 0], overlay.mass_GeV)
    np.testing.assert_array_equal(vertices[:n, 1], overlay.coupling_per_GeV)
    if overlay.record.closure == "upwards":
        top = overlay.coupling_per_GeV.max()
        assert vertices[n:].tolist() == [
            [overlay.mass_GeV[-1], top],
            [overlay.mass_GeV[0], top],
        ]
    else:
        assert len(vertices) == n


@pytest.mark.parametrize(
    ("curve", "n_closures"),
    [("belle2_2020_observed", 2), ("besiii_2022", 6), ("primex", 4), ("faser", 0)],
)
def test_closure_rows_are_told_from_data(curve: str, n_closures: int) -> None:
    overlay = overlays.load(curve)
    assert np.count_nonzero(~overlay.is_data) == n_closures
    assert overlay.coupling_per_GeV[overlay.is_data].max() < 1.0


@pytest.mark.parametrize(
    ("curve", "table"),
    [
        ("belle2_2017_projection_3gamma_20fb", PROJECTION_20FB),
        ("belle2_2017_projection_3gamma_50ab", PROJECTION_50AB),
    ],
)
def test_projections_pass_through_the_published_values(
    curve: str, table: dict[float, float]
) -> None:
    values = overlays.load(curve).interpolate(list(table))
    np.testing.assert_allclose(values, list(table.values()), rtol=0.02)


def test_projections_scale_with_the_root_of_the_background() -> None:
    mass = np.array([0.3, 1.0, 3.0, 8.0])
    low = overlays.load("belle2_2017_projection_3gamma_20fb").interpolate(mass)
    high = overlays.load("belle2_2017_projection_3gamma_50ab").interpolate(mass)
    np.testing.assert_allclose(low / high, 2500.0**0.25, rtol=0.03)


@pytest.mark.parametrize(("end", "edge"), [("20fb", 6.5e-5), ("50ab", 9.0e-6)])
def test_single_photon_projections_are_flat_for_light_alps(
    end: str, edge: float
) -> None:
    curve = overlays.load(f"belle2_2017_projection_single_photon_{end}")
    light = curve.coupling_per_GeV[:3]
    np.testing.assert_allclose(light, edge, rtol=0.01)


def test_observed_limit_has_its_published_local_means() -> None:
    curve = overlays.load("belle2_2020_observed")
    values = curve.local_mean(list(OBSERVED_2020))
    np.testing.assert_allclose(values, list(OBSERVED_2020.values()), rtol=0.02)


@pytest.mark.parametrize(
    ("alpha", "agrees"),
    [(1 / 137.036, True), (1 / 128, False)],  # second: negative control
)
def test_two_digitisations_of_one_limit_agree_through_the_cross_section(
    alpha: float, agrees: bool
) -> None:
    sigma = overlays.load_cross_section("belle2_2020_observed_cross_section")
    mass = np.sqrt(sigma.mass_low_GeV * sigma.mass_high_GeV)
    unit = production_cross_section_pb(mass, 1.0, 10.58**2, alpha=alpha)
    curve = overlays.load("belle2_2020_observed")
    ratio = np.sqrt(sigma.sigma_pb / unit) / curve.local_mean(mass, half_width=0.01)
    assert (abs(np.nanmedian(ratio) - 1.0) < 0.01) == agrees


def test_interpolation_is_nan_outside_and_refuses_jagged_curves() -> None:
    curve = overlays.load("belle2_2017_projection_3gamma_20fb")
    assert np.isnan(curve.interpolate([0.01, 10.0])).all()
    assert np.isnan(overlays.load("belle2_2020_observed").local_mean(0.05))
    with pytest.raises(ValueError, match="use local_mean"):
        overlays.load("belle2_2020_observed").interpolate(1.0)
    with pytest.raises(ValueError, match="is a line"):
        curve.polygon()


def test_unknown_curves_are_refused_with_the_allowed_names() -> None:
    with pytest.raises(ValueError, match=r"unknown overlay 'lhcb'.*'na64'"):
        overlays.load("lhcb")
    with pytest.raises(ValueError, match="bounds a cross-section"):
        overlays.load("belle2_2020_observed_cross_section")
    with pytest.raises(ValueError, match="bounds a coupling"):
        overlays.load_cross_section("na64")


def test_bibliography_names_papers_sources_and_memories() -> None:
    lines = overlays.bibliography(
        ["belle2_2017_projection_3gamma_20fb", "upsilon_gamma_invisible", "na64"]
    )
    assert "arXiv:1709.00009 (90 % CL; photon only)" in lines[0]
    assert "from memory: arXiv:2407.18296" in lines[0]
    assert "no traceable paper" in lines[1]
    assert "AxionLimits" in lines[2]
    assert "memory" not in lines[2]


def _table() -> dict[str, object]:
    return {
        "label": "x",
        "kind": "limit",
        "quantity": "coupling",
        "shape": "line",
        "cl": 0.9,
        "coupling_assumption": "photon only",
        "references": ["arXiv:0000.00000"],
        "source": "somebody",
        "licence": "MIT",
        "remembered": [],
        "notes": "none",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "colour: unknown key; allowed are"),
        ({"kind": "bound"}, "kind: allowed are"),
        ({"shape": "polygon"}, "closure: needed for polygons"),
        ({"cl": 90.0}, "cl: must lie between 0 and 1"),
        ({"cl_note": "why"}, "cl: give either"),
        ({"references": []}, "references: give papers"),
        ({"source": " "}, "source: must not be empty"),
    ],
)
def test_incomplete_records_are_refused_in_one_line(
    change: dict[str, object], message: str
) -> None:
    assert records.parse("ok", _table()).cl == 0.9
    with pytest.raises(ValueError, match=message) as caught:
        records.parse("bad", _table() | change)
    assert str(caught.value).startswith("overlays.toml [bad]")
    assert "\n" not in str(caught.value)


def test_missing_keys_are_refused() -> None:
    table = _table()
    del table["licence"]
    with pytest.raises(ValueError, match="licence"):
        records.parse("bad", table)
