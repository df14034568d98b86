"""Random numbers in SIMD lanes: one xoshiro128++ generator per lane of a block.

Every lane owns a 128-bit state that follows from one ``SeedSequence``; a kernel loads the
state of its lane, draws what it needs and stores it back, so the numbers never leave the
registers. Chance of two of 10⁵ × 2048 streams of 2²⁵ numbers overlapping: < 1e-14.

References
----------
.. [1] D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47 (2021) 36, arXiv:1805.01407.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from generator.compiled import device, kernel
from generator.simd import LANES, f4

u4 = np.uint32
LaneState = NDArray[np.uint32]
"""Generator state, flat: word w of lane i is at w·LANES + i."""
Words = tuple[u4, u4, u4, u4]
"""State of one lane, in registers."""

# 23 bits, not 24: the midpoints of 2²⁴ bins round to 1.0 in float32
_SCALE: Final = f4(2.0**-23)
_OFFSET: Final = f4(2.0**-24)


def lanes(seed: np.random.SeedSequence) -> LaneState:
    """Return the states of LANES independent generators, shape (4·LANES,).

    A PCG64 seeded by ``seed`` fills them: SeedSequence itself takes 0.7 ms for that.
    """
    source = np.random.Generator(np.random.PCG64(seed))
    return source.integers(0, 2**32, size=4 * LANES, dtype=np.uint32)


@device
def load(state: LaneState, i: int) -> Words:
    """Return the four words of lane ``i``."""
    return state[i], state[LANES + i], state[2 * LANES + i], state[3 * LANES + i]


@device
def store(state: LaneState, i: int, words: Words) -> None:
    """Put the four words of lane ``i`` back."""
    state[i], state[LANES + i], state[2 * LANES + i], state[3 * LANES + i] = words


@device
def draw(words: Words) -> tuple[f4, Words]:
    """Return a float32 in the open interval (0, 1), and the next state."""
    a, b, c, d = words
    total = u4(a + d)
    output = u4(u4((total << u4(7)) | (total >> u4(25))) + a)
    shifted = u4(b << u4(9))
    c = u4(c ^ a)
    d = u4(d ^ b)
    b = u4(b ^ c)
    a = u4(a ^ d)
    c = u4(c ^ shifted)
    d = u4((d << u4(11)) | (d >> u4(21)))
    # via int32: signed conversion is one instruction on every SIMD instruction set
    number = f4(np.int32(output >> u4(9))) * _SCALE + _OFFSET
    return number, (a, b, c, d)


@kernel
def fill_uniform(state: LaneState, out: NDArray[np.float32]) -> None:
    """Fill ``out``, shape (m·LANES,), with uniform numbers: the generator's own bound."""
    for row in range(out.size // LANES):
        for i in range(LANES):
            out[row * LANES + i], words = draw(load(state, i))
            store(state, i, words)
