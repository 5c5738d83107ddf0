"""Numbers that do not lie ready in safetensors: read from files of PyTorch, or rounded to 8-bit integers."""
