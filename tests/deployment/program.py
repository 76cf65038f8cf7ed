"""`newstance` with two lists at its end, as JSON on stdout: which packages it imported, and which files it wrote."""

import json
import os
import sys
from importlib.metadata import packages_distributions

written = []


def watch(event, arguments):
    if event == "open":
        path, _, flags = arguments
        # A number is something that is open already.
        if flags & (os.O_WRONLY | os.O_RDWR) and not isinstance(path, int) and path != os.devnull:
            written.append(str(path))


sys.addaudithook(watch)
from newstance.cli import main  # noqa: E402

try:
    main()
finally:
    names = {name.partition(".")[0] for name in sys.modules}
    packages = {package for name, found in packages_distributions().items() if name in names for package in found}
    print(json.dumps({"packages": sorted(packages), "written": written}))
