"""What a Go binary says about types, variables and functions: the nouns with which a heap's objects are typed and named.

`leakhunt.decode.gobinary` fills them, `leakhunt.graph.types` lays them over a heap. A type is known by an integer: the address
of its abi.Type in the process (link address plus load slide), or, for a type that only the debugging information knows, the
negative offset of its entry. Nothing here is read from the heap, so nothing here is secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

Kind = IntEnum(
    "Kind",
    "INVALID BOOL INT INT8 INT16 INT32 INT64 UINT UINT8 UINT16 UINT32 UINT64 UINTPTR FLOAT32 FLOAT64 COMPLEX64 COMPLEX128 "
    "ARRAY CHAN FUNC INTERFACE MAP POINTER SLICE STRING STRUCT UNSAFE_POINTER",
    start=0,
)
Kind.__doc__ = "reflect.Kind, with its numbers."


@dataclass(frozen=True, slots=True)
class Field:
    """A struct's field: its type's id and its offset in bytes."""

    name: str
    type_id: int
    offset: int


@dataclass(frozen=True, slots=True)
class GoType:
    """One Go type.

    name            as Go's runtime writes it, `*gcache.lruItem`; package_path is that of a named type, else ""
    pointer_bytes   bytes of the prefix that can hold pointers; 0 for a type without any; -1 where unknown
    is_direct       a value in an interface is the pointer itself
    element         of arrays, channels, maps, pointers and slices; 0 for none
    key, group      of maps; `group` is the bucket (before Go 1.24) or the group of slots
    length          of an array
    fields          of a struct
    """

    id: int
    kind: Kind
    name: str
    size_bytes: int
    pointer_bytes: int = -1
    is_direct: bool = False
    package_path: str = ""
    element: int = 0
    key: int = 0
    group: int = 0
    length: int = 0
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A global variable: address in the process, size where known (else 0), type's id (0 where unknown)."""

    name: str
    address: int
    size_bytes: int
    type_id: int


@dataclass(frozen=True, slots=True)
class Local:
    """A piece of a local variable or parameter in a frame: `offset` bytes from the canonical frame address (the frame's
    stack pointer plus its size), `piece` bytes from the variable's start, `piece_bytes` long (0: all that follows)."""

    name: str
    type_id: int
    offset: int
    piece: int = 0
    piece_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Capture:
    """A variable captured by a closure, `offset` bytes from the start of the closure object. One that is captured by reference
    has the type of a pointer to it."""

    name: str
    type_id: int
    offset: int


class Program(Protocol):
    """The binary that a process runs, at the addresses at which it was loaded."""

    @property
    def source(self) -> str:
        """The file."""

    @property
    def go_version(self) -> str:
        """`go1.27.3`."""

    @property
    def has_debug_info(self) -> bool:
        """Whether variables can be named."""

    @property
    def notes(self) -> Sequence[str]:
        """Doubts about what was read."""

    def type(self, type_id: int) -> GoType | None:
        """The type with this id, None where there is none: an address that is no abi.Type."""

    def type_named(self, name: str) -> int:
        """Id of the type that the runtime calls `name`, 0 where the binary has none or it was never met."""

    def itab_type(self, address: int) -> int:
        """Id of the concrete type of the itab at `address`, 0 where there is none."""

    def function_at(self, pc: int) -> tuple[str, int] | None:
        """Name and entry of the function that holds `pc`."""

    def variables(self) -> Sequence[Variable]:
        """The global variables, in order of address; empty for a stripped binary."""

    def locals_at(self, pc: int) -> Sequence[Local]:
        """The variables of the function at `pc` that lie in its frame there."""

    def captures_of(self, entry: int) -> Sequence[Capture]:
        """What the closure whose code is at `entry` captures."""


@dataclass(frozen=True, slots=True)
class NoProgram:
    """A process whose binary is not at hand: nothing is known."""

    source: str = ""
    go_version: str = ""
    has_debug_info: bool = False
    notes: Sequence[str] = field(default=())

    def type(self, type_id: int) -> GoType | None:
        """No types."""
        return None

    def type_named(self, name: str) -> int:
        """No types."""
        return 0

    def itab_type(self, address: int) -> int:
        """No itabs."""
        return 0

    def function_at(self, pc: int) -> tuple[str, int] | None:
        """No functions."""
        return None

    def variables(self) -> Sequence[Variable]:
        """No variables."""
        return ()

    def locals_at(self, pc: int) -> Sequence[Local]:
        """No variables."""
        return ()

    def captures_of(self, entry: int) -> Sequence[Capture]:
        """No captures."""
        return ()
