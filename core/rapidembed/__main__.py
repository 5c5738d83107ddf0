"""``python -m rapidembed``: the command line."""

from rapidembed.cli import main

main()
