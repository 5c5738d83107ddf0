"""Finds the pictures that look alike in a folder, and writes a contact sheet: queries, and their nearest neighbours.

    python examples/contact_sheet.py FOLDER sheet.png --queries 6 --neighbours 5

The model ships with the package; ``--model`` names another. Needs the extra ``image``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from rapidembed import ImageEmbedding

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"}
SIDE, GAP, LABEL = 160, 8, 18


def main(arguments: Sequence[str] | None = None) -> None:
    """Embed the folder and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--model", default="builtin:image")
    parser.add_argument("--queries", type=int, default=6)
    parser.add_argument("--neighbours", type=int, default=5)
    chosen = parser.parse_args(arguments)
    paths = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(paths) < 2:
        parser.error(f"{chosen.folder} holds {len(paths)} pictures; a neighbour needs two.")
    with ImageEmbedding(chosen.model, normalize=True) as model:
        vectors = model.encode(paths, show_progress=True)
    queries = np.linspace(0, len(paths) - 1, min(chosen.queries, len(paths))).astype(int)
    similar = vectors[queries] @ vectors.T
    similar[np.arange(len(queries)), queries] = np.inf  # the query itself comes first
    nearest = np.argsort(-similar, axis=1)[:, : chosen.neighbours + 1]
    sheet = draw([[(paths[i], similar[row, i]) for i in found] for row, found in enumerate(nearest)])
    sheet.save(chosen.sheet)
    print(f"{len(paths)} pictures; {chosen.sheet} shows {len(queries)} of them with their nearest neighbours.")


def draw(rows: list[list[tuple[Path, float]]]) -> Image.Image:
    """A row for each query: its picture in a frame, then its neighbours with their cosine."""
    width, height = SIDE + GAP, SIDE + LABEL + GAP
    sheet = Image.new("RGB", (GAP + max(map(len, rows)) * width, GAP + len(rows) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for i, row in enumerate(rows):
        for j, (path, cosine) in enumerate(row):
            left, top = GAP + j * width, GAP + i * height
            with Image.open(path) as opened:
                small = ImageOps.contain(ImageOps.exif_transpose(opened).convert("RGB"), (SIDE, SIDE))
            sheet.paste(small, (left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2))
            if j == 0:
                pen.rectangle((left - 3, top - 3, left + SIDE + 2, top + SIDE + 2), outline="crimson", width=3)
            label = path.name[:24] if j == 0 else f"{cosine:.2f}  {path.name[:18]}"
            pen.text((left, top + SIDE + 3), label, fill="black")
    return sheet


if __name__ == "__main__":
    main()
