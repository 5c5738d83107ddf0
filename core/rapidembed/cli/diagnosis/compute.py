"""What computes: cores, providers, and whether ONNX Runtime does."""

import os

import numpy as np

from rapidembed import settings
from rapidembed.cli.diagnosis.section import Section
from rapidembed.errors import DeviceError
from rapidembed.runtime import cpu
from rapidembed.runtime.backends import BACKENDS
from rapidembed.runtime.cores import allowed_cores
from rapidembed.runtime.fast import fastest

_TOLERANCE = 1e-2  # of GPUs that round to ten bits


def compute() -> Section:
    """CPU, cores, device, and a trial."""
    section = Section("Compute")
    name, features = cpu.describe()
    section.facts["CPU"] = name
    section.facts["CPU features"] = (
        "unknown on this system" if features is None else ", ".join(features) or "none known"
    )
    if features is not None and "AVX2" not in features and "NEON" not in features:
        section.notes.append("This CPU has neither AVX2 nor NEON; models will be slow.")
    section.facts["int8"] = _integers()
    section.facts["bf16"] = _bfloat16(features)
    section.facts["native"] = _native()
    section.facts["fast"] = " on ".join(fastest("onnxruntime"))
    _cores(section)
    try:
        _onnxruntime(section)
    except Exception as error:  # a broken installation fails in any way it likes
        section.problems.append(f"ONNX Runtime does not work: {type(error).__name__}: {error}. Reinstall it.")
    return section


def _integers() -> str:
    kind = cpu.integer_kind()
    if kind == cpu.NARROW_SUMS:
        return f"weights of 7 bits ({kind}: sums of 16 bits would overflow)"
    return f"weights of 8 bits ({kind})"


def _bfloat16(features: list[str] | None) -> str:
    openvino = BACKENDS["openvino"]
    if not openvino.installed:
        return f"needs OpenVINO, which is not installed: {openvino.install}"
    able = features is None or {"AVX-512 BF16", "AMX BF16", "BF16"}.intersection(features)
    return f"{'yes' if able else 'this CPU has none'}, with OpenVINO {openvino.version}"


def _native() -> str:
    """What rapidembed-native computes here, or why it does not."""
    row = BACKENDS["native"]
    if not row.installed:
        return f"is not installed: {row.install}"
    able, lacks = list[str](), list[str]()
    for precision in row.precisions:
        try:
            row.load().require(precision)
            able.append(precision)
        except DeviceError as error:
            lacks.append(str(error))
    return "; ".join([f"{', '.join(able)}, with rapidembed-native {row.version}"] * bool(able) + lacks)


def _cores(section: Section) -> None:
    machine, allowed = os.cpu_count() or 1, allowed_cores()
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    used, reason = allowed, "all of the machine"
    if allowed < affinity:
        reason = f"the container's CPU quota; the machine has {machine}"
    elif affinity < machine:
        reason = f"the process's CPU affinity; the machine has {machine}"
    try:
        requested = settings.requested_threads()
    except ValueError as error:
        section.problems.append(str(error))
        requested = None
    if requested is not None:
        used, reason = requested, f"RAPIDEMBED_THREADS; {allowed} are allowed"
        if requested > allowed:
            section.notes.append(
                f"RAPIDEMBED_THREADS is {requested}, but this process may use {allowed} cores; threads will share them."
            )
    section.facts["cores used"] = f"{used} ({reason})"


def _onnxruntime(section: Section) -> None:
    import onnxruntime

    from rapidembed.runtime.device import place, provider_name
    from rapidembed.runtime.session import available_providers

    providers = available_providers()
    placement = place(available=providers)
    why = "ONNX Runtime offers no CUDA" if placement.on_cpu else "ONNX Runtime offers it"
    section.facts["ONNX Runtime"] = f"{onnxruntime.__version__}, {', '.join(providers)}"
    section.facts["device"] = f"{placement.label} ({why})"
    wanted = placement.sessions[0]
    session = onnxruntime.InferenceSession(_product_graph(), providers=list(wanted))
    if (active := session.get_providers()[0]) != provider_name(wanted[0]):
        section.problems.append(
            f"ONNX Runtime offers {provider_name(wanted[0])}, but started {active}. A missing CUDA or cuDNN library is "
            'the usual cause; until it is there, use device="cpu".'
        )
    matrix = np.arange(64 * 64, dtype=np.float32).reshape(64, 64) / 4096
    (product,) = session.run(["c"], {"a": matrix, "b": matrix.T.copy()})
    right = np.allclose(product, matrix.astype(np.float64) @ matrix.T, rtol=_TOLERANCE)
    section.facts["trial"] = "multiplied two matrices rightly" if right else "multiplied two matrices wrongly"
    if not right:
        section.problems.append("ONNX Runtime computes wrong results. Reinstall it, and check the machine's memory.")


def _product_graph() -> bytes:
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "n"]) for name in ("a", "b", "c")]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", values[:2], values[2:])
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    ).SerializeToString()
    return model
