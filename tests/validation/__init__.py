"""The numbers of the README's validation section: ``python -m tests.validation``."""
