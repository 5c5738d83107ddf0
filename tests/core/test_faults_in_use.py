"""Faults while models are used: wrong files, inputs, threads, signals and limits. ``make faults`` runs all of them.

Like ``test_faults.py`` these are rows of docs/reliability.md. Most faults have tests of their own, close to the code;
here they are counted.
"""

import gc
import io
import itertools
import json
import os
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from rapidembed import DeviceError, IntegrityError, NonFiniteError, PictureError, RapidEmbedError, TextEmbedding
from rapidembed.runtime import workers
from safetensors.numpy import load_file, save_file

from tests.fakes.hub import FakeHub
from tests.fakes.onnx_models import VOCABULARY, WIDTH
from tests.fakes.process import printed, start
from tests.fuzz.models import BASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TINY = Path(__file__).parents[1] / "golden" / "base"
FOLDERS = Path(__file__).parents[1] / "golden" / "folders"
NAME = "someone/tiny"
Row = Callable[[int, str, str], None]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


@pytest.fixture(scope="module")
def model() -> Iterator[TextEmbedding]:
    with TextEmbedding(TINY) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "model"))


def refused(calls: dict[str, Callable[[], object]], kind: type[Exception], words: str = "") -> str:
    """How many of the calls raise an error of the kind with the words in it."""
    for name, call in calls.items():
        with pytest.raises(kind) as caught:
            call()
        assert words in str(caught.value), (name, caught.value)
    return f"{len(calls)}/{len(calls)}"


# Disks and folders


@linux
def test_disk_full(tmp_path: Path, row: Row) -> None:
    """The disk is full amid a download."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, tmp_path / "cache", before=limit, model_name=NAME)
        again = start(hub.url, tmp_path / "cache", model_name=NAME)
    assert found["error"] == "DownloadError", found
    assert "vector" in again
    row(29, "an error; with room, the next start succeeds", f"{found['error']} after {found['seconds']:.1f} s")


def test_no_links(tmp_path: Path, row: Row) -> None:
    """The system has no symbolic links."""
    none = "import os\ndef refuse(*_, **__): raise OSError(1, 'no links here')\nos.symlink = refuse"
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, tmp_path / "cache", before=none, model_name=NAME)
    assert "vector" in found, found
    links = [path for path in (tmp_path / "cache").rglob("*") if path.is_symlink()]
    assert links == []
    row(32, "copies, works", f"{len(links)} links")


@pytest.mark.parametrize("home", ["/nonexistent", ""])
def test_no_home(row: Row, home: str) -> None:
    """HOME is missing."""
    script = "from rapidembed import TextEmbedding\nprint(TextEmbedding(TINY).encode('x').shape)"
    environment = {"HOME": home, "XDG_CACHE_HOME": "", "RAPIDEMBED_CACHE_DIR": ""}
    assert printed(script, **environment) == ["(32,)"]
    row(33, f"a folder is loaded (HOME={home or 'empty'})", "loads")


def test_moved_branch(tmp_path: Path, row: Row) -> None:
    """The repository's main branch moves on."""
    with FakeHub({NAME: TINY}) as hub:
        first = start(hub.url, tmp_path / "cache", model_name=NAME, revision=hub.commit)
        old, hub.commit = hub.commit, "f" * 40
        second = start(hub.url, tmp_path / "cache", model_name=NAME, revision=old)
    difference = np.abs(np.subtract(first["vector"], second["vector"])).max()
    assert first["revision"] == second["revision"] == old
    assert difference == 0
    row(35, "the pinned revision is used", f"largest difference {difference:.0f}")


