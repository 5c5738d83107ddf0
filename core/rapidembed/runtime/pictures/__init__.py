"""Pictures in: from files, bytes, Pillow and numpy to the pixels that a model reads. Needs the extra ``image``."""
