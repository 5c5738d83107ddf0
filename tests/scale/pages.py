"""The examples in docs/scale.md, to be run."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def example(holding: str, **replaced: str) -> str:
    """The block that imports ``holding``, with the model and the folders of the test."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = [block for block in blocks if holding in block]
    for name, value in {"BAAI/bge-small-en-v1.5": replaced.pop("model"), **replaced}.items():
        assert f'"{name}"' in code
        code = code.replace(f'"{name}"', repr(value))
    return code
