"""The allocation site: the noun in which profiles and heap dumps meet.

A site is a call stack with what differs from build to build taken out: addresses, generic arguments, and the runtime's own
frames at the leaf. Says which frame to show a person first, and gives the stable fingerprint. Interning sites from many
profiles is `leakhunt.measure.sites`.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

# First path elements of the standard library's packages that allocate on a caller's behalf (go list std, go1.27). A user's
# module path begins with a domain or is `main`; a module named like one of these is shown by its caller instead.
STANDARD_LIBRARY = frozenset(
    "archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt go hash "
    "html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv "
    "strings structs sync syscall testing text time unicode unique unsafe weak vendor".split()
)
_RUNTIME = re.compile(r"(?:runtime|internal/runtime/[\w/]+)\.")
_DOMAIN = re.compile(r"[\w.-]+")  # what follows the first dot of a domain, and not `NewReader[net` or `(*Pool).Get`
# Generic arguments: `[go.shape.string,go.shape.*uint8]` in the protobuf, `[...]` in text. They nest.
_GENERIC_ARGUMENTS = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]")

# Files in the module cache: GOMODCACHE/path@version/file, with -trimpath path@version/file.
_MODULE = re.compile(r"(?:.*/pkg/mod/)?([^@]+)@v\d")


@dataclass(frozen=True, slots=True)
class Frame:
    """One call: function (generic arguments as `[...]`), file as the profile gives it, 1-based line (0 unknown)."""

    function: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class AllocationSite:
    """Where objects are allocated: `frames`, leaf first, runtime frames at the leaf dropped unless all are the runtime's."""

    frames: tuple[Frame, ...]

    @cached_property
    def leaf(self) -> Frame:
        """The frame to show first: the innermost that is neither the runtime's nor the standard library's; else the leaf."""
        return self.frames[self.leaf_index] if self.frames else Frame("[unknown]")

    @cached_property
    def leaf_index(self) -> int:
        """Index of `leaf` in `frames`."""
        return next((i for i, frame in enumerate(self.frames) if not is_standard(frame.function)), 0)

    @cached_property
    def user_stack(self) -> tuple[Frame, ...]:
        """`frames` from `leaf` outward."""
        return self.frames[self.leaf_index :]

    @cached_property
    def own_functions(self) -> tuple[str, ...]:
        """Functions of the stack that are not the standard library's, leaf first."""
        return tuple(frame.function for frame in self.frames if not is_standard(frame.function))

    @cached_property
    def library(self) -> str:
        """Path of the module that allocates, by the file of the innermost function outside the standard library; "" where that
        is the program's own (or vendored) code."""
        return next((_module(frame.file) for frame in self.frames if not is_standard(frame.function)), "")

    @cached_property
    def caller(self) -> str:
        """The innermost function of the program itself, of no library; "" where none is on the stack."""
        own = (frame.function for frame in self.frames if not is_standard(frame.function) and not _module(frame.file))
        return next(own, "")

    @cached_property
    def is_of_program(self) -> bool:
        """Whether a function of the program itself, of no library, is on the stack."""
        return bool(self.caller)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that stay the same for the same leak in another build, at other addresses and on shifted lines:
        a hash of the functions only, leaf first, without line numbers or files."""
        functions = "\n".join(frame.function for frame in self.frames)
        return hashlib.sha256(functions.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def is_runtime(function: str) -> bool:
    """Whether `function` belongs to Go's runtime, whose frames pprof hides at the leaf of a heap profile."""
    return _RUNTIME.match(function) is not None


@lru_cache(maxsize=1 << 16)
def is_standard(function: str) -> bool:
    """Whether `function` belongs to the standard library or the runtime. A path that begins with a domain does not, be that
    `go.uber.org`."""
    first, slash, _ = function.partition("/")
    name, dot, rest = first.partition(".")
    return name in STANDARD_LIBRARY and not (slash and dot and _DOMAIN.fullmatch(rest))


def _module(file: str) -> str:
    """`google.golang.org/grpc` of `/root/go/pkg/mod/google.golang.org/grpc@v1.75.0/server.go`, "" of a file of no module."""
    match = _MODULE.match(file)
    return match[1] if match else ""


def normalise(function: str) -> str:
    """`function` with its generic arguments written `[...]`, so that text and protobuf forms and instantiations meet."""
    return _GENERIC_ARGUMENTS.sub("[...]", function) if "[" in function else function


def package_of(function: str) -> str:
    """Import path of `function`: `github.com/bluele/gcache` of `github.com/bluele/gcache.(*LRUCache).set`."""
    directory, slash, last = function.rpartition("/")
    return directory + slash + last.split(".", 1)[0]


def receiver(function: str) -> str:
    """`main.(*buyer)` of `main.(*buyer).ask.func1`, "" of a plain function."""
    head, closes, _ = function.partition(").")
    return f"{head})" if closes else ""
