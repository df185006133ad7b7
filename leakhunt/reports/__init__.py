"""A Report to text: one module a format, listed in `leakhunt.reports.registry`; and the tables of `top` and `diff`.

Importing the package loads nothing: what the registry offers is fetched when first asked for, so that a table costs no more
start-up than it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from leakhunt.reports.registry import DEFAULT_OPTIONS, FORMATS, RenderOptions, render

__all__ = ["DEFAULT_OPTIONS", "FORMATS", "RenderOptions", "render"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from leakhunt.reports import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
