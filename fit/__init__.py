"""What limit follows: counting limits and their conversion to a coupling."""

from __future__ import annotations

from fit.counting import expected_limits, limit_derivative, upper_limit
from fit.coupling import (
    coupling_limit,
    coupling_mc_error,
    cross_section_limit_pb,
    solve_coupling,
)
from fit.lifetime import LifetimeEfficiency
from fit.limits import limit_at
from fit.results import (
    METHODS,
    QUANTILES_SIGMA,
    CouplingLimit,
    ExpectedLimits,
    Method,
)

__all__ = [
    "METHODS",
    "QUANTILES_SIGMA",
    "CouplingLimit",
    "ExpectedLimits",
    "LifetimeEfficiency",
    "Method",
    "coupling_limit",
    "coupling_mc_error",
    "cross_section_limit_pb",
    "expected_limits",
    "limit_at",
    "limit_derivative",
    "solve_coupling",
    "upper_limit",
]
