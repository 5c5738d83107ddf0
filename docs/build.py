"""Write the pages that show an example with its real output, and generated parts: ``python docs/build.py``.

``tests/test_examples.py`` and ``tests/cli/test_docs.py`` fail when a page no longer says what is printed.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapidembed import ModelSpec
    from rapidembed.registry import Task

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"

PAGES = {
    "langchain": (
        "langchain_retriever.py",
        """# LangChain

`pip install 'rapidembed[langchain]'`, then `from rapidembed_langchain import FastEmbedEmbeddings` wherever an
`Embeddings` is wanted. It takes the parameters of the FastEmbed class in langchain-community, so a migration is one
changed import, and those of `rapidembed.TextEmbedding`. Documents and queries each get the prompt that the model was
trained with; the async methods never block the event loop. `embeddings.fingerprint` names what decides the vectors: it
is the `namespace` for `CacheBackedEmbeddings`, whose `query_embedding_cache` must then be a store of its own, as
queries and documents have different vectors. A copy, `embeddings.model_copy(update={"dimensions": 256})`, computes what
it says.""",
    ),
    "llamaindex": (
        "llamaindex_ingestion.py",
        """# LlamaIndex

`pip install 'rapidembed[llamaindex]'`, then `from rapidembed_llamaindex import FastEmbedEmbedding`, for
`Settings.embed_model`, an index, or an ingestion pipeline with a cache and workers. With `num_workers=N`, give each
worker its share of the cores: `FastEmbedEmbedding(threads=1)`. An `embeddings_cache` keeps queries apart from
documents, and models apart from each other.

Offline, `num_workers` hangs with `SentenceSplitter`, whatever the embedding: a worker that receives the splitter asks
the network for tiktoken's table, and LlamaIndex waits without end for one that got no answer. `TIKTOKEN_CACHE_DIR`
naming `llama_index/core/_static/tiktoken_cache` in site-packages helps, or leave `num_workers` out: the embedding uses
all cores without it.""",
    ),
    "haystack": (
        "haystack_pipelines.py",
        """# Haystack

`pip install 'rapidembed[haystack]'`, then `from rapidembed_haystack import FastembedTextEmbedder,
FastembedDocumentEmbedder`. Pipelines saved with fastembed-haystack need only another `type:` line. A `prefix` stands
in for the model's own prompts; leave it out and the model's are applied. `run_async` and `warm_up_async` never block
the event loop, and `close` frees the model. Documents without content are embedded as empty texts, as Haystack's own
embedders do.""",
    ),
    "hybrid": (
        "hybrid_search.py",
        """# Hybrid search

Vectors find what is said in other words; words find what vectors blur, such as names and error codes. BM25 needs no
network, no weights and no download, and `rapidembed.toolkit.fuse` joins both rankings. How much that helps is measured
in [benchmarks/results/retrieval.md](../benchmarks/results/retrieval.md).""",
    ),
    "langchain_hybrid": (
        "langchain_hybrid.py",
        """# Hybrid search in LangChain

`FastEmbedSparse` takes the parameters of langchain-qdrant's class of that name and is a sparse embedding for its
`QdrantVectorStore`; for langchain-milvus use `FastEmbedSparse(...).as_milvus()`. Neither package is imported unless you
do. `pip install 'rapidembed[langchain]' langchain-qdrant`; the notes and questions are those of
[Hybrid search](hybrid.md).""",
    ),
    "llamaindex_hybrid": (
        "llamaindex_hybrid.py",
        """# Hybrid search in LlamaIndex

`FastEmbedSparseEmbedding` is a sparse embedding for the stores that take one, and `as_qdrant_fns()` gives the Qdrant
store the functions that it wants: queries are weighed as queries, and the model is loaded once.
`pip install 'rapidembed[llamaindex]' llama-index-vector-stores-qdrant`; the notes and questions are those of
[Hybrid search](hybrid.md).""",
    ),
    "haystack_hybrid": (
        "haystack_hybrid.py",
        """# Hybrid search in Haystack

`FastembedSparseDocumentEmbedder` and `FastembedSparseTextEmbedder` take the parameters of fastembed-haystack's
components; BM25's own go into `model_kwargs`. `pip install 'rapidembed[haystack]' qdrant-haystack`; the notes and
questions are those of [Hybrid search](hybrid.md).""",
    ),
    "qdrant": (
        "qdrant_hybrid.py",
        """# Hybrid search with Qdrant

