"""Tests of the package ``study``."""

from __future__ import annotations
