"""What kind of CPU this is, and what 8-bit numbers it multiplies well."""

import platform
import sys
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# What matrix arithmetic profits from: the name people use, and how Linux and macOS spell it.
_FEATURES = {
    "AVX2": {"avx2"},
    "FMA": {"fma"},
    "AVX-512": {"avx512f"},
    "AVX-VNNI": {"avx_vnni", "avxvnni"},
    "AVX-512 VNNI": {"avx512_vnni", "avx512vnni"},
    "AVX-512 BF16": {"avx512_bf16"},
    "AMX BF16": {"amx_bf16"},
    "AMX INT8": {"amx_int8"},
    "NEON": {"asimd", "hw.optional.neon", "hw.optional.advsimd"},
    "dot product": {"asimddp", "hw.optional.arm.feat_dotprod"},
    "I8MM": {"i8mm", "hw.optional.arm.feat_i8mm"},
    "BF16": {"bf16", "hw.optional.arm.feat_bf16"},
    "SVE": {"sve"},
    "SME": {"sme", "hw.optional.arm.feat_sme"},
}

NARROW_SUMS = "x86-64"
"""The kind of :func:`integer_kind` whose sums overflow."""
WIDE_SUMS = "x86-64-vnni"
"""The kind whose sums do not, and which multiplies 8-bit numbers several times as fast as float32."""
_VNNI = {"AVX-VNNI", "AVX-512 VNNI", "AMX INT8"}
_X86 = {"x86_64", "amd64", "i386", "i686", "x86"}


def describe() -> tuple[str, list[str] | None]:
    """Name of the CPU, and what it can do; None where the system does not say."""
    if _CPUINFO.exists():
        name, flags = parse_cpuinfo(_CPUINFO.read_text(encoding="utf-8", errors="replace"))
    elif sys.platform == "darwin":
        name, flags = parse_sysctl(_sysctl())
    else:
        return platform.processor() or platform.machine(), None
    return name or platform.machine(), [feature for feature, spellings in _FEATURES.items() if spellings & flags]


def integer_kind() -> str:
    """The kind of instructions that multiply 8-bit numbers here, which decides how weights are rounded.

    "x86-64-vnni" sums their products in 32 bits. "x86-64" has sums of 16 bits, which overflow unless weights are of 7
    bits; a CPU that does not say what it can do is taken for one. All others sum in 32 bits; they are named by their
    architecture.
    """
    machine = platform.machine().lower()
    if machine not in _X86:
        return machine
    features = describe()[1]
    return WIDE_SUMS if features and _VNNI.intersection(features) else NARROW_SUMS


def parse_cpuinfo(text: str) -> tuple[str, set[str]]:
    """Name and flags of the first CPU in Linux's /proc/cpuinfo."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        values.setdefault(key.strip().lower(), value.strip())
    flags = values.get("flags") or values.get("features") or ""
    return values.get("model name", ""), set(flags.lower().split())


def parse_sysctl(text: str) -> tuple[str, set[str]]:
    """Name and flags in the output of macOS's ``sysctl machdep.cpu hw.optional``."""
    values = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    flags = " ".join(values.get(f"machdep.cpu.{name}", "") for name in ("features", "leaf7_features"))
    optional = {name.lower() for name, value in values.items() if name.startswith("hw.optional.") and value == "1"}
    return values.get("machdep.cpu.brand_string", ""), set(flags.lower().split()) | optional


def _sysctl() -> str:
    import subprocess  # other systems start without

    command = ["/usr/sbin/sysctl", "machdep.cpu", "hw.optional"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603
