"""Compiled loops over arrays and buffers. They know no noun: bytes and integers in, memoryviews out.

Each module is ordinary annotated Python in Cython's pure-Python mode, compiled when the package is installed, with bounds
checks on. Input is hostile until checked: a kernel raises ValueError with a byte offset, it never reads out of bounds.
"""
