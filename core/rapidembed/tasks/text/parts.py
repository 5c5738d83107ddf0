"""What a text model is made of beside its engine: an adapter, and the checkpoint as the engine is to see it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rapidembed.errors import UnsupportedModelError
from rapidembed.graph import read_record
from rapidembed.graph.compiled import ADAPTER
from rapidembed.hub import Checkpoint
from rapidembed.registry.static_files import STATIC_ARCHITECTURES
from rapidembed.tasks.fingerprint import weights_hash
from rapidembed.tasks.text.options import TextOptions

if TYPE_CHECKING:
    from rapidembed.runtime.adapter import Adapter


def adapter_of(options: TextOptions, checkpoint: Checkpoint) -> "Adapter | None":
    """The adapter that the options name, else the one in a compiled folder.

    Raises:
        ValueError: it is for another model.
    """
    path = checkpoint.root / ADAPTER if options.adapter is None else Path(options.adapter).expanduser()
    if options.adapter is None and not path.is_file():
        return None
    from rapidembed.runtime.adapter import Adapter

    adapter = Adapter.load(path)
    adapter.check_fits(checkpoint.spec.name, checkpoint.spec.dim, weights_hash(checkpoint))
    return adapter


def token_vectors_of(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint as a model of token vectors, for late chunking.

    Raises:
        UnsupportedModelError: its vectors are more, or something else, than means of these.
    """
    spec = checkpoint.spec
    instead = 'Take long_text="weighted".'
    if spec.architecture in STATIC_ARCHITECTURES:
        raise UnsupportedModelError(f"{spec.name} is a static model, whose tokens have no context. {instead}")
    if spec.pooling != ("mean",) or spec.dense or not spec.include_prompt or spec.head != "pool":
        raise UnsupportedModelError(
            f'long_text="late" needs the mean over all tokens, which {spec.name} is not. {instead}'
        )
    if read_record(checkpoint.root) is not None:
        raise UnsupportedModelError(f"{checkpoint.root} was compiled to vectors of whole texts. {instead}")
    return replace(checkpoint, spec=replace(spec, head="tokens", pooling=("none",)))
