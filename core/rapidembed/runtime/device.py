"""From the options that name a device to ONNX Runtime's execution providers. Contradictions are errors."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rapidembed.errors import DeviceError
from rapidembed.types import Device, Providers, ProviderSpec

CPU_PROVIDER = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"


class Placement(NamedTuple):
    """Where the sessions of one engine run: one provider list per session."""

    kind: str
    """ "cpu", "cuda", or the first provider's name where providers were given."""
    sessions: tuple[tuple[ProviderSpec, ...], ...]

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU computes."""
        return self.kind == "cpu"

    @property
    def label(self) -> str:
        """The device in the words of the ``device`` option."""
        if self.kind != "cuda":
            return self.kind
        return ", ".join(f"cuda:{_device_id(providers[0])}" for providers in self.sessions)


def may_offer_cuda() -> bool:
    """Whether the installed ONNX Runtime may offer CUDA, as its files tell; importing it takes longer than a query."""
    spec = importlib.util.find_spec("onnxruntime")
    folders = [Path(folder) / "capi" for folder in (spec.submodule_search_locations or ())] if spec else []
    known = [folder for folder in folders if folder.is_dir()]
    return not known or any(any(folder.glob("*providers_cuda*")) for folder in known)


def place(
    *,
    available: Sequence[str],
    device: str | Sequence[str] = "auto",
    cuda: bool | Device | str = Device.AUTO,
    device_ids: Sequence[int] | None = None,
    providers: Providers | None = None,
) -> Placement:
    """Decide where to run.

    Args:
        available: providers of the installed ONNX Runtime.
        device: "auto", "cpu", "cuda", "cuda:N", or several of the last.
        cuda: fastembed's way to say the same: True, False, or "auto".
        device_ids: CUDA devices, fastembed's way.
        providers: ONNX Runtime providers, used as they are.

    Raises:
        DeviceError: the device is not available, or the options contradict each other.
    """
    wanted = _wanted_devices(device, cuda, device_ids)
    if providers is not None:
        if wanted is not None:
            raise DeviceError("Give either providers or a device (device, cuda, device_ids), not both.")
        return _from_providers(providers, available)
    if wanted is None:
        wanted = ["cuda:0"] if _CUDA in available else ["cpu"]
    if wanted == ["cpu"]:
        return Placement("cpu", ((CPU_PROVIDER,),))
    if "cpu" in wanted:
        raise DeviceError(f"CPU and CUDA devices cannot be mixed, got {wanted}.")
    if _CUDA not in available:
        raise DeviceError(
            f"{wanted[0]} was asked for, but the installed ONNX Runtime offers {', '.join(available)}. "
            "Install the GPU build: pip uninstall onnxruntime && pip install onnxruntime-gpu"
        )
    ids = [int(name.removeprefix("cuda:")) for name in wanted]
    return Placement("cuda", tuple(((_CUDA, {"device_id": i}),) for i in ids))


def _wanted_devices(
    device: str | Sequence[str], cuda: bool | Device | str, device_ids: Sequence[int] | None
) -> list[str] | None:
    """Normalized device names, or None for "auto"."""
    if not isinstance(device, str | list | tuple):
        raise DeviceError(f"device must be a str or a list of str, got {device!r}.")
    if not isinstance(device_ids, list | tuple | None):
        raise DeviceError(f"device_ids must be a list of numbers, got {device_ids!r}.")
    names = [_normalize(name) for name in ([device] if isinstance(device, str) else device)]
    if not names:
        raise DeviceError("device is an empty list; name at least one device.")
    if len(set(names)) < len(names):
        raise DeviceError(f"device names one device twice: {names}.")
    chosen = None if names == ["auto"] else names
    if chosen and "auto" in chosen:
        raise DeviceError(f'"auto" cannot be one of several devices, got {names}.')
    flag = _cuda_flag(cuda)
    if device_ids is not None:
        if not device_ids or any(isinstance(i, bool) or not isinstance(i, int) or i < 0 for i in device_ids):
            raise DeviceError(f"device_ids must be a list of numbers from 0 on, got {device_ids!r}.")
        if flag is False:
            raise DeviceError("device_ids names CUDA devices, but cuda=False.")
    from_cuda = None
    if device_ids is not None:
        from_cuda = [f"cuda:{i}" for i in device_ids]
    elif flag is not None:
        from_cuda = ["cuda:0"] if flag else ["cpu"]
    if chosen and from_cuda and chosen != from_cuda:
        raise DeviceError(f"device={device!r} contradicts cuda={cuda!r}, device_ids={device_ids!r}. Give one of them.")
    return chosen or from_cuda


def _normalize(name: str) -> str:
    if name in ("auto", "cpu"):
        return name
    if name == "cuda":
        return "cuda:0"
    kind, _, index = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind == "cuda" and index.isdecimal():
        return f"cuda:{int(index)}"
    raise DeviceError(f'device must be "auto", "cpu", "cuda", "cuda:N" or a list of these, got {name!r}.')


def _cuda_flag(cuda: bool | Device | str) -> bool | None:
    if isinstance(cuda, bool):
        return cuda
    known = {"auto": None, "cuda": True, "cpu": False}
    if not isinstance(cuda, str) or cuda not in known:
        raise DeviceError(f'cuda must be True, False or "auto", got {cuda!r}.')
    return known[str(cuda)]


def _from_providers(providers: Providers, available: Sequence[str]) -> Placement:
    chosen: list[ProviderSpec] = []
    if isinstance(providers, str):
        raise DeviceError(f"providers must be a list of providers, got the str {providers!r}.")
    for provider in providers:
        if not isinstance(provider, str) and not (isinstance(provider, tuple | list) and len(provider) == 2):
            raise DeviceError(f"A provider is a name, or a name and its options, got {provider!r}.")
        name, options = (provider, None) if isinstance(provider, str) else provider
        if name not in available:
            raise DeviceError(
                f"Provider {name!r} is not in the installed ONNX Runtime; it has: {', '.join(available)}."
            )
        chosen.append(name if options is None else (name, dict(options)))
    if not chosen:
        raise DeviceError("providers is empty; name at least one, or leave it out.")
    first = provider_name(chosen[0])
    return Placement({CPU_PROVIDER: "cpu", _CUDA: "cuda"}.get(first, first), (tuple(chosen),))


def provider_name(provider: ProviderSpec) -> str:
    """The name of a provider given with or without options."""
    return provider if isinstance(provider, str) else provider[0]


def _device_id(provider: ProviderSpec) -> int:
    options: Mapping[str, Any] = {} if isinstance(provider, str) else provider[1]
    return int(options.get("device_id", 0))
