"""What is done to the files of a model: each change is drawn from its own random numbers and says what it did."""

import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz import values
from tests.fuzz.models import write_torch

Change = Callable[[Path, Path, random.Random], str | None]
"""Takes the model's folder, a folder outside with the same model, and random numbers; None: there was nothing to do."""
_NEW = (
    "config.json", "modules.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "sentence_bert_config.json", "config_sentence_transformers.json", "adapter_config.json", "router_config.json",
    "preprocessor_config.json", "processor_config.json", "artifact.metadata", "model.safetensors.index.json",
    "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "generation_config.json",
)  # fmt: skip
_LARGE = 10_000_000
"""Bytes of a file that is a hole, made before."""


def _files(folder: Path, *suffixes: str) -> list[Path]:
    """Those that are not links, and not huge."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size < _LARGE)
    return sorted(path for path in found if not suffixes or path.suffix in suffixes)


def change_json(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """One to three values of a JSON file."""
    files = _files(folder, ".json", ".metadata")
    if not files:
        return None
    path = choose.choice(files)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    for _ in range(choose.choice([1, 1, 2, 3])):
        value = values.spoil(value, choose)
    path.write_bytes(values.dump(value))
    return f"values of {path.relative_to(folder)}"


def change_text(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The text of a JSON file or a vocabulary."""
    files = _files(folder, ".json", ".metadata", ".txt")
    if not files:
        return None
    path = choose.choice(files)
    path.write_bytes(values.spoil_text(path.read_text(encoding="utf-8", errors="replace"), choose))
    return f"text of {path.relative_to(folder)}"


def add_file(folder: Path, outside: Path, choose: random.Random) -> str:
    """A file that the model does not need."""
    path = choose.choice(sorted(each for each in [folder, *folder.iterdir()] if each.is_dir())) / choose.choice(_NEW)
    made = values.spoil({"model_type": "bert", "a": [1, "b"], "weight_map": {"a": "b"}}, choose)
    path.write_bytes(values.dump(made))
    return f"a new {path.relative_to(folder)}"


def remove(folder: Path, outside: Path, choose: random.Random) -> str:
    """A file, or a folder's."""
    path = choose.choice(_files(folder) or [folder / "x"])
    path.unlink(missing_ok=True)
    return f"no {path.relative_to(folder)}"


def not_a_file(folder: Path, outside: Path, choose: random.Random) -> str:
    """A folder, a pipe, a device, a circle of links or a huge hole where a file should be."""
    path = choose.choice(_files(folder) or [folder / "x"])
    path.unlink(missing_ok=True)
    kind = choose.choice(["folder", "pipe", "device", "circle", "hole"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "hole":
        with path.open("wb") as file:
            file.truncate(choose.choice([1 << 20, 1 << 31]))
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path.name)
    return f"a {kind} for {path.relative_to(folder)}"


def lead_out(folder: Path, outside: Path, choose: random.Random) -> str:
    """A link to the same file of another model, or to its folder."""
    path = choose.choice([each for each in sorted(folder.rglob("*")) if not each.is_symlink()] or [folder / "x"])
    there = outside / path.relative_to(folder)
    if path.exists():
        path.rename(path.with_name(f"moved-away-{choose.random()}"))
    path.symlink_to(there if choose.random() < 0.5 else os.path.relpath(there, path.parent))
    return f"a link out for {path.relative_to(folder)}"


def name_outside(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """Where one file names another, a name that leads out."""
    way = choose.choice([str(outside), os.path.relpath(outside, folder), f"x/../../{outside.name}"])
    hub = choose.choice(["modules.json", "model.safetensors.index.json", "router_config.json", "adapter_config.json"])
    path = folder / hub
    if not path.is_file():
        path.write_text(json.dumps({"weight_map": {"a": f"{way}/model.safetensors"}}))
        (folder / "model.safetensors").unlink(missing_ok=True)
        return f"{hub} names {way}"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    path.write_bytes(values.dump(_renamed(found, way, choose)))
    return f"{hub} names {way}"


def _renamed(value: Any, way: str, choose: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, way, choose) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, way, choose) for each in value]
    return f"{way}/{value}" if isinstance(value, str) and "." not in value[:6] and choose.random() < 0.7 else value


