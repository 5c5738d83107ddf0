"""Files of torch.save: their numbers are read, and nothing in them is ever run."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from rapidembed.errors import IntegrityError, UnsupportedModelError
from rapidembed.graph.numbers.torch_file import read_torch_header
from rapidembed.graph.numbers.torch_legacy import MAGIC
from rapidembed.graph.weights import Weights

LAYERS = Path(__file__).parents[1] / "golden" / "hybrid"
GOOD = LAYERS / "colbert_linear.pt"


class Tensor:
    """Pickles as a tensor does."""

    def __init__(self, storage="FloatStorage", key="0", offset=0, shape=(2,), strides=(1,)):
        self.storage, self.key, self.arguments = storage, key, (offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return Global("torch._utils", "_rebuild_tensor_v2"), (Storage(self.storage, self.key), *self.arguments)


class Storage:
    def __init__(self, dtype, key):
        self.dtype, self.key = dtype, key


class Global:
    """Pickles as a name, which need not exist here."""

    def __init__(self, module, name):
        self.text = f"c{module}\n{name}\n".encode()

    def __call__(self):
        raise AssertionError("called")


class Pickler(pickle._Pickler):
    """Python's own, which unlike the one in C may be added to."""

    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", Global("torch", thing.dtype), thing.key, "cpu", 2)
        return None

    def save(self, thing, *arguments, **options):
        if isinstance(thing, Global):
            self.write(thing.text)
        else:
            super().save(thing, *arguments, **options)


def pickled(value, protocol=2):
    file = io.BytesIO()
    Pickler(file, protocol).dump(value)
    return file.getvalue()


def archive(path, program, data=(b"\0\0\x80\x3f\0\0\0\x40",), compression=zipfile.ZIP_STORED, byteorder=b"little"):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", program)
        file.writestr("archive/byteorder", byteorder)
        for number, content in enumerate(data):
            file.writestr(f"archive/data/{number}", content)
    return path


def test_what_torch_saved():
    weights = Weights([("", GOOD)])
    assert weights.names == {"weight", "bias"}
    assert weights.shape("weight") == (16, 16)
    assert weights.float32("weight").dtype == np.float32
    assert np.abs(weights.float32("weight")).max() < 2
    assert len(np.unique(weights.float32("weight"))) > 100


def test_what_these_tests_write(tmp_path):
    path = archive(
        tmp_path / "a.pt", pickled(OrderedDict(x=Tensor(), y=Tensor(shape=(1, 1), strides=(7, 3), offset=1)))
    )
    weights = Weights([("layer/", path)])
    assert weights.float32("layer/x").tolist() == [1, 2]
    assert weights.float32("layer/y").tolist() == [[2]]


