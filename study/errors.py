"""The one error that means "your input", shown as one line with exit code 2."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: says what, where and what is allowed, in one line."""