def test_onnx_garbage(tmp_path: Path, row: Row) -> None:
    """An ONNX file is garbage, of the future, or wants other inputs."""
    import onnx

    def spoiled(number: int) -> Path:
        folder = tmp_path / str(number)
        BASES["onnx"].make(folder)
        path = folder / "onnx" / "model.onnx"
        graph = onnx.load_model_from_string(path.read_bytes())
        if number == 0:
            path.write_bytes(b"garbage" * 100)
            return folder
        if number == 1:
            graph.opset_import[0].version = 999
        if number == 2:
            graph.graph.input[0].name = "strange"
        if number == 3:
            graph.graph.node[0].op_type = "NoSuchOperator"
        path.write_bytes(graph.SerializeToString())
        return folder

    calls = {str(i): (lambda i=i: TextEmbedding(spoiled(i)).encode("x")) for i in range(4)}
    row(36, "an error of ours, the runtime's as its cause", refused(calls, RapidEmbedError))


def test_hostile_folders(tmp_path: Path, row: Row) -> None:
    """A folder's files are hostile."""
    from tests.fuzz.attempt import attempt

    here, count = Path.cwd(), 150
    try:
        for seed in range(10_000_000, 10_000_000 + count):
            (tmp_path / str(seed)).mkdir()
            assert attempt(seed, tmp_path / str(seed)).wrong == "", seed
    finally:
        os.chdir(here)
    row(27, "vectors or an error of ours, nothing else touched; docs/fuzzing.md has more", f"{count}/{count}")


# Numbers


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none(folder: Path, row: Row, value: float) -> None:
    """Weights are NaN or infinite."""
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.output.dense.bias"
    weights[name] = np.full_like(weights[name], value)
    save_file(weights, folder / "model.safetensors")
    with TextEmbedding(folder) as model:
        calls = {"one": lambda: model.encode("x"), "many": lambda: model.encode(["x", "y z"] * 9)}
        found = refused(calls, NonFiniteError)
    row(37, f"an error that names the rows ({value})", found)


def test_any_batch(row: Row) -> None:
    """The same texts alone, in batches, in any order."""
    texts = [" ".join(["the quick fox hello world lazy"] * (i % 5))[: 3 + 7 * i] for i in range(40)]
    worst = 0.0
    for name in ("bert", "roberta", "albert", "mpnet", "qwen3", "deberta-v2", "gemma3_text", "static"):
        with TextEmbedding(FOLDERS / name) as model, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            together = model.encode(texts)
            alone = np.stack([model.encode(text) for text in texts])
            back = model.encode(texts[::-1], batch_size=7)[::-1]
            worst = max(worst, float(np.abs(together - alone).max()), float(np.abs(together - back).max()))
    assert worst < 1e-5
    row(44, "the same vectors", f"largest difference of 8 models {worst:.0e}")


def test_one_scale_for_a_batch(tmp_path: Path, row: Row) -> None:
    """An ONNX file quantizes a whole batch by one scale, so that texts change each other."""
    import onnx
    import onnxruntime as ort

    BASES["onnx"].make(tmp_path / "model")
    path = tmp_path / "model" / "onnx" / "model.onnx"
    graph = onnx.load_model_from_string(path.read_bytes())
    graph.graph.node[0].output[0] = "exact"
    scale = ["q", "scale", "zero"]
    graph.graph.node.append(onnx.helper.make_node("DynamicQuantizeLinear", ["exact"], scale))
    graph.graph.node.append(onnx.helper.make_node("DequantizeLinear", scale, ["last_hidden_state"]))
    path.write_bytes(graph.SerializeToString())
    table = np.random.default_rng(46).normal(size=(VOCABULARY, WIDTH)) * np.linspace(0.1, 9, VOCABULARY)[:, None]
    (path.parent / "data").write_bytes(table.astype(np.float32).tobytes())
    ids = np.array([[3, 4], [250, 251]])
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    raw = [session.run(None, {"input_ids": each, "attention_mask": np.ones_like(each)})[0] for each in (ids, ids[:1])]
    texts = [" ".join(["the quick fox hello world lazy dog"] * (1 + i % 5))[: 5 + 9 * i] for i in range(30)]
    with TextEmbedding(tmp_path / "model") as model:
        drift = float(np.abs(model.encode(texts) - np.stack([model.encode(text) for text in texts])).max())
    theirs = float(np.abs(raw[0][:1] - raw[1]).max())
    assert theirs > 0.01
    assert drift == 0
    row(46, "runs text by text", f"largest difference {drift:.0e}; in a batch it would be {theirs:.0e}")


