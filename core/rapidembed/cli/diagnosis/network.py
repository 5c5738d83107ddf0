"""The hub, and the environment variables that decide about it and everything else."""

import os
import re
from pathlib import Path

from rapidembed import settings
from rapidembed.cli.diagnosis.section import Section
from rapidembed.errors import ModelNotCachedError, RapidEmbedError

_PREFIXES = ("RAPIDEMBED_", "HF_", "HUGGING", "ORT_", "OMP_", "CUDA_", "TOKENIZERS_")
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME")
_SECRET = re.compile(r"TOKEN$|KEY|SECRET|PASSWORD")
_CREDENTIALS = re.compile(r"://[^/@]*@")
_SECONDS = 5.0


def hub(*, cache_dir: Path | None, online: bool) -> Section:
    """How the hub would be reached, and whether it is needed.

    Args:
        cache_dir: Hugging Face cache to look for the default model in.
        online: ask the hub whether it answers.
    """
    from huggingface_hub import constants, get_token

    section = Section("Hub")
    section.facts["endpoint"] = masked("", constants.ENDPOINT)
    section.facts["offline"] = "yes, HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "no"
    section.facts["token"] = "there, not shown" if get_token() else "none; public models need none"
    if not online:
        section.facts["reachable"] = "not tried; --online does"
    elif constants.HF_HUB_OFFLINE:
        section.facts["reachable"] = "not tried: HF_HUB_OFFLINE is set"
    else:
        _reach(section, constants.ENDPOINT)
    _default_model(section, cache_dir)
    return section


def environment() -> Section:
    """Variables that are set and looked at by the library or what it is made of."""
    wanted = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES) or name.upper() in _NAMES}
    section = Section("Environment", {name: masked(name, wanted[name]) for name in sorted(wanted)})
    if not wanted:
        section.facts["variables"] = "none of those that matter is set"
    return section


def masked(name: str, value: str) -> str:
    """A value without secrets."""
    if _SECRET.search(name.upper()):
        return "set, not shown"
    return _CREDENTIALS.sub("://***@", value)


def _reach(section: Section, endpoint: str) -> None:
    from huggingface_hub import get_session

    try:
        answer = get_session().head(endpoint, timeout=_SECONDS)
    except Exception as error:  # the client, its name and its errors differ between versions
        section.facts["reachable"] = "no"
        section.problems.append(
            f"{masked('', endpoint)} does not answer ({type(error).__name__}: {error}). HF_ENDPOINT names a mirror; "
            "HTTPS_PROXY a proxy; models that are here work without the hub."
        )
    else:
        section.facts["reachable"] = f"yes, it answered {answer.status_code}"


def _default_model(section: Section, cache_dir: Path | None) -> None:
    from rapidembed.cli.found import find_checkpoint
    from rapidembed.hub import HubOptions

    name = settings.default_model()
    section.facts["default model"] = name
    try:
        checkpoint = find_checkpoint(name, HubOptions(cache_dir=cache_dir, local_files_only=True))
    except ModelNotCachedError:
        section.notes.append(f"The default model is not on this machine. Fetch it with: rapidembed pull {name}")
    except RapidEmbedError as error:
        section.problems.append(f"The default model cannot be used: {error}")
    else:
        section.facts["its files"] = str(checkpoint.root)
