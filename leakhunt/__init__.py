"""leakhunt: a memory-leak detective for Go.

The public API is small and lazy: importing the package costs nothing until one of its functions is called.

    evidence = leakhunt.load("profiles/")            # everything that was read: evidence.series, evidence.inputs
    report = leakhunt.hunt(evidence, limit="2GiB")   # or straight from paths: leakhunt.hunt("profiles/")
    leakhunt.to_frame(report)                        # a pandas DataFrame, a row a finding
    leakhunt.to_frame(evidence)                      # a row for each site at each snapshot
    leakhunt.render("markdown", report)              # any format of `leakhunt hunt --format`

They raise leakhunt.errors.LeakhuntError, whose text is one line fit to show.
"""

import sys
from types import ModuleType

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from leakhunt.api import hunt, load, render, to_frame

__version__ = "0.1.0"
__all__ = ["__version__", "hunt", "load", "render", "to_frame"]


class _Package(ModuleType):
    """Fetches the API when it is first asked for, and keeps `leakhunt.hunt` the function: importing the submodule of that
    name would put the module in its place."""

    def __getattr__(self, name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("leakhunt.api"), name)

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "hunt" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