# Inputs


def test_odd_texts(model: TextEmbedding, row: Row) -> None:
    """Texts are empty, blank, or of control characters."""
    texts = ["", " ", "\n\t", "\0\1", "\ufffd", "\u202e\u200d", "e" + "\u0301" * 10_000]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert all(np.isfinite(model.encode(text)).all() for text in texts)
    row(38, "a finite vector, in order", f"{len(texts)}/{len(texts)}")


def test_wrong_items(model: TextEmbedding, row: Row) -> None:
    """Items are None, numbers, bytes, lists, dicts."""
    before = model.stats().batches
    items = (None, 3, 2.5, b"x", ["x"], {"a": 1}, object(), np.array(["x"]))
    calls = {repr(item): (lambda item=item: model.encode(["x", "y", item])) for item in items}
    found = refused(calls, TypeError, "texts[2]")
    row(39, "a TypeError with the index, at the call", f"{found}, {model.stats().batches - before} batches run")
    assert model.stats().batches == before


def test_no_items(model: TextEmbedding, row: Row) -> None:
    """No items, or a generator that raises."""
    assert model.encode([]).shape == model.encode(iter(())).shape == (0, 32)
    assert list(model.embed([])) == []

    def failing() -> Iterator[str]:
        yield from ["a"] * 9
        raise KeyError("mine")

    received: list[np.ndarray] = []
    with pytest.raises(KeyError, match="mine"):
        received.extend(model.embed(failing(), batch_size=4))
    row(40, "an empty result; the error passes, earlier rows came", f"{len(received)}/9 rows")
    assert len(received) == 9


def test_any_characters(model: TextEmbedding, row: Row) -> None:
    """Texts of any characters, halves of characters among them."""
    draw = np.random.default_rng(41)
    texts = ["".join(map(chr, draw.integers(0, 0x110000, draw.integers(0, 40)))) for _ in range(10_000)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.encode(texts)
    assert np.isfinite(found).all()
    repaired = sum(any("\ud800" <= character <= "\udfff" for character in text) for text in texts)
    told = [str(each.message) for each in caught if "lone surrogates" in str(each.message)]
    assert told
    assert told[0].startswith(f"{repaired} of {len(texts)} texts")
    row(41, "no crash; how many were repaired is told", f"{len(found)} texts, {repaired} repaired")


@linux
def test_huge_texts(model: TextEmbedding, row: Row) -> None:
    """A text of 10 MB, of words and without spaces."""
    before, started = psutil.Process().memory_info().rss, time.process_time()
    with pytest.warns(UserWarning, match="were cut"):
        model.encode(["word " * 2_000_000, "a" * 10_000_000, "\N{ROCKET}" * 2_500_000])
    seconds, grown = time.process_time() - started, (psutil.Process().memory_info().rss - before) / 1e6
    assert seconds < 30
    row(
        42,
        "cut and told, in bounded time and memory",
        f"{seconds:.1f} s of processor time, {max(grown, 0):.0f} MB more",
    )


def test_odd_limits(folder: Path, row: Row) -> None:
    """model_max_length is 1e30, missing, null, 0, negative, a text."""
    path, outcomes = folder / "tokenizer_config.json", []
    for value in (10**30, 1e30, None, 0, -1, "many", True):
        settings = json.loads((TINY / path.name).read_text()) | {"model_max_length": value}
        path.write_text(json.dumps(settings))
        try:
            with TextEmbedding(folder) as model:
                outcomes.append(model.info.max_tokens)
        except RapidEmbedError:
            outcomes.append("error")
    assert outcomes == [64, 64, 64, "error", "error", "error", "error"]
    row(43, "the model's own positions, or an error", ", ".join(map(str, outcomes)))


def test_odd_numbers(model: TextEmbedding, row: Row) -> None:
    """batch_size and parallel are 0, negative, True, a text."""
    wrong = [{"batch_size": value} for value in (0, -1, True, "2", None, 2.5)] + [{"parallel": -1}, {"parallel": "all"}]
    calls = {str(options): (lambda options=options: model.embed(["x"], **options)) for options in wrong}
    assert len(model.encode(["x"] * 3, batch_size=2**40)) == 3
    row(45, "a ValueError at the call, not later; 2**40 is fine", refused(calls, ValueError))


# Streams, signals, processes, threads


def test_abandoned_streams(model: TextEmbedding, row: Row) -> None:
    """A consumer takes one of 5,000 batches and goes away."""
    slowest = 0.0
    for way in ("close", "break", "del", "error"):
        results = model.embed((f"text {i}" for i in range(1_000_000)), batch_size=200)
        next(results)
        started = time.monotonic()
        if way == "close":
            results.close()
        if way == "error":
            with pytest.raises(KeyError):
                raise KeyError("of the consumer")
        del results
        gc.collect()
        while not workers.compute_pool().idle and time.monotonic() - started < 10:
            time.sleep(0.005)
        slowest = max(slowest, time.monotonic() - started)
        assert workers.compute_pool().idle, way
    row(50, "the work ends", f"within {slowest:.2f} s, 4 ways")
    assert slowest < 2


_SIGNAL = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
def send():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGNAL)
threading.Timer(1.0, send).start()
try:
    model.encode(["many words in a text " * 20] * 300_000)
