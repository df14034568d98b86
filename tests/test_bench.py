"""The benchmark runs and counts right; kernels vectorise; memory does not grow.

No times are asserted: they depend on the machine.
"""

from __future__ import annotations

import io
import platform
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytest
from rich.console import Console

from detector import (
    crystals,
    event,
    response,
    separation,
    shower_integrals,
    shower_patch,
    splitting,
)
from detector.geometry import belle2
from generator import (
    frames,
    fusion,
    initial_state,
    light_pair,
    signal,
    three_photon,
    two_photon,
)
from generator.light_pair import LightPair
from generator.processes import PROCESSES, stream
from generator.random import lanes
from generator.sampling import EVENTS_PER_CHUNK, blocks, cross_section
from generator.simd import LANES
from selection import candidates
from tests.bench import detectors, generators, memory, report
from tests.bench.chains import Chain, preset, signal_chain, three_photon_chain
from tests.bench.peers import peer
from tests.bench.stages import STAGES, Stepper, stage_times
from tests.bench.throughput import Sizes, throughput
from tests.bench.timing import Variant, rates, summary

if TYPE_CHECKING:
    from collections.abc import Callable

TINY = Sizes(product=2 * LANES, numpy=2048, tuning=1024, rounds=3, blocks=2)
SPARE_MB = 8.0
RADIATING = initial_state.InitialState(radiation=True)

HOT_KERNELS: list[Callable[..., None]] = [
    signal._generate,
    three_photon._generate,
    light_pair._generate,
    two_photon._generate,
    fusion._generate,
    initial_state._radiate,
    frames._to_lab,
    crystals._deposit,
    separation._label,
    separation._sum,
    separation._lead,
    response._respond,
    response._smear,
    shower_integrals.shape,
    shower_integrals.prepare_row,
    shower_integrals.integrate,
    shower_patch._deal_row,
    shower_patch._normalise,
    splitting.locate,
    candidates._choose,
    candidates._pairs,
    candidates._decide,
]
# Arithmetic, comparisons and selections of whole float32 vectors; no moves, no logic:
# scalar code uses those as well.
PACKED = {
    "x86_64": (
        r"\bv?(?:(?:mul|add|sub|div|min|max|sqrt)ps|cmp\w*ps|blend\w*ps"
        r"|fn?m(?:add|sub)\d{3}ps)\s"
    ),
    "aarch64": (
        r"\bf(?:mla|mls|mul|add|sub|div|minn?m?|maxn?m?|sqrt|cm[gl][te]|cmeq)"
        r"(?:\.4s\s|\s+v\d+\.4s)"
    ),
}
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(
    platform.machine(), platform.machine()
)
needs_known_assembly = pytest.mark.skipif(
    MACHINE not in PACKED, reason=f"no pattern for the assembly of {MACHINE}"
)


@pytest.fixture(scope="module")
def signal_1_GeV() -> Chain:
    return signal_chain(1.0, preset())


@pytest.fixture(scope="module")
def background() -> Chain:
    return three_photon_chain(preset(), (0.3, 1.0, 8.0))


@pytest.fixture(params=["signal_1_GeV", "background"])
def chain(request: pytest.FixtureRequest) -> Chain:
    found: Chain = request.getfixturevalue(request.param)
    return found


def _draws(chain: Chain) -> int:
    """Count the numbers a lane has drawn in a block, by drawing until states agree."""
    from generator.random import fill_uniform

    state, fresh = chain.seed.chunk(0), chain.seed.chunk(0)
    photons = chain.sampler.block(state, LANES, 1.0)
    chain.config.build_detector().simulate(photons, state)
    row = np.empty(LANES, np.float32)
    for count in range(100):
        if np.array_equal(state, fresh):
            return count
        fill_uniform(fresh, row)
    return -1


def test_a_chain_counts_every_event_and_selects_some(chain: Chain) -> None:
    n_events = 2 * LANES + 77
    tally = chain.run(n_events)
    passed = tally.passed()[:, 0]
    assert tally.n_events == n_events
    assert np.all(np.diff(passed, axis=1) <= 1e-12 * passed[:, :1])
    assert tally.in_windows()[0].sum() > 0.0


def test_the_bounds_draw_as_many_numbers_as_the_chain(chain: Chain) -> None:
    assert _draws(chain) == chain.uniforms


def test_signal_is_unweighted_and_background_nearly(
    signal_1_GeV: Chain, background: Chain
) -> None:
    assert signal_1_GeV.effective_share(5000) == pytest.approx(1.0)
    assert 0.6 < background.effective_share(50_000) < 1.0


