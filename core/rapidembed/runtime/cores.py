"""How many cores this process may use, which is often fewer than the machine has."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def allowed_cores() -> int:
    """Cores of the affinity mask, further limited by a cgroup CPU quota (containers); at least 1."""
    return max(1, int(min(_affinity(), _quota())))


def _affinity() -> int:
    # Linux has the affinity mask; other systems count the machine's cores.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(root: Path = _CGROUP, own: Path = Path("/proc/self/cgroup")) -> float:
    limits = [
        _read_v1(root / "cpu"),
        *(_read_v2(folder / "cpu.max") for folder in _cgroup_folders(root, own)),
    ]
    return min((math.ceil(limit) for limit in limits if limit), default=math.inf)


def _cgroup_folders(root: Path, own: Path) -> list[Path]:
    """The process's own cgroup v2 folder and those above it: any of them may carry a quota."""
    try:
        path = next((line[3:].strip() for line in own.read_text().splitlines() if line.startswith("0::")), "/")
    except OSError:
        return [root]
    folder = root / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _read_v2(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 and period > 0 else None
    except (OSError, ValueError):
        return None
