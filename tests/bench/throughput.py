"""Events per second of the product, of numpy and of the bare random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.simd import LANES
from tests.bench.bounds import lanes_bound, numpy_bound
from tests.bench.chains import signal_chain, three_photon_chain
from tests.bench.peers import peer
from tests.bench.timing import Summary, Variant, rates, summary

if TYPE_CHECKING:
    from study.config import Config
    from tests.bench.chains import Chain

SIGNAL_MASSES_GEV = (1.0, 0.3)


@dataclass(frozen=True)
class Sizes:
    """How much is run: events per turn, turns, blocks of the stage times."""

    product: int = 1 << 20
    numpy: int = 1 << 17
    tuning: int = 1 << 16
    rounds: int = 9
    blocks: int = 400
    small_memory: int = 1_000_000
    large_memory: int = 100_000_000
    small_generated: int = 1_000_000
    large_generated: int = 10_000_000


QUICK = Sizes(
    1 << 18, 1 << 15, 1 << 14, 3, 50, 1_000_000, 10_000_000, 200_000, 2_000_000
)


@dataclass(frozen=True)
class Throughput:
    """Rates of one process [events per CPU second of one core]."""

    name: str
    product: Summary
    numpy: Summary
    ratio: Summary
    """Product over numpy, of effective events, turn by turn."""
    lanes_bound: Summary
    numpy_bound: Summary
    effective_share: float
    numpy_effective_share: float
    chunk: int
    """Events per array that numpy is fastest with."""

    @property
    def effective(self) -> float:
        """Effective events per second of the product."""
        return self.product.median * self.effective_share


def chains_to_time(config: Config, masses_GeV: tuple[float, ...]) -> dict[str, Chain]:
    """Return the chains by the name of their row; γγγ is counted in all windows."""
    chains = {f"signal {m:g} GeV": signal_chain(m, config) for m in SIGNAL_MASSES_GEV}
    return chains | {"γγγ": three_photon_chain(config, masses_GeV)}


def throughput(name: str, chain: Chain, sizes: Sizes) -> Throughput:
    """Time one process; everything is compiled and tuned before the clock starts."""
    chain.run(2 * LANES)
    other = peer(chain, sizes.tuning)
    share = chain.effective_share(sizes.product)
    variants = {
        "product": Variant(chain.run, sizes.product),
        "numpy": Variant(other.run, sizes.numpy),
        "lanes": Variant(lanes_bound(chain.uniforms), sizes.product),
        "numpy lanes": Variant(numpy_bound(chain.uniforms), sizes.product),
    }
    for variant in variants.values():
        variant.run(2 * LANES)
    measured = rates(variants, sizes.rounds)
    ratio = measured["product"] * share / measured["numpy"] / other.effective_share
    return Throughput(
        name=name,
        product=summary(measured["product"]),
        numpy=summary(measured["numpy"]),
        ratio=summary(ratio),
        lanes_bound=summary(measured["lanes"]),
        numpy_bound=summary(measured["numpy lanes"]),
        effective_share=share,
        numpy_effective_share=other.effective_share,
        chunk=other.chunk,
    )
