"""What a user does around models: join rankings, compare and compress sets of vectors."""
