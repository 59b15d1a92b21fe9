"""Fixtures of the contract tests."""

from tests.stores import store

__all__ = ["store"]
