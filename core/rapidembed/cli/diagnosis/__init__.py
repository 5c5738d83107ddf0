"""The parts of ``rapidembed doctor``: each looks at one thing and says what it found."""
