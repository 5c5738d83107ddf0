"""A backend as somebody else would write it: ONNX Runtime with one thread, whatever it is told."""

from typing import ClassVar

from rapidembed.runtime.backends import BackendRow
from rapidembed.runtime.backends.backend import ProgramOptions
from rapidembed.runtime.onnx_engine import OnnxEngine
from rapidembed.runtime.session import OnnxSession


class OneThread:
    opened: ClassVar[list[int]] = []

    def require(self, precision):
        pass

    def is_fast(self, precision):
        return True

    def takes(self, checkpoint):
        return True

    def open_engine(self, key):
        return OnnxEngine(key, self)

    def program_options(self, precision, checkpoint):
        return ProgramOptions()

    def open(self, program, providers, *, precision, threads, callers):
        self.opened.append(threads)
        return OnnxSession(program, ["CPUExecutionProvider"], 1)


BACKEND = OneThread()
ROW = BackendRow(name="one-thread", precisions=("fp32",), module=__name__, package="onnxruntime")
