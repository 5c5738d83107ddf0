"""Vectors of the variants as transformers computes them: run with PyTorch from the repository's root.

.venv-peers/bin/python -m tests.native.make_golden
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoConfig, AutoModel

from tests.native.variants import CONFIGS, tokens, values

_DIGITS = 5


def main() -> None:
    made = {"made_with": {"torch": torch.__version__, "transformers": transformers.__version__}, "variants": {}}
    for name, config in CONFIGS.items():
        model = AutoModel.from_config(AutoConfig.for_model(**config), attn_implementation="eager").eval()
        tensors = {key: tuple(t.shape) for key, t in model.state_dict().items() if t.is_floating_point()}
        state = {key: torch.from_numpy(values(key, shape)) for key, shape in tensors.items()}
        model.load_state_dict(state, strict=False)
        with torch.no_grad():
            found = [model(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy() for ids in tokens()]
        unused = [key for key in tensors if "pooler" in key]
        made["variants"][name] = {
            "tensors": {key: list(shape) for key, shape in tensors.items() if key not in unused},
            "means": np.round(np.stack(found).astype(float), _DIGITS).tolist(),
        }
    path = Path(__file__).parent / "golden.json"
    path.write_text(json.dumps(made, separators=(",", ":")).replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