except KeyboardInterrupt:
    print(time.monotonic() - sent, model.encode("x").shape)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are another thing elsewhere")
def test_signals(row: Row) -> None:
    """SIGINT and SIGTERM amid a call."""
    line = printed(_SIGNAL.replace("SIGNAL)", "SIGINT)"))[0].split(" ", 1)
    assert line[1] == "(32,)"
    row(51, "SIGINT: a KeyboardInterrupt, and the model is usable", f"{float(line[0]):.2f} s")
    assert float(line[0]) < 2
    assert printed(_SIGNAL.replace("SIGNAL)", "SIGTERM)"), status=-15) == []
    row(51, "SIGTERM: the process ends", "at once, as the system has it")


_FORK = """
import os, threading
import numpy as np
from rapidembed import TextEmbedding
model = TextEmbedding(TINY)
expected = model.encode(["a", "b c"])
def child():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if np.allclose(model.encode(["a", "b c"]), expected, atol=1e-6) else 3)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
codes = []
child()
busy = threading.Thread(target=lambda: model.encode(["busy " * 20] * 20_000))
busy.start()
child()
thread = threading.Thread(target=child)
thread.start(); thread.join(); busy.join()
import multiprocessing
def work(): os._exit(0 if TextEmbedding(TINY).encode("x").shape == (32,) else 3)
process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
process.start(); process.join(); codes.append(process.exitcode)
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks(row: Row) -> None:
    """Forked with a loaded model, amid work, from a thread; a daemonic process."""
    assert printed(_FORK, PYTHONWARNINGS="ignore") == ["[0, 0, 0, 0]"]
    row(54, "children work", "exit codes 0, 0, 0, 0")


def test_sixteen_threads(row: Row) -> None:
    """Sixteen threads share a model that is not loaded yet."""
    texts = [f"text {i} " * (1 + i % 9) for i in range(16)]
    with TextEmbedding(TINY) as model:
        expected = [model.encode(text) for text in texts]
    lazy, barrier = TextEmbedding(TINY, lazy_load=True), threading.Barrier(16)

    def use(i: int) -> float:
        barrier.wait()
        return max(float(np.abs(lazy.encode(texts[i]) - expected[i]).max()) for _ in range(20))

    with ThreadPoolExecutor(16) as threads:
        worst = max(threads.map(use, range(16)))
    assert worst < 1e-6
    row(55, "as one after another", f"largest difference {worst:.0e}")


def _megabytes() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


_CORES = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from rapidembed import TextEmbedding
from rapidembed.runtime import workers
model = TextEmbedding(TINY, threads=THREADS)
print(model.encode(["x"] * 50).shape, model.encode("x").shape)
"""


