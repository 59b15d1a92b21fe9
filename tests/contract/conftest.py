"""Fixtures of the contract tests."""

from tests.rigs.storage.stores import store

__all__ = ["store"]
