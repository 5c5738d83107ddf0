"""The command line. Commands are files here, listed in ``app.COMMANDS`` and imported when they are called."""

from rapidembed.cli.app import main

__all__ = ["main"]
