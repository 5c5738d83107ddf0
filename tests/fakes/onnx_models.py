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
