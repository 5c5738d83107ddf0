"""How models of pages (ColPali, https://arxiv.org/abs/2407.01449) read a picture and a query, from their own files.

A page is a picture of a document. Its pixels become tokens, which stand where a prompt has a placeholder; every token
of page and prompt gets a vector, and so does every token of a query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.registry.config_file import ConfigFile
from rapidembed.registry.discovery import PROCESSOR_FILE
from rapidembed.registry.encoder_config import vision_part
from rapidembed.registry.image_processor import ImageProcessor, processor_config, read_image_processor
from rapidembed.registry.tiled_processor import TiledProcessor, read_tiled_processor

_TILED_PROMPT = "<|begin_of_text|>User:<image>Describe the image.<end_of_utterance>\nAssistant:"
_SIDE, _PATCH, _FACTOR = 224, 16, "pixel_shuffle_factor"
_QUERY_FILLING = 10
"""Tokens behind every query, which count like its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What is put around the pixels of a page, and around a query."""

    __module__ = "rapidembed"

    prompt: str
    """Text of a page, with ``picture`` once where its pixels go."""
    picture: str
    """The token that stands for a part of a picture; its number is in config.json."""
    count: int
    """Such tokens of each tile, or of the picture where there are no tiles."""
    query_suffix: str
    """Text behind every query."""
    tiles: TiledProcessor | None = None
    """How a page is cut; None: it is read as one picture."""
    processor: ImageProcessor | None = None
    """What is done with each tile or picture; None: the files say it."""
    framed: bool = True
    """Whether the tokenizer puts its own tokens around prompts and queries."""
    query_start: tuple[int, ...] = ()
    """Token ids that every query begins with, whatever its first ones are."""
    prompt_ids: tuple[int, ...] = ()
    """Token ids of a page, where they are not those of its prompt."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Pages":
        """Build it from a JSON row: there the ids of a page are the number of ``picture`` and what follows it."""
        values = dict(row)
        seen = (values.pop("picture_id"),) * values["count"]
        return cls(**values | {"prompt_ids": (*seen, *row["prompt_ids"])})

    def text(self, rows: int, columns: int) -> str:
        """The prompt for a page of so many tiles; 0 and 0: it is not cut."""
        return self.prompt.replace(self.picture, self._places(rows, columns), 1)

    def _places(self, rows: int, columns: int) -> str:
        one = self.picture * self.count
        if self.tiles is None:
            return one
        edge = "<fake_token_around_image>"
        whole = f"{edge}<global-img>{one}{edge}"
        if not rows:
            return whole
        lines = (
            "".join(f"{edge}<row_{row}_col_{column}>{one}" for column in range(1, columns + 1))
            for row in range(1, rows + 1)
        )
        return "".join(f"{line}\n" for line in lines) + f"\n{whole}"


def read_tiled_pages(folder: Path) -> tuple[Pages, str]:
    """How ColModernVBERT reads pages; and what it puts before queries.

    Raises:
        UnsupportedModelError: a file says something unknown; names the field and its value.
        IntegrityError: a value is of the wrong kind, or contradicts another.
    """
    tiles = read_tiled_processor(folder)
    file = ConfigFile.read_optional(folder / PROCESSOR_FILE)
    pages = Pages(
        prompt=_text(file, "visual_prompt_prefix", _TILED_PROMPT),
        picture="<image>",
        count=file.optional_positive("image_seq_len") or 64,
        query_suffix="<end_of_utterance>" * _QUERY_FILLING,
        tiles=tiles,
        processor=tiles.of_a_tile,
    )
    return _checked(pages, file), _text(file, "query_prefix", "")


def read_whole_pages(folder: Path) -> tuple[Pages, str]:
    """How ColPali reads pages, each as one picture; and what it puts before queries.

    Raises:
        UnsupportedModelError, IntegrityError: as :func:`read_tiled_pages`.
    """
    file, names = (ConfigFile.read_optional(folder / name) for name in (PROCESSOR_FILE, "tokenizer_config.json"))
    begin, filling = (
        _token(names, name, default) for name, default in (("bos_token", "<bos>"), ("pad_token", "<pad>"))
    )
    count = processor_config(folder).optional_positive("image_seq_length")
    pages = Pages(
        prompt=f"<image>{begin}{_text(file, 'visual_prompt_prefix', 'Describe the image.')}\n",
        picture="<image>",
        count=count or 1024,
        query_suffix=f"{filling * _QUERY_FILLING}\n",
        processor=read_image_processor(folder),
        framed=False,
    )
    return _checked(pages, file), f"{begin}{_text(file, 'query_prefix', 'Question: ')}"


def check_fits(config: ConfigFile, pages: Pages) -> None:
    """Check that the model reads what its processor makes, and that what is seen fills the tokens that stand for it.

    Raises:
        UnsupportedModelError: it reads another size, or patches cannot be put together as the config says.
        IntegrityError: there are more tokens or fewer.
    """
    vision = vision_part(config)
    side = vision.optional_positive("image_size") or _SIDE
    if pages.processor is None or pages.processor.size != (side, side):
        size = pages.processor and pages.processor.size
        raise UnsupportedModelError(
            f"{config.path}: the model reads pictures of {side} x {side}, its processor makes them of {size}."
        )
    patches = side // (vision.optional_positive("patch_size") or _PATCH)
    shuffled = 1 if pages.tiles is None else config.section("vlm_config").optional_positive(_FACTOR) or 4
    if patches % shuffled:
        raise UnsupportedModelError(
            f"{config.path}: {patches} x {patches} patches are no squares of {_FACTOR}={shuffled}."
        )
    made = (patches // shuffled) ** 2
    if made != pages.count:
        raise IntegrityError(
            f"{config.path}: image_seq_len is {pages.count}, but {made} tokens are made of each picture or tile."
        )


def picture_token(config: ConfigFile) -> int:
    """Number of the token that stands for a part of a picture."""
    both = config.section("vlm_config") if "vlm_config" in config.values else config
    for name in ("image_token_id", "image_token_index"):
        if name in both.values:
            return both.count(name, 0)
    raise IntegrityError(f"{config.path} has no image_token_id, which says where a picture's tokens go.")


def _checked(pages: Pages, file: ConfigFile) -> Pages:
    if pages.prompt.count(pages.picture) != 1:
        raise UnsupportedModelError(
            f"{file.path}: the prompt of a page must have {pages.picture} once, got {pages.prompt!r}."
        )
    return pages


def _token(file: ConfigFile, name: str, default: str) -> str:
    value = file.values.get(name)
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else default


def _text(file: ConfigFile, name: str, default: str) -> str:
    return file.text(name, default) if file.values.get(name) is not None else default
