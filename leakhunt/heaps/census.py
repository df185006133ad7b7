"""What `leakhunt dump expiry` says: entries past their time, caps not kept, room in maps, arrays behind short slices."""

from datetime import UTC, datetime

from leakhunt.heaps.answers import whole
from leakhunt.heaps.view import HeapView
from leakhunt.model.answer import Answer, Column, Fact, Row, Table, Unit, ppm
from leakhunt.model.census import Basis, ExpiryCensus, MapUse, Place
from leakhunt.units import format_bytes, format_duration

MIN_MAP_BYTES = 1 << 12  # maps at a place that weigh less are not worth a line


def expiry(view: HeapView, most: int = 20) -> Answer:
    """Entries of containers by their expiry, and what else a dump proves about containers."""
    graph, facts = view.graph, whole(view)
    if graph.process.last_gc_ns:
        facts.append(Fact("now", "counted against", f"{_utc(graph.process.last_gc_ns)}, the last collection before the dump"))
    notes = list(view.notes)
    if graph.contents is None:
        notes.append("a stripped dump has no contents, so no time can be read: ask the dump it was made from")
    elif not graph.process.last_gc_ns:
        notes.append("the dump ends before its MemStats, so its time is not known and nothing can be called expired")
    elif view.typing is None:
        notes.append("without --binary only columns of times in objects of one shape are found, and no maps or slices")
    tables = [_expired(view.expiry, most), _exceeded(view.expiry, view.maps), _maps(view.maps, most), _slack(view, most)]
    return Answer("leakhunt.dump.expiry/1", facts, tables, notes)


def sentence(census: ExpiryCensus) -> str:
    """`17,813 of 18,750 entries of main.sessionCache (gcache.LRUCache) are past their expiration, oldest by 3h12m, they retain
    50.4 MiB`."""
    name = f"{census.place.root_name} ({census.place.owner_type})"
    if not census.expired:
        return f"none of {census.entries:,} entries of {name} is past its {census.field}"
    oldest, retained = format_duration(census.oldest_overdue_ns / 1e9), format_bytes(census.retained_bytes)
    return (
        f"{census.expired:,} of {census.entries:,} entries of {name} are past their {census.field}, oldest by {oldest}, "
        f"they retain {retained}"
    )


def _place(place: Place) -> Row:
    return {"root_kind": place.root_kind, "root": place.root_name, "owner": place.owner_type, "path": place.path}


def _shown(census: ExpiryCensus) -> str:
    field = census.item_type if census.field == "[x]" else f"{census.item_type}.{census.field}"
    told = "" if census.basis is Basis.NAMED_FIELD else ", told by its values"
    return f"{census.place.root_name}, {field}{told}"


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _expired(found: tuple[ExpiryCensus, ...], most: int) -> Table:
    rows: list[Row] = [
        _place(census.place)
        | {
            "entries": census.entries,
            "with_expiry": census.with_expiry,
            "expired": census.expired,
            "expired_at_most": census.expired_at_most,
            "expired_ppm": ppm(census.expired, census.entries),
            "oldest_overdue_ns": census.oldest_overdue_ns,
            "median_overdue_ns": census.median_overdue_ns,
            "oldest": format_duration(census.oldest_overdue_ns / 1e9) if census.expired else "-",
            "shown": _shown(census),
            "retained_bytes": census.retained_bytes,
            "item": census.item_type,
            "field": census.field,
            "unit": census.unit,
            "basis": census.basis.value,
            "sentence": sentence(census),
        }
        for census in found[:most]
    ]
    columns = [
        Column("expired", "expired", Unit.COUNT),
        Column("entries", "entries", Unit.COUNT),
        Column("oldest", "oldest by"),
        Column("retained_bytes", "retained", Unit.BYTES),
        Column("shown", "root, field"),
    ]
    empty = "no container has entries with an expiry that could be told"
    return Table("expiry", "Entries past their expiry", columns, rows, empty, left_out=max(0, len(found) - most))


def _exceeded(found: tuple[ExpiryCensus, ...], maps: tuple[MapUse, ...]) -> Table:
    """Containers that hold more than their own field allows, each once."""
    rows: dict[tuple[str, str], Row] = {}
    uses: tuple[ExpiryCensus | MapUse, ...] = (*found, *maps)
    for use in uses:
        if use.cap_exceeded:
            key = (use.place.root_name, use.place.owner_type)
            shown = f"{use.place.root_name} ({use.place.owner_type}), .{use.cap_field}"
            rows.setdefault(
                key, _place(use.place) | {"entries": use.entries, "cap": use.cap, "field": use.cap_field, "shown": shown}
            )
    columns = [
        Column("entries", "entries", Unit.COUNT),
        Column("cap", "cap", Unit.COUNT),
        Column("shown", "root (container), field"),
    ]
    return Table("caps", "Caps that are not kept", columns, list(rows.values()))


def _maps(maps: tuple[MapUse, ...], most: int) -> Table:
    large = [use for use in maps if use.bytes >= MIN_MAP_BYTES]
    rows: list[Row] = [
        _place(use.place)
        | {
            "maps": use.maps,
            "entries": use.entries,
            "slots": use.slots,
            "used_ppm": ppm(use.entries, use.slots),
            "bytes": use.bytes,
            "type": use.map_type,
            "shown": f"{use.place.root_name}, {use.map_type}",
        }
        for use in large[:most]
    ]
    columns = [
        Column("bytes", "bytes", Unit.BYTES),
        Column("entries", "entries", Unit.COUNT),
        Column("slots", "room for", Unit.COUNT),
        Column("used_ppm", "used", Unit.SHARE),
        Column("maps", "maps", Unit.COUNT),
        Column("shown", "root, type"),
    ]
    return Table("maps", "Maps: entries and room", columns, rows, left_out=max(0, len(large) - most))


def _slack(view: HeapView, most: int) -> Table:
    rows: list[Row] = [
        _place(slack.place)
        | {
            "arrays": slack.arrays,
            "bytes": slack.bytes,
            "visible_bytes": slack.visible_bytes,
            "type": slack.slice_type,
        }
        for slack in view.slack[:most]
    ]
    columns = [
        Column("bytes", "held", Unit.BYTES),
        Column("visible_bytes", "shown", Unit.BYTES),
        Column("arrays", "arrays", Unit.COUNT),
        Column("path", "path"),
    ]
    title = "Large arrays of which short slices show less than a quarter"
    return Table("slack", title, columns, rows, left_out=max(0, len(view.slack) - most))
