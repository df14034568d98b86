"""Configurations: what is accepted, how it is refused, what the digest sees."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from detector.separation import MergeRule
from generator.beam_background import BeamBackground
from generator.fusion import QSquaredMax
from generator.initial_state import InitialState
from generator.processes import BACKGROUNDS, Options
from study.config import Config, ScanConfig
from study.errors import InputError
from study.load import (
    override,
    parse,
    preset_names,
    preset_text,
    quickened,
    read_file,
    read_toml,
)
from study.points import background_phase_space
from study.store import ResultsFolder

if TYPE_CHECKING:
    from pathlib import Path


def configured(*assignments: str) -> Config:
    return parse(override({}, assignments), "test")


@pytest.mark.parametrize("name", preset_names())
def test_a_printed_preset_is_a_valid_configuration(name: str) -> None:
    config = parse(read_toml(preset_text(name), name), name)
    assert len(config.scan.masses()) == config.scan.n_masses
    assert config.variants()[0].crystals == config.detector.merge_crystals


def test_presets_are_listed() -> None:
    assert "belle2-2017" in preset_names()
    with pytest.raises(
        InputError, match=r"^unknown preset 'belle3'; allowed: belle2-2"
    ):
        preset_text("belle3")


def test_the_resolved_configuration_is_the_same_study(tmp_path: Path) -> None:
    config = configured("scan.masses_GeV=[3, 0.2]", "detector.merge_rule=cross")
    ResultsFolder(tmp_path, config, "scan")
    data = read_file(tmp_path / "config.toml")
    assert data.pop("kind") == "scan"
    again = parse(data, "config.toml")
    assert again == config
    assert again.digest() == config.digest()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("colour=red", "unknown key colour; allowed: title, seed, processes, beams"),
        (
            "detector.trigger.volume=11",
            "unknown key detector.trigger.volume; allowed: enabled, min_deposits",
        ),
        ("scan.masses_GeV=[0.5, -1.0]", "scan.masses_GeV.1: .* greater than 0, not -1"),
        (
            "scan.masses_GeV=[0.5, 11]",
            r"scan: mass 11 GeV .* below sqrt\(s\) = 10\.5792",
        ),
        ("scan.masses_GeV=[1e-4]", "scan: mass 0.0001 GeV must be at least 0.001 GeV"),
        ("scan.masses_GeV=[]", "scan: masses_GeV is empty: give at least one mass"),
        ("scan.masses_GeV=[1, 2, 1.0]", "scan: masses_GeV holds a mass twice"),
        ("scan.masses_GeV=[1, 1.0000001]", "holds a mass twice .* told apart to 1 keV"),
        ("scan.masses_GeV=[nan]", "scan.masses_GeV.0: .* not nan"),
        ("scan.mass_max_GeV=12", r"scan: mass 11.065 GeV must .* below sqrt\(s\)"),
        ("scan.mass_min_GeV=10", "scan: mass_min_GeV must be below mass_max_GeV"),
        ("scan.n_masses=1000000", "scan: n_masses holds a mass twice"),
        ("scan=3", "scan: Input should be .*, not 3"),
        ("events.signal=0", "events.signal: Input should be greater than 0, not 0"),
        ("events.background=1.5", "events.background: .* integer.*, not 1.5"),
        ("events.signal=20k", "events.signal: Input should be a number, not '20k'"),
        ("events.signal=true", "events.signal: Input should be a number, not True"),
        ("seed=-1", "seed: .* greater than or equal to 0, not -1"),
        (
            "detector.merge_rule=round",
            "detector.merge_rule: Input should be 'square' or 'cross', not 'round'",
        ),
        ("limits.methods=['magic']", "limits.methods.0: .*'cls-exact'.*, not 'magic'"),
        (
            "limits.confidence_levels=[1.0]",
            "limits.confidence_levels.0: .* less than 1",
        ),
        ("limits.luminosities_invfb=[inf]", "luminosities_invfb.0: .* finite"),
        (
            "limits.luminosities_invfb=[20, 20.0]",
            "luminosities_invfb: holds a value tw",
        ),
        ("limits.methods=[]", "limits.methods: .* at least 1 item"),
        ("separation.crystals=[1, 1]", "separation.crystals: holds a value twice"),
        (
            "processes=['aaa', 'bbb']",
            "processes.1: must be one of aaa, aaaa, aa, eea, .*gamma, not 'bbb'",
        ),
        ("processes=['signal']", "processes.0: must be one of .*, not 'signal'"),
        ("processes=['eea', 'eea']", "processes: holds a value twice"),
        ("processes=[]", "processes: .* at least 1 item"),
        ("processes=aaa", "processes: Input should be a valid tuple, not 'aaa'"),
        ("generator.colour=1", "unknown key generator.colour; allowed: radiation, be"),
        ("generator.radiation=maybe", "generator.radiation: .* boolean.*, not 'maybe'"),
        ("generator.alpha=0.007", "generator.alpha: .* 'zero' or 'running', not 0.007"),
        (
            "generator.q2_max=10",
            "q2_max: Input should be 'kinematic' or 'mass', not 10",
        ),
        ("generator.track_loss=1.5", "track_loss: .* less than or equal to 1, not 1.5"),
        (
            "generator.beam_background_mean=-0.1",
            "beam_background_mean: .* greater than or equal to 0, not -0.1",
        ),
        (
            "generator.beam_background_energy_min_GeV=0",
            "beam_background_energy_min_GeV: .* greater than 0, not 0",
        ),
        ("generator.beam_background_energy_max_GeV=0.05", "generator: .*0.05"),
        ("generator.beam_background_index=nan", "beam_background_index: .*, not nan"),
        (
            "generator.extra_energy_cms_min_GeV=-1",
            "extra_energy_cms_min_GeV: .* greater than 0, not -1",
        ),
        ("beams.electron_spread_GeV=-1e-3", "electron_spread_GeV: .*equal to 0, not"),
        (
            "beams.positron_spread_GeV=0.5",
            "beams: positron_spread_GeV must be at most 2% of the energy",
        ),
        ("events.light_pairs=-1", "events.light_pairs: .*than or equal to 0, not -1"),
        ("events.other_backgrounds=0", "events.other_backgrounds: .* greater than 0"),
        ("beams.electron_GeV=inf", "beams.electron_GeV: .* finite number, not inf"),
        ("beams.positron_GeV=9.0", r"beams: sqrt\(s\) = 15.87 GeV: spectra reach 12"),
        ("selection.helicity_low=0", "helicity_low: .* greater than 0"),
        (
            "selection.theta_lab_min_deg=160",
            "selection: theta_lab_min_deg must be below theta_lab_max_deg",
        ),
        (
            "selection.theta_lab_min_deg=4.3",
            "selection: theta_lab_min_deg and theta_lab_max_deg must be within 4.378",
        ),
        (
            "selection.energy_cms_min_GeV=4",
            r"selection: energy_cms_min_GeV = 4 must be below sqrt\(s\)/3 = 3.5264 GeV",
        ),
    ],
)
def test_bad_values_are_refused_in_one_line(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^test: .*{message}") as caught:
        configured(assignment)
    assert "\n" not in str(caught.value)


def test_the_count_of_further_problems_is_told() -> None:
    with pytest.raises(InputError, match=r"\(and 2 more\)$"):
        configured("seed=-1", "events.signal=0", "events.lifetime=0")


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("seed = 1\nseed 2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"my\.toml: not valid TOML: .*line 2"):
        read_file(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"^cannot read config .*my\.toml: "):
        read_file(path)


def test_overrides_take_toml_values_and_bare_words() -> None:
    config = configured(
        "detector.merge_rule=cross",
        'detector.merge_distance="index"',
        "events.signal=20_000",
        "events.background=1e6",
        "scan.masses_GeV=[1, 0.5]",
        "detector.trigger.enabled=false",
        "title=a = b",
    )
    assert config.detector.merge_rule is MergeRule.CROSS
    assert config.detector.merge_distance == "index"
    assert (config.events.signal, config.events.background) == (20_000, 1_000_000)
    assert config.scan.masses() == (0.5, 1.0)
    assert not config.detector.trigger.enabled
    assert config.title == "a = b"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed", "--set seed: expected section.key=value"),
        ("=3", "--set =3: expected section.key=value"),
        ("seed.x=3", "--set seed.x=3: seed is a value, not a table"),
    ],
)
def test_bad_assignments(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        override({"seed": 1}, [assignment])


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=20, unique=True))
def test_masses_are_ascending(masses_MeV: list[int]) -> None:
    given_masses = tuple(mass / 1000.0 for mass in masses_MeV)
    scan = ScanConfig(masses_GeV=given_masses)
    assert sorted(given_masses) == list(scan.masses())


@given(st.integers(1, 500), st.floats(0.01, 5.0), st.floats(1.1, 2.0))
def test_a_grid_ascends_between_its_bounds(n: int, low: float, factor: float) -> None:
    scan = ScanConfig(n_masses=n, mass_min_GeV=low, mass_max_GeV=low * factor)
    masses = scan.masses()
    assert len(masses) == n
    assert all(a < b for a, b in pairwise(masses))
    assert masses[0] == pytest.approx(low, rel=1e-4)
    assert masses[-1] == pytest.approx(low * factor if n > 1 else low, rel=1e-4)


def _numbers(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return every number of a configuration by its dotted key."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= _numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{prefix}{key}"] = value
    return found


NUMBERS = _numbers(Config().as_dict())


@pytest.mark.parametrize("key", NUMBERS)
def test_any_number_changes_the_digest(key: str) -> None:
    value = NUMBERS[key]
    changed = value + 1 if isinstance(value, int) else value * 0.999 or 0.001
    assert configured(f"{key}={changed}").digest() != Config().digest()


@given(st.text(max_size=30))
def test_the_title_does_not_change_the_digest(title: str) -> None:
    config = Config(title=title)
    assert config.digest() == Config().digest()
    assert parse(tomllib.loads(tomli_w.dumps(config.as_dict())), "x") == config


def test_quick_divides_the_samples() -> None:
    quick = quickened(configured("events.signal=5", "events.lifetime=70"))
    assert (quick.events.signal, quick.events.lifetime) == (1, 7)
    assert quick.events.background == Config().events.background // 10
    assert quick.events.other_backgrounds == Config().events.other_backgrounds // 10
    assert quick.events.light_pairs == Config().events.light_pairs // 10
    assert quick.digest() != Config().digest()
    without = quickened(configured("events.light_pairs=0"))
    assert without.events.light_pairs == 0


def test_the_generated_region_holds_the_cuts_with_a_margin() -> None:
    region = background_phase_space(Config())
    assert region.theta_lab_deg == (15.0, 152.0)
    # the softest lab energy of E* = 0.25 GeV is γ(1 − β)E* = 0.188 GeV: σ 2.9 %
    assert region.energy_cms_min_GeV == pytest.approx(0.25 * (1 - 5 * 0.029), rel=0.01)


def test_more_beam_background_needs_a_larger_margin() -> None:
    config = configured('detector.background_level="high"')
    wider, usual = background_phase_space(config), background_phase_space(Config())
    assert wider.energy_cms_min_GeV < 0.95 * usual.energy_cms_min_GeV


def test_only_four_photons_may_hold_a_soft_one() -> None:
    config = configured("generator.extra_energy_cms_min_GeV=0.07")
    usual, four = (background_phase_space(config, name) for name in ("aaa", "aaaa"))
    assert usual.extra_energy_cms_min_GeV is None
    assert four == replace(usual, extra_energy_cms_min_GeV=0.07)


def test_options_of_the_samplers() -> None:
    assert Config().options() == Options()
    options = configured(
        "generator.radiation=true",
        "generator.alpha=running",
        "generator.q2_max=mass",
        "generator.track_loss=0.2",
        "generator.beam_background_mean=0.5",
        "generator.beam_background_energy_min_GeV=0.2",
        "generator.beam_background_energy_max_GeV=3",
        "generator.beam_background_index=2.5",
    ).options()
    assert options.initial == InitialState(radiation=True)
    assert options.running_alpha
    assert options.q2_max is QSquaredMax.MASS
    assert options.track_loss == 0.2
    assert options.beam_background == BeamBackground(0.5, 0.2, 3.0, 2.5)


def test_the_spread_of_the_beams_must_be_asked_for() -> None:
    spread = "beams.electron_spread_GeV=0.004"
    assert configured(spread).options().initial == InitialState()
    initial = configured(spread, "generator.beam_energy_spread=true").options().initial
    assert initial == InitialState(False, 0.004, 0.002375)


def test_any_choice_of_backgrounds_is_a_study() -> None:
    config = configured("processes=['etagamma', 'aaa']")
    assert config.processes == ("etagamma", "aaa")
    assert configured(f"processes={list(BACKGROUNDS)}").processes == BACKGROUNDS
    assert config.digest() != Config().digest()


def test_configurations_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 3


def test_defaults_are_the_2017_preset() -> None:
    """So that a short --config differs from the preset only in what it says."""
    name = "belle2-2017"
    preset = parse(read_toml(preset_text(name), name), name)
    assert Config().digest() == preset.digest()


def test_one_trigger_line_needs_no_brackets() -> None:
    one = configured("detector.trigger.l1=lml1", "detector.trigger.hlt=neutral_barrel")
    trigger = one.build_detector().trigger
    assert (trigger.l1, trigger.hlt) == (("lml1",), ("neutral_barrel",))
    two = configured('detector.trigger.l1=["lml1", "lml12"]')
    assert two.detector.trigger.l1 == ("lml1", "lml12")
