"""Build the real API server, if it is missing, before the tests that start it."""

from tests.apiserver.fixtures import binaries, pytest_collection_finish

__all__ = ["binaries", "pytest_collection_finish"]