def test_stages_make_the_candidates_that_the_detector_makes(chain: Chain) -> None:
    stepped = Stepper(chain).block(chain.seed.chunk(0))
    beams, cuts = chain.config.beams.build(), chain.config.selection.cuts()
    photons, state = next(blocks(chain.sampler, chain.seed, LANES))
    clusters = chain.config.build_detector().simulate(photons, state)
    expected = candidates.select(clusters, beams, cuts)
    np.testing.assert_array_equal(stepped.level_low, expected.level_low)
    np.testing.assert_array_equal(stepped.level_high, expected.level_high)
    np.testing.assert_array_equal(stepped.pair_m2, expected.pair_m2)


def test_numpy_selects_what_the_product_selects(signal_1_GeV: Chain) -> None:
    """The two do the same work; the fine comparison is in the tests of the chain."""
    from tests.reference.selection import Name

    n_events = 50_000
    other = peer(signal_1_GeV, 2048)
    assert other.chunk > 0
    flow: Any = other.work(n_events)
    tally = signal_1_GeV.run(n_events)
    in_window = tally.in_windows()[0, :, 0]
    for window, found in zip(signal_1_GeV.windows, in_window, strict=True):
        efficiency = flow[Name(window.selection.value)].efficiency[-1]
        assert found == pytest.approx(efficiency, rel=0.1)


def test_variants_take_turns() -> None:
    turns: list[str] = []
    variants = {
        name: Variant(lambda n, name=name: turns.append(f"{name}{n}"), size)  # type: ignore[misc]
        for name, size in (("a", 1), ("b", 2))
    }
    measured = rates(variants, 3)
    assert turns == ["a1", "b2"] * 3
    assert {name: values.shape for name, values in measured.items()} == {
        "a": (3,),
        "b": (3,),
    }


def test_summary_is_the_median_and_the_extremes() -> None:
    assert summary(np.array([3.0, 1.0, 2.0])) == (2.0, 1.0, 3.0)


def test_tables_render(signal_1_GeV: Chain, background: Chain) -> None:
    chains = {"signal": signal_1_GeV, "γγγ": background}
    rows = [throughput(name, chain, TINY) for name, chain in chains.items()]
    times = {name: stage_times(chain, 2) for name, chain in chains.items()}
    peaks = [report.Peak("signal", 200.0, 201.0), report.Peak("aaa", 200.0, 900.0)]
    for row in rows:
        for value in (row.product, row.numpy, row.lanes_bound, row.numpy_bound):
            assert 0.0 < value.low <= value.median <= value.high
        assert 0.0 < row.effective <= row.product.median * 1.000001
    for row_times in times.values():
        assert list(row_times) == list(STAGES)
        assert min(row_times.values()) > 0.0
    text_file = io.StringIO()
    console = Console(file=text_file, width=100)
    console.print(report.machine())
    console.print(report.throughput_table(rows))
    console.print(report.stage_table(times))
    console.print(report.memory_table(peaks, 1_000_000, 100_000_000))
    console.print(report.target_table(rows, peaks))
    text = text_file.getvalue()
    for words in ("alpenglow / numpy", "respond", "1e+08 events", "4.500", "not met"):
        assert words in text


def test_every_process_is_timed() -> None:
    rows = generators.generator_rows(2 * LANES, 1)
    assert [row.process for row in rows] == list(PROCESSES)
    for row in rows:
        assert 0.0 < row.share <= 1.000001
        assert 0.0 < row.radiated_share <= 1.000001
        assert row.rate.median > 0.0
    aims = generators.aim_rows(preset(), 20 * LANES, 1)
    assert {row.mass_GeV for row in aims} == set(generators.WINDOW_MASSES_GEV)
    text = io.StringIO()
    console = Console(file=text, width=100)
    console.print(generators.generator_table(rows))
    console.print(generators.aim_table(aims))
    assert text.getvalue().count("*") == len(generators.WINDOW_MASSES_GEV) + 1
    targets = generators.targets(rows, aims)
    assert len(targets) == 5


def test_the_aimed_sampler_finds_light_pairs() -> None:
    """No time in it: effective over generated events, at the two light masses."""
    aims = generators.aim_rows(preset(), 20 * LANES, 1)
    for mass in generators.WINDOW_MASSES_GEV[:2]:
        plain, *_, aimed = (row.share for row in aims if row.mass_GeV == mass)
        assert aimed > generators.GAIN_TARGET * plain


@pytest.mark.slow
@pytest.mark.parametrize("process", ["fusion", "aaa", "aaaa", "aa", "eea"])
def test_generating_more_takes_no_more_memory(process: str) -> None:
    cross_section(generators.standard(process), stream("sample-aaa", 1), LANES)
    name = memory.GENERATE + process
    few, many = (memory.run_in_own_process(name, n * LANES) for n in (20, 200))
    assert 20.0 < few < report.PEAK_TARGET_MB
    assert many < few + SPARE_MB


