"""Install PostgreSQL's server for the tests that need one, where the machine has none: Debian's package, as root.

    python tests/fetch_postgres.py

Elsewhere say how to come by it; its tests fail without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from postgres import find_programs

PACKAGE = "postgresql"


def main() -> None:
    """Install it, unless it is there."""
    if found := find_programs():
        print(f"PostgreSQL for the tests: {found}")
    elif os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"No PostgreSQL here, so its tests fail; install it (Debian: apt-get install {PACKAGE}).")
    else:
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
            install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", PACKAGE]
            subprocess.run(install, check=True, env=quiet)
            print(f"PostgreSQL for the tests: {find_programs()}")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"PostgreSQL could not be installed ({error}), so its tests fail.")


if __name__ == "__main__":
    main()
