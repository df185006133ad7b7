"""Compiles the kernels: Cython in pure-Python mode, so each is an ordinary annotated Python file."""

import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = [path for path in sorted(glob.glob("leakhunt/kernels/*.py")) if not path.endswith("__init__.py")]
EXTENSIONS = [Extension(path[:-3].replace("/", "."), [path], extra_compile_args=["-O3", "-g0"]) for path in SOURCES]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": True,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}
setup(ext_modules=cythonize(EXTENSIONS, compiler_directives=DIRECTIVES))
