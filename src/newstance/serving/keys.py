"""API keys: who may ask.

A key file has one line a key, ``name:hash``: a name for the log, and the key's SHA-256 in hexadecimal, so that a
stolen file opens nothing. Keys are made, not chosen (``newstance key NAME``), with 256 bits of chance; that is why a
plain hash is enough. A variable with plain keys, separated by commas, does where files are awkward.
"""

from __future__ import annotations

import os
import re
import secrets
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from newstance.errors import NewstanceError

API_KEYS = "NEWSTANCE_API_KEYS"
ADMIN_KEYS = "NEWSTANCE_ADMIN_KEYS"
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<hash>[0-9a-f]{64})")
_SHORTEST = 20


def make_key(name: str) -> tuple[str, str]:
    """Make a key.

    Returns
    -------
    tuple of str
        The key, to be given to its owner and kept nowhere, and its line for the key file.
    """
    key = f"ns_{secrets.token_urlsafe(32)}"
    line = f"{name}:{_hash(key)}"
    if not _LINE.fullmatch(line):
        raise NewstanceError(f"'{name}' can't name a key; use up to 64 letters, digits, dots, hyphens or underscores.")
    return key, line


class Keys:
    """The keys from a file and a variable.

    Parameters
    ----------
    file
        The key file, or None.
    variable
        Name of the variable.

    Raises
    ------
    NewstanceError
        When the file can't be read, has a wrong line or no key, or a key of the variable is too short.
    """

    def __init__(self, file: Path | None, variable: str) -> None:
        self._file = file
        self._variable = variable
        self._hashes = self._read()

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def reload(self) -> None:
        """Read file and variable anew; after an error the old keys stay."""
        self._hashes = self._read()

    def owner(self, key: str) -> str | None:
        """Return the name of the key, or None for an unknown one; takes equally long for every key."""
        given, found = _hash(key), None
        for name, known in self._hashes.items():
            if compare_digest(given, known):
                found = name
        return found

    def _read(self) -> dict[str, str]:
        return (_read_file(self._file) if self._file else {}) | _read_variable(self._variable)


def _read_file(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NewstanceError(f"The key file {file} can't be read: {error}.") from None
    hashes: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        # The line isn't repeated: it may be a plain key put there by mistake.
        if not (match := _LINE.fullmatch(line.strip())):
            raise NewstanceError(f"{file}, line {number} is not 'name:sha256'; make a line with `newstance key NAME`.")
        if match["name"] in hashes:
            raise NewstanceError(f"{file}, line {number}: the name '{match['name']}' is there twice.")
        hashes[match["name"]] = match["hash"]
    if not hashes:
        raise NewstanceError(f"The key file {file} holds no key; make one with `newstance key NAME`.")
    return hashes


def _read_variable(variable: str) -> dict[str, str]:
    keys = [key.strip() for key in os.environ.get(variable, "").split(",") if key.strip()]
    if any(len(key) < _SHORTEST for key in keys):
        raise NewstanceError(
            f"A key in {variable} has fewer than {_SHORTEST} characters; make one with `newstance key NAME`."
        )
    return {f"{variable.lower()}-{number}": _hash(key) for number, key in enumerate(keys, start=1)}


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
