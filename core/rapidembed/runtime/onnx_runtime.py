"""ONNX Runtime without its telemetry; everything else imports it from here.

From 1.29 on it reports to its maker over the network, and keeps a database in the user's cache folder for that
(https://github.com/microsoft/onnxruntime/pull/27379). Its threads also hang forked children that end by ``sys.exit``.
It decides when it is imported, so the variable that forbids it is set for that moment only. A value that the user has
set stands.
"""

import os
import sys

_VARIABLE = "ORT_DISABLE_TELEMETRY"

if "onnxruntime" in sys.modules or _VARIABLE in os.environ:
    import onnxruntime as ort

    if _VARIABLE not in os.environ:  # imported by somebody else: what has begun can only be limited
        ort.disable_telemetry_events()
else:
    os.environ[_VARIABLE] = "1"
    try:
        import onnxruntime as ort
    finally:
        del os.environ[_VARIABLE]

__all__ = ["ort"]
