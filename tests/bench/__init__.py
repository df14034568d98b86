"""`make bench`: events per second and peak memory, beside plain numpy and targets.

Rates are per core, in CPU seconds of this process. Other work still slows it down where
it shares a core or a cache: variants that are compared take turns, ratios are taken turn
by turn, and the load is printed.
"""

from __future__ import annotations
