"""ONNX files whose output is arithmetic on the token ids."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

WIDTH, VOCABULARY = 32, 256


def write_hidden_states(path: Path, location: str, offset: int, length: int | None) -> None:
    """A graph that looks token ids up in a (256, 32) table, which it keeps in the file ``location``."""
    table = TensorProto(
        name="table",
        data_type=TensorProto.FLOAT,
        dims=(VOCABULARY, WIDTH),
        data_location=TensorProto.EXTERNAL,
    )
    table.external_data.add(key="location", value=location)
    table.external_data.add(key="offset", value=str(offset))
    if length is not None:
        table.external_data.add(key="length", value=str(length))
    ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in ("input_ids", "attention_mask")]
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "t", WIDTH])
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])], "lookup", ids, [hidden], [table]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    onnx.load_model_from_string(path.read_bytes())


def write_pictures_model(path: Path, form: str) -> None:
    """A graph whose vector of a picture is its mean red, green and blue.

    Args:
        path: of the file.
        form: "vectors"; "map", which keeps sides of 1; "patches", the vector as the first of two; "fixed rows", two
            pictures in every run.
    """
    rows = 2 if form == "fixed rows" else "b"
    nodes = [helper.make_node("GlobalAveragePool", ["image"], ["pooled"])]
    shape: list[str | int] = [rows, 3, 1, 1]
    if form != "map":
        nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"], axis=1))
        shape = [rows, 3]
    if form == "patches":
        axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
        nodes.append(helper.make_node("Constant", [], ["axes"], value=axes))
        nodes.append(helper.make_node("Unsqueeze", ["flat", "axes"], ["first"]))
        nodes.append(helper.make_node("Neg", ["first"], ["second"]))
        nodes.append(helper.make_node("Concat", ["first", "second"], ["output"], axis=1))
        shape = [rows, 2, 3]
    else:
        nodes.append(helper.make_node("Identity", ["pooled" if form == "map" else "flat"], ["output"]))
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [rows, 3, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
