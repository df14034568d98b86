"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# Derandomised, so that a change fails or passes for its own reason; `nightly` looks
# for new counter-examples (HYPOTHESIS_PROFILE=nightly).
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
