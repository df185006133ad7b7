"""What a heap dump proves about containers: entries past their time, caps that are not kept, room that is not used.

Filled by `leakhunt.graph.expiry` and `leakhunt.graph.slack`; numbers and names only, none of the contents.
"""

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """How a time was taken for an expiry: by the field's name, or because its values look like one."""

    NAMED_FIELD = "named field"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is held: the root, the type that owns the container, the folded path from root to entries as text."""

    root_kind: str
    root_name: str
    owner_type: str
    path: str


@dataclass(frozen=True, slots=True)
class ExpiryCensus:
    """The entries of one container by their expiry.

    item_type       type of an entry, `gcache.lruItem`; the shape where there is no binary
    field           `expiration`; `+48` where there is no name
    unit            `time.Time`, `*time.Time`, or `ns`, `us`, `ms`, `s` since 1970
    entries         entries of the container; with_expiry those that have an expiry at all
    expired         entries whose expiry lies before `now_ns`, the last collection before the dump: a lower bound
    expired_at_most the same against the dump file's mtime; equal to `expired` where that says nothing more
    oldest_overdue_ns, median_overdue_ns   how long before `now_ns` the expired ones ended
    next_expiry_ns, last_expiry_ns         how long after `now_ns` the first and the last of the others will end
    retained_bytes  bytes that only the expired entries keep alive
    cap_field, cap  a field of the owner that limits its entries, and its value; "" and 0 where there is none
    """

    place: Place
    item_type: str
    field: str
    unit: str
    basis: Basis
    entries: int
    with_expiry: int
    expired: int
    expired_at_most: int
    oldest_overdue_ns: int
    median_overdue_ns: int
    next_expiry_ns: int
    last_expiry_ns: int
    retained_bytes: int
    now_ns: int
    cap_field: str = ""
    cap: int = 0

    @property
    def cap_exceeded(self) -> bool:
        """The container holds more entries than the field that limits them says."""
        return 0 < self.cap < self.entries


@dataclass(frozen=True, slots=True)
class MapUse:
    """Maps at one place: how many entries, and how many their memory has room for."""

    place: Place
    map_type: str
    maps: int
    entries: int
    slots: int
    bytes: int
    cap_field: str = ""
    cap: int = 0

    @property
    def cap_exceeded(self) -> bool:
        """The maps hold more entries than the owner's field that limits them says."""
        return 0 < self.cap < self.entries


@dataclass(frozen=True, slots=True)
class InternTable:
    """A map from string to string: its entries, and those of which the value is the very string of the key."""

    place: Place
    map_type: str
    entries: int
    same: int


@dataclass(frozen=True, slots=True)
class PinnedSlack:
    """Short slices at one place that keep large arrays alive.

    arrays, bytes   the arrays and what they weigh
    visible_bytes   what the slices show of them
    """

    place: Place
    slice_type: str
    arrays: int
    bytes: int
    visible_bytes: int
