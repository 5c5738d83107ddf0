"""rapidembed under fastembed's name."""

from rapidembed.compat.install import take_over

take_over()