@pytest.mark.slow
@pytest.mark.parametrize("name", memory.CHAINS)
def test_memory_does_not_grow_with_the_number_of_events(
    name: str, signal_1_GeV: Chain, background: Chain
) -> None:
    for chain in (signal_1_GeV, background):
        chain.run(LANES)  # fills the cache on disk: compiling takes memory, too
    few, many = (memory.run_in_own_process(name, n * EVENTS_PER_CHUNK) for n in (5, 50))
    assert 20.0 < few < report.PEAK_TARGET_MB
    assert many < few + SPARE_MB


def test_peak_memory_sees_what_is_kept() -> None:
    """Negative control of the memory test."""
    code = (
        "from tests.bench.memory import peak_MB; before = peak_MB();"
        f"kept = b'x' * {round(2e6 * SPARE_MB)}; print(peak_MB() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=memory.ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert float(done.stdout) > SPARE_MB


def _share_one_row(hits: crystals.Hits) -> None:
    """Call the kernels of showers one by one: in the loop they leave no signatures."""
    patches = shower_patch.Patches.empty(hits.slots)
    shower_patch.share(hits, hits.energy, 0, patches, lanes(np.random.SeedSequence(1)))
    work, words, sums = patches.work, patches.words, patches.sums
    shower_integrals.shape(hits.energy[: shower_integrals.TILE], work)
    shower_integrals.prepare_row(work)
    shower_integrals.integrate(7, work)
    shower_patch._deal_row(words, 0, 7, 1.0, work, patches.energy, patches.noise, sums)
    shower_patch._normalise(words, 1.0, hits.energy, work, sums, patches.scale)
    splitting.locate(np.ones(event.FOUND, np.float32), 21, 0)
    response.smear_energy(
        hits,
        hits.energy,
        response.LineShape.GAUSSIAN,
        0.0,
        lanes(np.random.SeedSequence(1)),
    )


def _assembly(kernel: Any, options: dict[str, Any]) -> str:
    """Compile afresh (what comes from the cache on disk shows no assembly)."""
    function = numba.njit(**options)(kernel.py_func)
    for signature in kernel.signatures:
        function.compile(signature)
    return "\n".join(function.inspect_asm().values())


@pytest.fixture(params=HOT_KERNELS, ids=lambda k: f"{k.__module__}.{k.__name__}")
def assembly(
    request: pytest.FixtureRequest, signal_1_GeV: Chain, background: Chain
) -> str:
    for chain in (signal_1_GeV, background):
        chain.run(LANES)
    for process in ("aa", "fusion"):
        generators.standard(process, RADIATING).block(chain.seed.chunk(0), LANES, 1.0)
    photons = LightPair(pair_mass_GeV=(0.1, 1.0)).block(chain.seed.chunk(0), LANES, 1.0)
    hits = crystals.hit(photons, belle2(), 1.0, chain.seed.chunk(0))
    _share_one_row(hits)
    dropped = ("cache", "nopython")
    kernel: Any = request.param
    options = {k: v for k, v in kernel.targetoptions.items() if k not in dropped}
    return _assembly(kernel, options)


@needs_known_assembly
def test_kernels_vectorise(assembly: str) -> None:
    """A loop that calls libm would lose its packed arithmetic."""
    assert len(re.findall(PACKED[MACHINE], assembly)) >= 2


@needs_known_assembly
def test_kernels_do_not_gather(assembly: str) -> None:
    """A table entry inside a select becomes a gather: twice the time, in `respond`."""
    assert "gather" not in assembly


@needs_known_assembly
def test_a_recurrence_does_not_vectorise() -> None:
    """Negative control: every step needs the one before."""

    def recurrence(values: Any, factor: Any) -> None:
        for i in range(1, values.size):
            values[i] = factor * values[i - 1] * values[i - 1] + values[i]

    compiled: Any = numba.njit(recurrence)
    compiled(np.ones(LANES, np.float32), np.float32(0.5))
    assembly = "\n".join(compiled.inspect_asm().values())
    assert "recurrence" in assembly
    assert not re.search(PACKED[MACHINE], assembly)


def test_parts_of_the_detector_are_timed() -> None:
    rows, share = detectors.detector_rows(n_blocks=1, n_rounds=3)
    assert 0.0 < share < 1.0  # the model takes longer than its random numbers alone
    by_name = {row.name: row.rate.median for row in rows}
    assert by_name["shower model"] < by_name["first level, photons"]
    console = Console(file=io.StringIO(), width=100)
    console.print(detectors.detector_table(rows, share))
    found = detectors.targets(rows, rows[0].rate)
    assert [what.split(",")[0] for what, *_ in found] == [
        "separation model in the chain",
        "shower model",
        "first level",
    ]
    assert all(met == (float(m) >= float(t[2:])) for _, m, t, met in found[1:2])
