"""modules.json: which modules of sentence-transformers a model consists of, and where each of them lies."""

import re
from collections.abc import Iterable
from pathlib import Path

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry import folder_keys
from rapidembed.registry.config_file import ConfigFile, read_json

MODULES_FILE = "modules.json"

# Where sentence-transformers 2 to 6 has modules; PyLate has one of its own, which is the same.
_HOMES = re.compile(
    r"sentence_transformers\.(models|base\.modules|(sentence_transformer|multi_vector_encoder)\.modules"
    r"|(sparse|cross)_encoder\.(models|modules))|pylate\.models"
)
_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read_modules(folder: Path) -> list[tuple[str, str]]:
    """Kind and folder of each module.

    The kind is the name of the class in sentence-transformers; of others' classes it is the whole dotted name, which no
    reader knows.

    Raises:
        UnsupportedModelError: the folder has no modules.json.
        IntegrityError: modules.json is damaged.
    """
    path = folder / MODULES_FILE
    if not path.is_file():
        raise UnsupportedModelError(
            f"{folder} has no {MODULES_FILE}, so its pooling is not declared. Save the model with "
            "sentence-transformers, which writes that file."
        )
    entries = read_json(path)
    try:
        modules = [(kind_of(str(module["type"])), str(module["path"])) for module in entries]
        names = [name for module in entries if (name := module.get("name")) is not None]
    except (TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(f'{path}: expected a list of modules, each with "type" and "path".') from error
    if any(not isinstance(name, str) for name in names):
        raise IntegrityError(f"{path}: expected modules' names to be strings, got {names!r}.")
    if len(set(names)) < len(names):
        raise IntegrityError(f"{path}: two modules have the same name, of which only the last would count.")
    for entry in entries:
        folder_keys.check(ConfigFile(path, entry), folder_keys.MODULES)
    return modules


def unexpected(folder: Path, kinds: Iterable[str], expected: str) -> UnsupportedModelError:
    """The error over modules that are not those ``expected``."""
    return UnsupportedModelError(f"{folder / MODULES_FILE}: expected {expected}; found {', '.join(kinds)}.")


def kind_of(dotted: str) -> str:
    """``Pooling`` for each name that sentence-transformers gave that class; another class's name as it is."""
    home, _, name = dotted.rpartition(".")
    file = home.rpartition(".")[2]
    if file in (name, _WORD_START.sub("_", name).lower()):
        home = home.rpartition(".")[0]
    if _HOMES.fullmatch(home):
        return name
    return dotted if "." in dotted else f"{dotted}, a class of no package"
