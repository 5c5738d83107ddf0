"""What happens to files, as the system sees it: also what compiled code opens, which Python's own hooks do not."""

import ctypes
import os
import struct
import sys
from pathlib import Path
from types import TracebackType

_OPENED, _READ = 0x20, 0x1
_WRITTEN = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200
"""Changed, also in its attributes, moved from or to here, created, deleted."""
_DIRECTORY = 0x40000000
_HEAD = struct.Struct("iIII")


class Watch:
    """Notes what is opened or changed below some folders; on Linux only.

    Args:
        forbidden: nothing may be opened there.
        unchanged: nothing may be changed there.
    """

    def __init__(self, forbidden: Path, unchanged: Path) -> None:
        self.touched: list[str] = []
        self._folders: dict[int, Path] = {}
        self._forbidden, self._unchanged = forbidden, unchanged
        self._file = -1

    def __enter__(self) -> "Watch":
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            self._file = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            for root, mask in ((self._forbidden, _OPENED | _READ | _WRITTEN), (self._unchanged, _WRITTEN)):
                for folder in [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]:
                    self._folders[libc.inotify_add_watch(self._file, os.fsencode(folder), mask)] = folder
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file >= 0:
            self._drain()
            os.close(self._file)

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._file, 1 << 16)
            except BlockingIOError:
                return
            start = 0
            while start < len(data):
                number, mask, _, length = _HEAD.unpack_from(data, start)
                name = os.fsdecode(data[start + _HEAD.size : start + _HEAD.size + length].rstrip(b"\0"))
                start += _HEAD.size + length
                looked = mask & _DIRECTORY and not mask & _WRITTEN  # at names only
                if number in self._folders and not looked:
                    self.touched.append(
                        f"{'wrote' if mask & _WRITTEN else 'opened'} {self._folders[number].name}/{name}"
                    )
