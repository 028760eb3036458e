"""Pages, the reference, examples and docstrings: what is written about the code has to hold of it."""
