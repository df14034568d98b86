"""Plain-numpy reference of the whole chain: test oracle and benchmark peer.

Everything here is written independently of the compiled kernels: float64, whole
arrays of events, `numpy.random.Generator`. Photons run along axis 0, events along
axis 1, so a column of energies has shape (3, n). Units: GeV, rad, cm, pb.
"""

from __future__ import annotations
