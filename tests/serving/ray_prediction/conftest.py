"""Ray reads its settings once in a process, and another folder's test may be the first to import it."""

import os

import fsspec
import pytest

os.environ.update(
    {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "0" * 64,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
        "RAY_agent_register_timeout_ms": "60000",  # on a busy machine its own processes start slowly
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on the loopback address only
    }
)


class KeylessError(Exception):
    """As botocore's NoCredentialsError, it is no OSError."""


class BrokenStorage(fsspec.AbstractFileSystem):
    """Lies behind broken:// and can't be reached."""

    protocol = "broken"

    def _open(self, path, mode="rb", **options):
        raise KeylessError("Unable to locate keys.")

    def ls(self, path, detail=True, **options):
        raise KeylessError("Unable to locate keys.")

    def info(self, path, **options):
        raise KeylessError("Unable to locate keys.")

    isdir = makedirs = rm_file = ls


@pytest.fixture
def broken_storage():
    fsspec.register_implementation("broken", BrokenStorage, clobber=True)
