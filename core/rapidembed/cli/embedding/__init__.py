"""The parts of ``rapidembed embed``: texts are read, cut into chunks, embedded, written, and a run can be resumed.

A chunk is a pure function of the input, and its vectors one of the chunk, whatever the machine's speed: a run that was
interrupted and resumed gives the same bytes as one that was not.
"""
