"""Recompute ``pictures.safetensors``: ``python -m tests.golden.make_pictures``.

Runs where transformers 5 is installed: its processors on Pillow, whose pixels are what published vectors were made of.
"""

import numpy as np
import PIL
import transformers
from safetensors.numpy import save_file

from tests.golden.pictures import FILE, MODES, PROCESSORS, SIZES, TILED, picture


def main() -> None:
    found = {}
    for label, (name, config) in PROCESSORS.items():
        processor = getattr(transformers, f"{name}Pil")(**config)
        for size in SIZES if label != "convnext" else ():
            values = processor(picture(size).convert("RGB"), return_tensors="np")["pixel_values"][0]
            found[f"{label}/{size}"] = np.ascontiguousarray(values, dtype=np.float32)
    processor = transformers.CLIPImageProcessorPil(**PROCESSORS["clip"][1])
    for mode in MODES:
        values = processor(picture(mode), return_tensors="np")["pixel_values"][0]
        found[f"mode/{mode}"] = np.ascontiguousarray(values, dtype=np.float32)
    for label, config in TILED.items():
        tiler = transformers.Idefics3ImageProcessorPil(**config)
        for size in SIZES:
            values = tiler(picture(size).convert("RGB"), return_tensors="np", return_row_col_info=True)
            found[f"tiles/{label}/{size}"] = np.ascontiguousarray(values["pixel_values"][0], dtype=np.float32)
            found[f"grid/{label}/{size}"] = np.array([values["rows"][0][0], values["cols"][0][0]])
    versions = {"transformers": transformers.__version__, "pillow": PIL.__version__}
    save_file(found, FILE, versions)


if __name__ == "__main__":
    main()
