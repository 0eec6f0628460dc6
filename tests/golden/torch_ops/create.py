"""What PyTorch says of windows and random numbers: they are functions, not operations of the table.

tests/ops/test_create.c holds PyTorch's windows; tests/ops/test_random.c tests distributions.
"""
