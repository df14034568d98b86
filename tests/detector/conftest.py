"""Fixtures of the detector tests."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference.detector import Rings, load_rings


@pytest.fixture(scope="session")
def rings() -> Rings:
    """Return the ring table as the reference reads it."""
    return load_rings()


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with a fixed seed."""
    return np.random.default_rng(20260722)
