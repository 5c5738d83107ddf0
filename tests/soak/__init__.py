"""Mixed work for an hour: ``make soak``, or ``python -m tests.soak --seconds 600``. What grows, or is wrong, fails."""
