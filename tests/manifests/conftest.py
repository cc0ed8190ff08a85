"""A real API server for the tests that apply."""

from tests.apiserver.fixtures import binaries, pytest_collection_finish, real_server

__all__ = ["binaries", "pytest_collection_finish", "real_server"]
