"""What is done to weights: safetensors, pickles, ONNX graphs."""

import json
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

from tests.fuzz import values
from tests.fuzz.files import LARGE, files_of
from tests.fuzz.models import write_torch


def change_header(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The table of a safetensors file: overlaps, places outside, other types and shapes, huge lengths."""
    files = files_of(folder, ".safetensors")
    if not files:
        return None
    path = choose.choice(files)
    content = path.read_bytes()
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        name = choose.choice([key for key in header if key != "__metadata__"])
    except (struct.error, ValueError, IndexError, RecursionError):
        return None
    _spoil_entry(header, name, choose)
    text = values.dump(header)
    stated = choose.choice([len(text)] * 6 + [0, 1, 2**63, len(text) * 2, 100_000_001])
    path.write_bytes(struct.pack("<Q", stated) + text + content[8 + length :])
    return f"the header of {path.relative_to(folder)}: {name}"


def _spoil_entry(header: dict[str, Any], name: str, choose: random.Random) -> None:
    entry, kind = header[name], choose.randrange(7)
    if kind == 0:
        entry["data_offsets"] = [
            entry["data_offsets"][0],
            entry["data_offsets"][1] + choose.choice([-4, 4, 2**40, 2**63]),
        ]
    elif kind == 1:
        entry["dtype"] = choose.choice(
            ["F16", "BF16", "F64", "I8", "U8", "I64", "BOOL", "F8_E4M3", "C64", "f32", 3, None]
        )
    elif kind == 2:
        entry["shape"] = choose.choice([[], [0], [2**31, 2**31], [-1], entry["shape"][::-1], [1, *entry["shape"]], "x"])
    elif kind == 3:  # nothing but another type, of the same size
        count = entry["data_offsets"][1] - entry["data_offsets"][0]
        entry |= {"dtype": choose.choice(["U8", "I8"]), "shape": [count]}
    elif kind == 4:
        header[choose.choice(["", "a" * 3000, "../x", "\0", name + "x"])] = header.pop(name)
    elif kind == 5:
        del header[name]
    else:
        values.spoil(header, choose)


def change_bytes(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """Some bytes of any file: flipped, cut off, put in."""
    files = [path for path in files_of(folder) if path.stat().st_size > 0]
    if not files:
        return None
    path = choose.choice(files)
    content = bytearray(path.read_bytes())
    kind = choose.randrange(4)
    near = choose.choice([len(content), min(len(content), 400)])
    if kind == 0:
        for _ in range(choose.choice([1, 3, 30])):
            content[choose.randrange(near)] = choose.randrange(256)
    elif kind == 1:
        del content[choose.randrange(len(content)) :]
    elif kind == 2:
        place = choose.randrange(near)
        content[place:place] = choose.randbytes(choose.choice([1, 8, 100]))
    else:
        content += choose.randbytes(64)
    path.write_bytes(content)
    return f"bytes of {path.relative_to(folder)}"


def huge_weights(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """Numbers that overflow, or are none."""
    path = folder / "model.safetensors"
    if not path.is_file() or path.stat().st_size < 100 or path.stat().st_size > LARGE:
        return None
    content = bytearray(path.read_bytes())
    for _ in range(choose.choice([1, 50])):
        place = choose.randrange(8, len(content) // 4) * 4
        content[place : place + 4] = choose.choice(
            [b"\xff\xff\x7f\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\xff", b"\x01\0\0\0"]
        )
    path.write_bytes(content)
    return "numbers of model.safetensors"


_PROGRAMS = (
    b"cos\nsystem\n(X\x19\x00\x00\x00touch ../outside/executedtR.",
    b"cposix\nsystem\nX\x19\x00\x00\x00touch ../outside/executed\x85R.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x19touch ../outside/executed\x85R.",
    b"(X\x19\x00\x00\x00touch ../outside/executedios\nsystem\n.",
    b"cbuiltins\nexec\n(X\x2a\x00\x00\x00open('../outside/executed','w').write('xxxxx')tR.",
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.",
    b"\x80\x02}q\0" + b"(" * 100_000 + b".",
    b"\x80\x02" + b"}" * 200_000 + b".",
    b"\x80\x02X\xff\xff\xff\x7f.",
    b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b")R.",
    b"\x80\x02)" + b"q\x00h\x00\x86" * 60 + b")R.",
    b"\x80\x02(lp0\ng0\na.",
)


def hostile_pickle(folder: Path, outside: Path, choose: random.Random) -> str:
    """A file of torch.save that would run a command, in the place of the weights."""
    program = choose.choice(_PROGRAMS)
    layers = files_of(folder, ".pt", ".bin")
    path = choose.choice(layers) if layers else folder / "pytorch_model.bin"
    (folder / "model.safetensors").unlink(missing_ok=True)
    kind = choose.choice(["zip", "legacy", "plain", "bomb"])
    if kind == "legacy":
        path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03." + program * 3)
    elif kind == "plain":
        path.write_bytes(program)
    else:
        compression = zipfile.ZIP_DEFLATED if kind == "bomb" else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", compression) as file:
            file.writestr("archive/data.pkl", b"\0" * 60_000_000 if kind == "bomb" else program)
            file.writestr("archive/../../outside/executed", b"x")
    return f"a pickle in {path.relative_to(folder)} ({kind})"


def as_torch(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """Good weights in a file of torch.save, of which bytes are changed."""
    from safetensors.numpy import load_file

    path = folder / "model.safetensors"
    try:
        tensors = load_file(path)
    except Exception:  # changed before
        return None
    write_torch(folder / "pytorch_model.bin", {n: t for n, t in tensors.items() if t.dtype == "float32"})
    path.unlink()
    content = bytearray((folder / "pytorch_model.bin").read_bytes())
    for _ in range(choose.choice([1, 5])):
        place = choose.choice([choose.randrange(len(content)), choose.randrange(min(3000, len(content)))])
        content[place] = choose.choice([0, 0xFF, 0x7F, ord("."), ord("R"), choose.randrange(256)])
    (folder / "pytorch_model.bin").write_bytes(content)
    return "weights as pytorch_model.bin, bytes changed"


def change_onnx(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The graph of an export: data outside, huge tensors, circles, other names and operators."""
    import onnx
    from onnx import TensorProto, helper

    path = folder / "onnx" / "model.onnx"
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception:  # there is none, or it was changed before
        return None
    graph, kind = model.graph, choose.randrange(9)
    if kind == 0 and graph.initializer:
        places = [
            "../../outside/model.safetensors",
            str(outside / "model.safetensors"),
            "../config.json",
            "",
            "data\0x",
        ]
        entry = choose.choice(graph.initializer[0].external_data)
        entry.value = choose.choice([*places, "-4", str(2**62), "1e3", "x"])
    elif kind == 1 and graph.initializer:
        graph.initializer[0].dims[:] = choose.choice([[2**40, 32], [-1, 32], [], [2**31, 2**31], [0, 0]])
    elif kind == 2:
        graph.node.append(helper.make_node("Add", ["loop_a", "loop_b"], ["loop_a"]))
    elif kind == 3 and graph.node:
        graph.node[0].op_type = choose.choice(["NoSuch", "Loop", "If", "", "Identity", "MatMul"])
    elif kind == 4:
        graph.initializer.append(TensorProto(name="huge", data_type=1, dims=[2**34]))
    elif kind == 5:
        shape = helper.make_tensor("shape", TensorProto.INT64, [2], [2**20, 2**20])
        graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["wide"]))
        graph.node.append(helper.make_node("ReduceSum", ["wide"], ["sum"]))
        graph.node.append(helper.make_node("Add", [graph.output[0].name, "sum"], ["hidden"]))
        graph.initializer.append(shape)
        graph.output[0].name = "hidden"
    elif kind == 6:
        graph.input[0].name = choose.choice(["", "x", "pixel_values"])
    elif kind == 7:
        model.opset_import[0].version = choose.choice([0, -1, 1, 999])
    else:
        del graph.output[:]
    path.write_bytes(model.SerializeToString())
    return f"the graph of onnx/model.onnx ({kind})"