def change_header(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The table of a safetensors file: overlaps, places outside, other types and shapes, huge lengths."""
    files = _files(folder, ".safetensors")
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
    files = [path for path in _files(folder) if path.stat().st_size > 0]
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
    if not path.is_file() or path.stat().st_size < 100 or path.stat().st_size > _LARGE:
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
    layers = _files(folder, ".pt", ".bin")
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


def change_vocabulary(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """The vocabulary within tokenizer.json, or vocab.txt."""
    found = [path for path in _files(folder) if path.name in ("tokenizer.json", "vocab.txt")]
    path = choose.choice(found) if found else folder / "vocab.txt"
    if path.suffix == ".txt":
        lines = choose.choice([[""], ["a"] * 9, ["[UNK]"] * 3, ["[CLS]", "[SEP]", "[UNK]"], ["x" * 100_000], ["a\0b"]])
        path.write_text("\n".join(lines), encoding="utf-8")
        return f"a vocabulary of {len(lines)} words"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        words = value["model"]["vocab"]
    except (ValueError, TypeError, KeyError, RecursionError, OSError):
        return None
    kind = choose.randrange(4)
    if kind == 0 and isinstance(words, dict) and words:
        words[choose.choice(list(words))] = choose.choice([-1, 2**31, 2**32 - 1, 2**32, 10**7, 0, "x", None, 1.5])
    elif kind == 1:
        value["model"]["vocab"] = choose.choice([{}, [], None, {"a": 0}, [["a", 0.0]], [["a", 1e999]], [["a"]]])
    elif kind == 2:
        value["model"]["type"] = choose.choice(["BPE", "WordPiece", "Unigram", "WordLevel", "x", None])
    else:
        added = {"id": choose.choice([0, 5, 10**7, 2**32 - 1, -1]), "content": choose.choice(["", "zz", "the"])}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), choose.random() < 0.5)
        value["added_tokens"] = [added | flags]
    path.write_bytes(values.dump(value))
    return f"the vocabulary of {path.relative_to(folder)} ({kind})"


_TABLES = ("AAAA", "AAAAAA==", "/////w==", "//////////////////8AAAAAAAAAAAAA", "CAAAAP//////////AABhAA==", "x", "")
_DOUBLED = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
_STEPS: dict[str, tuple[Any, ...]] = {
    "normalizer": (
        *({"type": "Precompiled", "precompiled_charsmap": table} for table in _TABLES),
        {"type": "Sequence", "normalizers": [_DOUBLED] * 60},
        {"type": "Replace", "pattern": {"Regex": "(a|aa)+$"}, "content": "x"},
        {"type": "Replace", "pattern": {"Regex": ""}, "content": "x" * 100_000},
        {"type": "Prepend", "prepend": "x" * 1_000_000},
    ),
    "pre_tokenizer": (
        {"type": "Split", "pattern": {"Regex": "([a-z ]+)+!"}, "behavior": "Isolated", "invert": False},
        {"type": "FixedLength", "length": 0},
        {"type": "Split", "pattern": {"String": ""}, "behavior": "MergedWithNext", "invert": True},
    ),
    "post_processor": (
        {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        {"type": "BertProcessing", "sep": ["x", 2**32 - 1], "cls": ["y", 2**31]},
    ),
    "padding": ({"strategy": {"Fixed": 2**40}, "direction": "Right", "pad_to_multiple_of": 0, "pad_id": 0,
                 "pad_type_id": 0, "pad_token": "x"},),
    "truncation": ({"max_length": 0, "stride": 9, "strategy": "OnlySecond", "direction": "Left"},),
    "model": (
        {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]},
        {"type": "BPE", "vocab": {"a": 0, "aa": 5}, "merges": ["a a"], "continuing_subword_prefix": "abcdef"},
        {"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": None},
        {"type": "WordLevel", "vocab": {}, "unk_token": "x"},
    ),
}  # fmt: skip
"""Parts of a tokenizer.json that its readers panic, hang or run out of memory over."""


def change_steps(folder: Path, outside: Path, choose: random.Random) -> str | None:
    """What a tokenizer does with a text."""
    found = [path for path in _files(folder) if path.name == "tokenizer.json"]
    if not found:
        return None
    path = choose.choice(found)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    part = choose.choice(list(_STEPS))
    if not isinstance(value, dict):
        return None
    value[part] = choose.choice(_STEPS[part])
    text = values.dump(value)
    if choose.random() < 0.3:
        text = text.replace(b"precompiled_charsmap", b"precompiled\\u005fcharsmap")
    path.write_bytes(text)
    return f"the {part} of {path.relative_to(folder)}"


CHANGES: tuple[tuple[Change, int], ...] = (
    (change_json, 12),
    (change_text, 3),
    (add_file, 2),
    (remove, 1),
    (not_a_file, 1),
    (lead_out, 2),
    (name_outside, 2),
    (change_header, 4),
    (change_bytes, 3),
    (huge_weights, 1),
    (hostile_pickle, 1),
    (as_torch, 1),
    (change_onnx, 3),
    (change_vocabulary, 3),
    (change_steps, 3),
)
"""Each with how often it is drawn."""
