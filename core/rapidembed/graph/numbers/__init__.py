"""The numbers that a graph is given: a checkpoint's tensors as they lie in its files, and integers made of them."""
