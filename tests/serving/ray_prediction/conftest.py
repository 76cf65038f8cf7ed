"""Ray reads its settings once in a process, and another folder's test may be the first to import it."""

import os

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
