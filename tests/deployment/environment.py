"""An interpreter that sees what the image installs and no more: the packages of docker/runtime.txt, and newstance."""

from __future__ import annotations

import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "docker" / "runtime.txt"


def read_pins(file: Path) -> dict[str, str]:
    """Read ``name==version`` lines; names are normalised."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with links to the installed packages, and return its Python."""
    venv.create(folder)
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for package in read_pins(RUNTIME):
        _link(package, site)
    # newstance itself may be installed as a link to its sources.
    _link("newstance", site, only_metadata=True)
    (site / "newstance.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    return folder / "bin" / "python"


def _link(package: str, site: Path, *, only_metadata: bool = False) -> None:
    for file in distribution(package).files or ():
        wanted = file.parts[0].endswith(".dist-info") if only_metadata else file.parts[0] != ".."
        if wanted and "__pycache__" not in file.parts:
            link = site / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(str(file.locate()))
