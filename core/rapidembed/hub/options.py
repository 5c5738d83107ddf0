"""How the hub may be used."""

import os
from dataclasses import dataclass, field
from pathlib import Path

_YES = {"1", "ON", "YES", "TRUE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """Options of a download.

    Attributes:
        cache_dir: Hugging Face cache to use; None: the user's.
        revision: branch, tag or commit of the repository; None: its main branch.
        local_files_only: never ask the network.
        token: access token; None: the one that the hub's client finds (``HF_TOKEN``, a login).
    """

    cache_dir: Path | None = None
    revision: str | None = None
    local_files_only: bool = False
    token: str | None = field(default=None, repr=False)

    @property
    def offline(self) -> bool:
        """Whether the hub may not be asked, by these options or by ``HF_HUB_OFFLINE``."""
        return self.local_files_only or os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES
