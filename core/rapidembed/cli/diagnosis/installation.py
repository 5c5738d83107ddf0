"""Versions, and packages that do not go together."""

import platform
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import rapidembed
from rapidembed.cli.diagnosis.section import Section

# Distributions that install the same module: whichever came last wins, and removing one breaks the other.
_SAME_MODULE = {
    "onnxruntime": (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
        "onnxruntime-qnn",
        "onnxruntime-silicon",
        "ort-nightly",
        "ort-nightly-gpu",
    ),
    "fastembed": ("fastembed", "fastembed-gpu"),
}
# They refuse weights behind the symbolic links of the Hugging Face cache.
_BAD_ONNXRUNTIMES = (Version("1.24.0"), Version("1.24.1"))


def installation() -> Section:
    """What is installed, and whether it fits together."""
    installed = _installed()
    section = Section(
        "Installation",
        {
            "rapidembed": f"{rapidembed.__version__}, {Path(rapidembed.__file__).parent}",
            "Python": f"{platform.python_version()}, {sys.executable}",
            "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        },
    )
    try:
        requirements = metadata.requires("rapidembed") or []
    except metadata.PackageNotFoundError:
        section.notes.append("rapidembed is not installed as a package, so the versions it needs cannot be compared.")
        requirements = []
    check_requirements(section, requirements, installed)
    check_conflicts(section, installed)
    return section


def check_requirements(section: Section, requirements: Iterable[str], installed: Mapping[str, Version]) -> None:
    """Compare installed versions with those that are needed; extras only where something of them is installed."""
    for line in requirements:
        needed = Requirement(line)
        extra = needed.marker is not None and not needed.marker.evaluate({"extra": ""})
        name, version = _provider(needed.name, installed)
        if version is None:
            if not extra:
                section.problems.append(
                    f"{needed.name} is not installed: pip install '{needed.name}{needed.specifier}'"
                )
            continue
        if not extra:
            section.facts[name] = str(version)
        if version not in needed.specifier:
            section.problems.append(
                f"{name} {version} is installed, {needed.specifier} is needed: pip install '{name}{needed.specifier}'"
            )


def check_conflicts(section: Section, installed: Mapping[str, Version]) -> None:
    """Find distributions that overwrite each other, and versions known to be broken."""
    for module, names in _SAME_MODULE.items():
        present = [name for name in names if name in installed]
        if len(present) > 1:
            keep = next((name for name in present if name.endswith("-gpu")), present[0])
            section.problems.append(
                f"{' and '.join(present)} are both installed and overwrite each other's files. Keep one, for example: "
                f"pip uninstall {' '.join(present)} && pip install {keep}"
            )
        for name in present:
            if module == "onnxruntime" and installed[name] in _BAD_ONNXRUNTIMES:
                section.problems.append(
                    f"{name} {installed[name]} cannot read weights through the links of the Hugging Face cache: "
                    f"pip install -U {name}"
                )


def _provider(name: str, installed: Mapping[str, Version]) -> tuple[str, Version | None]:
    """The distribution that fulfils a requirement: the one named, or one with the same module."""
    for candidate in (name, *_SAME_MODULE.get(name, ())):
        if _canonical(candidate) in installed:
            return candidate, installed[_canonical(candidate)]
    return name, None


def _installed() -> dict[str, Version]:
    found: dict[str, Version] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # broken installations leave folders without one
            found.setdefault(_canonical(name), Version(distribution.version))
    return found


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
