"""leakhunt: a memory-leak detective for Go.

The public API is small and lazy: importing the package costs nothing until one of its functions is called.
"""

__version__ = "0.1.0"