class Evil:
    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (pickle.dumps(Evil(), 2), "posix.system; refused"),
        (pickle.dumps({"x": Evil()}, 2), "posix.system; refused"),
        (pickle.dumps(Evil(), 4), "the pickle opcode"),
        (b"cbuiltins\neval\n(X\x05\x00\x00\x001 + 1tR.", "builtins.eval; refused"),
        (b"(X\x08\x00\x00\x00touch anios\nsystem\n.", "the pickle opcode INST"),
        (b"(cos\nsystem\nX\x05\x00\x00\x00touch\no.", "os.system; refused"),
        (b"\x80\x02ccollections\nOrderedDict\n(X\x01\x00\x00\x00atR.", "a call of"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "the pickle opcode NEWOBJ"),
        (b"\x80\x02ctorch\nFloatStorage\n}b.", "an object with attributes"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.", "an object with attributes"),
        (b"\x82\x01.", "the pickle opcode EXT1"),
        (b"\x80\x02})K\x01s.", "keys are not texts"),
        (b"\x80\x02K\x01.", "something other than a dictionary of tensors"),
        (pickled({"x": {"y": Tensor()}}), "something other than a dictionary of tensors"),
        (pickled({"x": 1}), "something other than a dictionary of tensors"),
        (pickled({"x": Tensor(storage="QInt8Storage")}), r"torch\.QInt8Storage; refused"),
        (pickled({"x": Tensor(shape=(1, 2), strides=(1, 2))}), "do not lie in order"),
        (pickled({"x": Tensor(offset=-1)}), "a tensor without data"),
        (pickled({"x": Tensor(shape=(True,))}), "a tensor without data"),
        (pickled({"x": Tensor(key="../0")}), "data of the kind"),
    ],
)
def test_anything_but_tensors_is_refused(tmp_path, monkeypatch, program, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedModelError, match=message):
        read_torch_header(archive(tmp_path / "a.pt", program))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", "no well-formed pickle"),
        (b"\x80\x02", "no well-formed pickle"),
        (b"}}.", "no well-formed pickle"),
        (b"\x86.", "no well-formed pickle"),
        (b"\x80\x02}(X\xff\xff\xff\x7fabc", "no well-formed pickle"),
        (b"h\x07.", "no well-formed pickle"),
        (b"u.", "no well-formed pickle"),
        (b"K\x01Q.", "no well-formed pickle"),
        (pickled({"x": Tensor(key="7")}), "no data for the tensor 'x'"),
        (pickled({"x": Tensor(shape=(3,))}), "the data of the tensor 'x' is cut short"),
        (pickled({"x": Tensor(shape=(2**62,))}), "the data of the tensor 'x' is cut short"),
        (pickled({"x": Tensor(offset=1)}), "the data of the tensor 'x' is cut short"),
    ],
)
def test_damaged_pickles(tmp_path, program, message):
    with pytest.raises(IntegrityError, match=message):
        read_torch_header(archive(tmp_path / "a.pt", program))


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02" + b"(" * 60_000 + b"t" * 60_000 + b".",  # each mark is looked for from the end
        b"\x80\x02" + b"(" * 20_000 + b"t" * 20_000 + b")R.",  # no message shows what lies so deep,
        b"\x80\x02)" + b"q\x00h\x00\x86" * 60 + b")R.",  # or 2 ** 60 times
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x3f.",  # no room is made for what is not there
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.timeout(20)
def test_pickles_that_would_take_forever(tmp_path, program, legacy):
    path = tmp_path / "a.pt"
    if legacy:
        head = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
        path.write_bytes(head + program + pickle.dumps([], 2))
    else:
        archive(path, program)
    with pytest.raises((IntegrityError, UnsupportedModelError)):
        Weights([("", path)])


def test_other_archives(tmp_path):
    path, good = tmp_path / "a.pt", pickled({"x": Tensor()})
    with pytest.raises(UnsupportedModelError, match="is compressed"):
        read_torch_header(archive(path, good, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(UnsupportedModelError, match="little-endian"):
        read_torch_header(archive(path, good, byteorder=b"big"))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/other", b"")
    with pytest.raises(UnsupportedModelError, match=r"is not a file that torch\.save writes"):
        read_torch_header(path)
    path.write_bytes(b"\x80\x02" + good)
    with pytest.raises(IntegrityError, match="not a complete file"):
        read_torch_header(path)


def test_no_byte_can_be_missing(tmp_path):
    content = GOOD.read_bytes()
    for length in (*range(0, len(content), 97), len(content) - 1):
        (tmp_path / "cut.pt").write_bytes(content[:length])
        with pytest.raises((IntegrityError, UnsupportedModelError)):
            read_torch_header(tmp_path / "cut.pt")


def test_no_byte_can_be_changed_to_something_worse(tmp_path):
    """Whatever a byte is changed to, the table is one of numbers inside the file, or there is an error of ours."""
    content = GOOD.read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(400):
        changed = bytearray(content)
        changed[generator.integers(len(content))] = generator.integers(256)
        (tmp_path / "changed.pt").write_bytes(changed)
        try:
            found = read_torch_header(tmp_path / "changed.pt")
        except (IntegrityError, UnsupportedModelError):
            continue
        for entry in found.values():
            begin, end = entry["data_offsets"]
            assert 0 <= begin <= end <= len(content)
