"""Vectors as other programs store them: pgvector's text and binary forms, and what FAISS and Qdrant take.

FAISS and Qdrant take arrays as :func:`rapidembed.toolkit.vectors.quantize` gives them: ``IndexBinaryFlat`` "ubinary",
``IndexScalarQuantizer`` with ``QT_8bit_direct`` "uint8" and with ``QT_8bit_direct_signed`` "int8"; a Qdrant collection
of ``Datatype.UINT8`` "uint8".
"""

import re
import struct

import numpy as np

from rapidembed.tasks.quantize import Codes, as_bits
from rapidembed.types import Vectors

_VECTOR_HEAD = struct.Struct(">HH")
_BIT_HEAD = struct.Struct(">i")
_VECTOR = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)


def to_pgvector(vector: Vectors) -> str:
    """A vector as pgvector's types ``vector`` and ``halfvec`` read it: "[0.5,-0.25]", every float32 exactly."""
    return "[" + ",".join(map(str, np.asarray(vector, dtype=np.float32))) + "]"


def from_pgvector(text: str) -> Vectors:
    """float32 (dimensions,) of pgvector's text.

    Raises:
        ValueError: it is something else.
    """
    found = _VECTOR.fullmatch(text)
    if found is None:
        raise ValueError(f"Expected a vector such as [0.5,-0.25], got {text[:40]!r}.")
    return np.array([float(number) for number in found[1].split(",")], dtype=np.float32)


def to_pgvector_binary(vector: Vectors, *, half: bool = False) -> bytes:
    """A vector as pgvector's ``vector`` (``halfvec``) travels in binary, as in ``COPY ... WITH (FORMAT binary)``."""
    numbers = np.asarray(vector, dtype=">f2" if half else ">f4")
    return _VECTOR_HEAD.pack(len(numbers), 0) + numbers.tobytes()


def from_pgvector_binary(data: bytes, *, half: bool = False) -> Vectors:
    """float32 (dimensions,) of the binary form.

    Raises:
        ValueError: its length is not what it says.
    """
    dimensions = _VECTOR_HEAD.unpack_from(data)[0] if len(data) >= _VECTOR_HEAD.size else -1
    size = 2 if half else 4
    if len(data) != _VECTOR_HEAD.size + size * dimensions:
        raise ValueError(f"Expected a vector of {dimensions} dimensions, got {len(data)} bytes.")
    return np.frombuffer(data, dtype=f">f{size}", offset=_VECTOR_HEAD.size).astype(np.float32)


def to_pg_bits(code: Codes, dimensions: int) -> str:
    """A "binary" or "ubinary" vector as PostgreSQL's type ``bit(dimensions)`` reads it: "0110"."""
    return "".join(map(str, np.unpackbits(as_bits(code), count=dimensions)))


def from_pg_bits(text: str) -> Codes:
    """A "ubinary" vector of PostgreSQL's text.

    Raises:
        ValueError: it is something else.
    """
    if set(text) - {"0", "1"}:
        raise ValueError(f"Expected bits such as 0110, got {text[:40]!r}.")
    return np.packbits([int(bit) for bit in text])


def to_pg_bits_binary(code: Codes, dimensions: int) -> bytes:
    """A "binary" or "ubinary" vector as ``bit(dimensions)`` travels in binary."""
    return _BIT_HEAD.pack(dimensions) + as_bits(code).tobytes()


def from_pg_bits_binary(data: bytes) -> tuple[Codes, int]:
    """A "ubinary" vector of the binary form, and its dimensions.

    Raises:
        ValueError: its length is not what it says.
    """
    dimensions = _BIT_HEAD.unpack_from(data)[0] if len(data) >= _BIT_HEAD.size else -1
    if len(data) != _BIT_HEAD.size + -(-dimensions // 8):
        raise ValueError(f"Expected {dimensions} bits, got {len(data)} bytes.")
    return np.frombuffer(data, dtype=np.uint8, offset=_BIT_HEAD.size), dimensions
