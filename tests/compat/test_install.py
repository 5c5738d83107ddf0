"""``import fastembed`` finds rapidembed.compat: in a process, in those that it starts, and by a folder on the path."""

import subprocess
import sys
from pathlib import Path

import pytest
from rapidembed.compat import install, shim
from rapidembed.compat.sparse.bm25 import Bm25


def python(script: str, *paths: Path, code: int = 0) -> str:
    """What a new process prints; errors too, where it is to fail."""
    before = "import sys; " + "".join(f"sys.path.insert(0, {str(path)!r}); " for path in paths)
    done = subprocess.run([sys.executable, "-c", before + script], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout.strip() if code == 0 else done.stderr


CHECK = """
import importlib.metadata, importlib.util
import fastembed, fastembed.sparse.bm25
from fastembed import TextEmbedding
from fastembed.rerank.cross_encoder import TextCrossEncoder
from rapidembed.compat.rerank.cross_encoder.text_cross_encoder import TextCrossEncoder as Ours
assert TextCrossEncoder is Ours
assert fastembed.sparse.bm25.__spec__.name == "rapidembed.compat.sparse.bm25"
assert importlib.util.find_spec("fastembed.no_such_module") is None
print(importlib.metadata.version("fastembed"), fastembed.__version__, fastembed.__name__)
"""


def test_installed_in_this_process() -> None:
    script = f"from rapidembed.compat import install_as_fastembed as i; i(); i()\n{CHECK}"
    assert python(script) == "0.9.1 0.9.1 rapidembed.compat"


def test_a_folder_on_the_path(tmp_path: Path) -> None:
    assert shim.main([str(tmp_path / "new")]) == 0
    assert shim.main([str(tmp_path / "new")]) == 0
    assert python(CHECK, tmp_path / "new") == "0.9.1 0.9.1 rapidembed.compat"
    # Tools that look at what is installed read the metadata without importing anything.
    (found,) = install.metadata.distributions(name="fastembed", path=[str(tmp_path / "new")])
    assert (found.version, found.metadata["Name"]) == ("0.9.1", "fastembed")
    assert all((tmp_path / "new" / str(file)).is_file() for file in found.files or [])


def test_a_real_fastembed_is_not_hidden_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = tmp_path / "real" / "fastembed"
    real.mkdir(parents=True)
    (real / "__init__.py").write_text("name = 'the real one'\n")
    call = "from rapidembed.compat import install_as_fastembed as i; i({})"
    assert f"fastembed is installed ({real})" in python(call.format(""), real.parent, code=1)
    hidden = python(f"{call.format('replace=True')}\n{CHECK}", real.parent)
    assert hidden == "0.9.1 0.9.1 rapidembed.compat"
    late = f"import fastembed; {call.format('replace=True')}"
    assert "was imported already" in python(late, real.parent, code=1)
    write = f"from rapidembed.compat.shim import main; raise SystemExit(main([{str(tmp_path / 'shim')!r}{{}}]))"
    assert "fastembed is installed" in python(write.format(""), real.parent, code=1)
    python(write.format(", '--replace'"), real.parent)
    assert shim.main([str(real.parent)]) == 1
    assert "is another fastembed" in capsys.readouterr().err


POINTS = """
from qdrant_client import QdrantClient, models
client = QdrantClient(":memory:")
assert "Qdrant/bm42-all-minilm-l6-v2-attentions" in client.list_sparse_models()
assert client.get_embedding_size("BAAI/bge-small-en-v1.5") == 384
print(type(client._model_embedder.embedder).__name__)
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_qdrant_client_imported_before_or_after(order: str) -> None:
    pytest.importorskip("qdrant_client")
    now = "from rapidembed.compat import install_as_fastembed; install_as_fastembed()\n"
    first = now if order == "after" else f"import qdrant_client\n{now}"
    assert python(first + POINTS) == "Embedder"


def test_processes_that_multiprocessing_starts(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        """
import multiprocessing
from rapidembed.compat import install_as_fastembed

def work(text):
    import fastembed
    return next(fastembed.SparseTextEmbedding("Qdrant/bm25").embed(text)).indices.tolist()

if __name__ == "__main__":
    install_as_fastembed()
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(work, ["foxes"]))
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"[[{Bm25.compute_token_id('fox')}]]\n" * 2
