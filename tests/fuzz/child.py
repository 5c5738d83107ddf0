"""Runs seeds one after another, with a line of JSON before and after each: ``python -m tests.fuzz.child 0 500``."""

import json
import os
import resource
import shutil
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.attempt import Outcome, attempt, forbid

_ADDRESSES = 6 << 30
"""Bytes of addresses beyond those at the start: what asks for more gets an error instead of this machine's memory."""


def main() -> None:
    """Seeds from the first argument up to the second, which is left out."""
    first, last = map(int, sys.argv[1:3])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESSES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with TemporaryDirectory(prefix="rapidembed-fuzz-") as root:
        os.environ |= {"RAPIDEMBED_CACHE_DIR": f"{root}/cache", "HOME": f"{root}/home", "HF_HOME": f"{root}/hub"}
        os.environ |= {"HF_HUB_OFFLINE": "1", "RAPIDEMBED_THREADS": "2"}
        forbid()
        for seed in range(first, last):
            _say({"begins": seed})
            place = Path(root) / str(seed)
            place.mkdir()
            try:
                outcome = attempt(seed, place)
            except Exception:  # of the fuzzer's own
                outcome = Outcome(seed, wrong="the fuzzer itself", detail=traceback.format_exc())
            _say(outcome.as_json())
            os.chdir(root)
            shutil.rmtree(place, ignore_errors=True)


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
