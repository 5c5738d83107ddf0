"""Arrow in, Arrow out: columns of texts or pictures become columns of vectors, without an object for each number."""
