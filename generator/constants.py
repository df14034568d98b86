"""Physical constants, each with its source (units in the names)."""

from __future__ import annotations

from typing import Final

ALPHA_0: Final = 1.0 / 137.036
"""Fine-structure constant at zero momentum transfer (PDG; used by arXiv:2007.13071)."""

HBARC_GEV_CM: Final = 1.973269804e-14
"""ħc in GeV cm (CODATA 2018, exact in SI)."""

GEV2_PB: Final = 3.893793721e8
"""(ħc)² in GeV² pb: cross section in GeV⁻² times this is in pb (CODATA 2018)."""

INVFB_TO_INVPB: Final = 1000.0
"""Integrated luminosity: 1 fb⁻¹ = 1000 pb⁻¹."""

ELECTRON_MASS_GEV: Final = 0.51099895e-3
"""Electron mass (PDG)."""
