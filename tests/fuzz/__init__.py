"""Hostile model folders, drawn from seeds: each gives vectors, or an error of ours, and touches nothing but itself.

``make fuzz``, or ``python -m tests.fuzz --seconds 60``; ``--seed 17`` shows one folder. ``tests/core/test_fuzz.py``
runs a few seeds, ``tests/core/test_hostile.py`` keeps what was found.
"""
