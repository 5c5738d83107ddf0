"""What models hold in this process."""

import gc

from rapidembed.runtime import lease


def engines() -> dict[str, int]:
    """How many leases every engine has that is in memory, by its identity, without those of models that are garbage."""
    gc.collect()
    return {identity: leases for identity, (_, leases) in lease._engines.items()}
