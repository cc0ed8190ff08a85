"""Build the real API server, if it is missing, before the tests that start it."""

from tests.apiserver.fixtures import pytest_collection_finish

__all__ = ["pytest_collection_finish"]
