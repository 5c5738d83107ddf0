"""Write a package ``fastembed`` that is rapidembed: ``python -m rapidembed.compat.shim FOLDER``.

With the folder on ``PYTHONPATH`` every Python program that imports fastembed gets :mod:`rapidembed.compat`, and tools
that look at installed versions find fastembed 0.9.1.
"""

import argparse
import sys
from pathlib import Path

from rapidembed.compat.install import METADATA, NAME, SITE, VERSION, find_real, is_shim


def write(folder: Path, *, replace: bool = False) -> Path:
    """Write the package, and the metadata of its distribution.

    Args:
        folder: made if it does not exist.
        replace: write although a real fastembed is installed, which the folder hides wherever it is on the path.

    Returns:
        The package.

    Raises:
        FileExistsError: the folder holds another fastembed.
        RuntimeError: a real fastembed is installed, and ``replace`` is False.
    """
    package = folder / NAME
    if package.exists() and not is_shim(package):
        raise FileExistsError(f"{package} is another fastembed; choose a folder of its own.")
    real = find_real()
    if real is not None and not replace:
        raise RuntimeError(f"fastembed is installed ({real}). Uninstall it, or say --replace to hide it.")
    information = folder / f"{NAME}-{VERSION}.dist-info"
    package.mkdir(parents=True, exist_ok=True)
    information.mkdir(exist_ok=True)
    for file in (SITE / NAME).iterdir():
        if file.is_file():
            (package / file.name).write_bytes(file.read_bytes())
    (information / "METADATA").write_text(METADATA, encoding="utf-8")
    (information / "INSTALLER").write_text("rapidembed.compat.shim\n", encoding="utf-8")
    (information / "RECORD").write_text(
        "".join(f"{path.relative_to(folder).as_posix()},,\n" for path in sorted(_files(package, information))),
        encoding="utf-8",
    )
    return package


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m rapidembed.compat.shim", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write it")
    parser.add_argument("--replace", action="store_true", help="hide a fastembed that is installed")
    options = parser.parse_args(arguments)
    try:
        package = write(options.folder, replace=options.replace)
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{package} is written. Put {options.folder.absolute()} on PYTHONPATH.\n")
    return 0


def _files(package: Path, information: Path) -> list[Path]:
    written = [path for folder in (package, information) for path in folder.iterdir() if path.is_file()]
    return [*{*written, information / "RECORD"}]


if __name__ == "__main__":
    raise SystemExit(main())
