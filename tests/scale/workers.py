"""Processes of the Ray that these tests started; there may be others on the machine."""

import psutil


def workers_here(name: str) -> list[psutil.Process]:
    """Those that Ray calls so."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:  # it ended
            continue
    return found