@linux
@pytest.mark.parametrize("threads", ["None", "64"])
def test_one_core(row: Row, threads: str) -> None:
    """The process may use one core only."""
    assert printed(_CORES.replace("THREADS", threads)) == ["(50, 32) (32,)"]
    row(58, f"works without a word on standard error (threads={threads})", "loads")


def test_slow_consumer(model: TextEmbedding, row: Row) -> None:
    """A generator of a million texts, and a consumer that is slow."""
    pulled = itertools.count()
    taken = [0]

    def given() -> Iterator[str]:
        for number in pulled:
            taken[0] = number
            if number == 1_000_000:
                return
            yield f"text {number}"

    results = model.embed(given(), batch_size=64)
    for _ in range(10):
        next(results)
    time.sleep(1.0)
    ahead = taken[0]
    results.close()
    assert ahead < 100_000
    row(59, "what is read ahead is bounded", f"{ahead} texts of a million")


def test_no_such_device(row: Row) -> None:
    """A device or provider is asked for that is not there."""
    calls = {
        "cuda": lambda: TextEmbedding(TINY, device="cuda"),
        "cuda=True": lambda: TextEmbedding(TINY, cuda=True),
        "provider": lambda: TextEmbedding(TINY, providers=["NoSuchExecutionProvider"]),
    }
    row(60, "an error, never another device in silence", refused(calls, DeviceError))
    ninth = {"device": lambda: TextEmbedding(TINY, device="cuda:9"), "ids": lambda: TextEmbedding(TINY, device_ids=[9])}
    row(61, "device 9: an error that names it", refused(ninth, DeviceError, "9"))


# Pictures


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from rapidembed import ImageEmbedding

    folder = tmp_path_factory.mktemp("clip") / "model"
    BASES["clip"].make(folder)
    with ImageEmbedding(folder) as model:
        yield model


def test_bad_pictures(clip: object, row: Row) -> None:
    """Pictures are truncated, lie about their size, or are bombs."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(file, "PNG")
    good = file.getvalue()
    bomb = io.BytesIO()
    Image.new("1", (50_000, 50_000)).save(bomb, "PNG")
    wide = good[:16] + (50_000).to_bytes(4, "big") * 2 + good[24:]
    given = {"truncated": good[:-40], "header": wide, "bomb": bomb.getvalue(), "text": b"no picture", "empty": b""}
    calls = {name: (lambda data=data: clip.encode([good, data])) for name, data in given.items()}
    before = _megabytes()
    found = refused(calls, PictureError, "images[1]")
    row(62, "a PictureError with the index, nothing decoded", f"{found}, {max(_megabytes() - before, 0):.0f} MB more")


def test_addresses(clip: object, tmp_path: Path, row: Row) -> None:
    """A picture is given as an address, a folder or a device."""
    given = ["http://example.com/a.png", "https://x/a.png", "file:///etc/hostname", "data:image/png;base64,AA=="]
    calls = {name: (lambda name=name: clip.encode([name])) for name in [*given, str(tmp_path), "/dev/zero"]}
    row(63, "refused; no socket, no read", refused(calls, ValueError))


def test_damaged_model_is_told_once(folder: Path, row: Row) -> None:
    """Facts of a model contradict each other."""
    calls = {}
    for number, (file, change) in enumerate(
        [("1_Pooling/config.json", {"embedding_dimension": 31}), ("config.json", {"hidden_size": 64})]
    ):
        copied = Path(shutil.copytree(folder, folder.parent / f"wrong-{number}"))
        (copied / file).write_text(json.dumps(json.loads((copied / file).read_text()) | change))
        calls[file] = lambda copied=copied: TextEmbedding(copied)
    row(34, "an error at load that names the file", refused(calls, IntegrityError))