qdrant-client embeds texts by itself where it finds fastembed. `install_as_fastembed()` gives it rapidembed instead,
with fastembed's models and vectors: dense, sparse and late interaction, in memory, in a folder, or for a server; `pip
install 'rapidembed[qdrant]'`. More of it, and how to do the same without a changed line, is in
[Coming from fastembed](migration.md). The notes and questions are those of [Hybrid search](hybrid.md).""",
    ),
}


def page(name: str) -> str:
    """A page: what to know, the example, and what it printed just now."""
    example, text = PAGES[name]
    code = (EXAMPLES / example).read_text(encoding="utf-8")
    return f"{text}\n\n```python\n{code}```\n\nIt prints:\n\n```text\n{stable(output(example))}```\n"


def output(example: str) -> str:
    """What an example prints."""
    command = [sys.executable, str(EXAMPLES / example)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip() + "\n"


def stable(text: str) -> str:
    """Output without what changes from run to run: milliseconds."""
    return re.sub(r"\d+ ms", "... ms", text)


def commands() -> str:
    """The help of every command, as it is printed."""
    import click
    from click.testing import CliRunner
    from rapidembed.cli.app import cli

    def helped(words: list[str], command: click.Command) -> list[str]:
        options = {"prog_name": "rapidembed", "terminal_width": 96, "color": False}
        text = CliRunner().invoke(cli, [*words, "--help"], **options).output
        parts = [f"### rapidembed {' '.join(words)}".rstrip() + f"\n\n```text\n{text}```"]
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                parts += helped([*words, name], command.get_command(context, name))
        return parts

    return "\n\n".join(helped([], cli))


def models() -> str:
    """Tables of the curated models, one for each facade."""
    from rapidembed.registry import TASKS

    return "\n\n".join(map(_table, TASKS.values()))


def _table(task: "Task") -> str:
    head = "| model | dimensions | tokens | languages | licence | query prompt | document prompt | size | runs |"
    lines = [f"### `{task.facade}`", "", head, "|---|---:|---:|---|---|---|---|---:|---|"]
    for spec in sorted(task.models(), key=lambda spec: spec.name.lower()):
        prompts = [_code(prompt) if prompt else "" for prompt in (spec.query_prompt, spec.document_prompt)]
        size = f"{spec.size_gb:.2g} GB" if spec.size_gb else ""
        dim = "" if spec.head == "classification" else spec.dim
        if task.facade == "SparseTextEmbedding":
            dim = spec.vocab_size or spec.dim
        cells = [spec.name, dim, spec.max_tokens or "", spec.languages, spec.license, *prompts, size, _runs(spec)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _runs(spec: "ModelSpec") -> str:
    from rapidembed.graph import buildable_architectures
    from rapidembed.registry.own_code import OWN_CODE
    from rapidembed.registry.static_files import STATIC_ARCHITECTURES

    if spec.architecture in STATIC_ARCHITECTURES:
        return "table"
    return "built" if spec.source and spec.architecture in buildable_architectures() - OWN_CODE else "ONNX file"


def _code(text: str) -> str:
    """A string as code in a cell of a table."""
    escaped = text.replace("\n", "\\n").replace("|", "\\|")
    return f"`{escaped}`"


def cold_start() -> str:
    """The table that ``benchmarks.cold_start`` wrote."""
    return (
        (HERE.parent / "benchmarks" / "results" / "epyc-2-cores-cold-start.md")
        .read_text(encoding="utf-8")
        .split("\n\n", 1)[1]
        .rstrip()
    )


def precision() -> str:
    """The table that ``benchmarks.precision`` wrote."""
    report = (HERE.parent / "benchmarks" / "results" / "precision.md").read_text(encoding="utf-8")
    return report[report.index("\n| |") + 1 :].rstrip()


def scale() -> str:
    """The tables that ``benchmarks.billion`` wrote."""
    report = (HERE.parent / "benchmarks" / "results" / "epyc-2-cores-scale.md").read_text(encoding="utf-8")
    return report.split("\n\n", 1)[1].rstrip()


_FATES = {"read": "read", "refused": "refused", "nothing": "changes no number"}


def folders() -> str:
    """Tables of the files of a model and their keys."""
    from rapidembed.registry.folder_keys import FILES, WHOLE, Key

    def rows(keys: tuple[Key, ...], head: str) -> list[str]:
        lines = [f"| {head} | read by | here | |", "|---|---|---|---|"]
        for key in keys:
            unless = f", unless {' or '.join(_code(json.dumps(value)) for value in key.unless)}" if key.unless else ""
            names = " ".join(_code(name) for name in key.names.split())
            lines.append(f"| {names} | {key.reader} | {_FATES[key.use]}{unless} | {key.note} |")
        return lines

    parts = ["## Files", "", *rows(WHOLE, "file")]
    for file in FILES:
        rest = f"Any other key changes no number: {file.why}." if file.why else "Any other key is refused by name."
        parts += ["", f"## {file.name}", "", *rows(file.keys, "key"), "", rest]
    return "\n".join(parts)


BLOCKS = {
    "folders": folders,
    "cli": commands,
    "models": models,
    "serverless": cold_start,
    "precision": precision,
    "scale": scale,
}
"""Pages with a part between ``<!-- begin -->`` and ``<!-- end -->`` that is generated."""


def with_block(name: str) -> str:
    """A page as it is, with its generated part made anew."""
    before, begin, rest = (HERE / f"{name}.md").read_text(encoding="utf-8").partition("<!-- begin -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not begin or not end:
        raise ValueError(f"{name}.md has no part to generate")
    return f"{before}{begin}{BLOCKS[name]()}\n{end}{after}"


if __name__ == "__main__":
    for name in PAGES:
        (HERE / f"{name}.md").write_text(page(name), encoding="utf-8")
    for name in BLOCKS:
        (HERE / f"{name}.md").write_text(with_block(name), encoding="utf-8")
