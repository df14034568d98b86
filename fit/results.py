"""Containers of the limits: frozen, with the confidence level and method they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Method = Literal["cls-exact", "clsb-exact", "cls-asymptotic", "clsb-asymptotic"]
"""How a one-sided upper limit is set: CLs or CLs+b, exact Poisson or asymptotic."""

METHODS: Final[tuple[Method, ...]] = get_args(Method)
"""Every `Method`, in the order of the documentation."""

QUANTILES_SIGMA: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Quantiles of an expected limit, in standard deviations of a Gaussian."""

MEDIAN: Final = 2
"""Index of the median in `QUANTILES_SIGMA`."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedLimits:
    """Upper limits on the signal events, expected if there is background only."""

    events: NDArray[np.float64]
    """Excluded signal events, shape (..., 5): one column per `quantiles_sigma`."""

    cl: float
    """Confidence level of the limits, in (0, 1)."""

    method: Method
    """How the limits were set."""

    one_sided: bool = True
    """Always true: every method here gives an upper limit, none an interval."""

    quantiles_sigma: tuple[float, ...] = QUANTILES_SIGMA
    """Quantile of each column [standard deviations]; higher means weaker limit."""

    @property
    def median(self) -> NDArray[np.float64]:
        """Central expected limit [events], shape (...)."""
        median: NDArray[np.float64] = self.events[..., MEDIAN]
        return median


@dataclass(frozen=True, slots=True, eq=False)
class CouplingLimit:
    """Expected limit at one ALP mass, from events to coupling.

    The arrays have shape (5,), one entry per quantile −2σ … +2σ of the limit.
    """

    mass_GeV: float
    """ALP mass [GeV]."""

    luminosity_invfb: float
    """Integrated luminosity [fb⁻¹]."""

    cl: float
    """Confidence level of the limits, in (0, 1)."""

    method: Method
    """How the limits were set."""

    events: NDArray[np.float64]
    """Excluded signal events."""

    efficiency: NDArray[np.float64]
    """Signal efficiency at the coupling of each quantile (its own lifetime)."""

    efficiency_error: NDArray[np.float64]
    """Monte Carlo standard error of `efficiency`."""

    sigma_pb: NDArray[np.float64]
    """Excluded cross section σ(e⁺e⁻ → γa) [pb], events / (efficiency × luminosity)."""

    g_per_GeV: NDArray[np.float64]
    """Excluded coupling [GeV⁻¹]; infinite where nothing can be excluded."""

    g_median_mc_error: float
    """Monte Carlo standard error of the median coupling [GeV⁻¹]."""
