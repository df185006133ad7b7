"""Entries of real debugging information against pyelftools, and when they are read."""

from elftools.elf.elffile import ELFFile

from leakhunt.decode import dwarfentries as dwarf
from leakhunt.decode.elfimage import read_image
from tests.specimens import specimen

TAGS = {"DW_TAG_subprogram": 0x2E, "DW_TAG_variable": 0x34, "DW_TAG_structure_type": 0x13, "DW_TAG_member": 0x0D}


def test_every_entry_is_what_pyelftools_reads(go: str) -> None:
    path = specimen().binary
    image = read_image(path)
    entries = dwarf.DwarfEntries(image.section(".debug_info") or b"", image.section(".debug_abbrev") or b"", path)
    rows, children = set(), 0
    with open(path, "rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for die in unit.iter_DIEs():
                if die.is_null():
                    continue
                row, parent, attributes = entries.row_at(die.offset), die.get_parent(), die.attributes
                rows.add(row)
                assert entries.number(row, dwarf.OFFSET) == die.offset
                assert entries.number(entries.unit_of(row), dwarf.OFFSET) == unit.get_top_DIE().offset
                assert entries.number(row, dwarf.PARENT) == (entries.row_at(parent.offset) if parent is not None else -1)
                if parent is not None:
                    children += row in entries.children(entries.row_at(parent.offset)) if len(rows) % 50 == 0 else 0
                if die.tag in TAGS:
                    assert entries.number(row, dwarf.TAG) == TAGS[die.tag]
                if die.tag in TAGS and "DW_AT_type" in attributes:
                    assert entries.number(row, dwarf.TYPE) == die.get_DIE_from_attribute("DW_AT_type").offset
                if "DW_AT_data_member_location" in attributes:
                    assert entries.number(row, dwarf.AT) == attributes["DW_AT_data_member_location"].value
    assert rows == set(range(len(rows)))
    assert children > len(rows) // 60
    assert entries.row_at(1) == -1  # inside the first unit's header


def test_what_is_in_a_function_is_read_when_it_is_asked_about(go: str) -> None:
    path = specimen().binary
    image = read_image(path)
    entries = dwarf.DwarfEntries(image.section(".debug_info") or b"", image.section(".debug_abbrev") or b"", path)
    before = len(entries.rows)
    assert before == entries.outside
    function = next(row for row in range(before) if entries.tags[row] == dwarf.SUBPROGRAM)
    inside = entries.children(function)
    assert inside
    assert min(inside) >= entries.outside
    assert entries.children(function) == inside
    assert all(entries.number(row, dwarf.PARENT) == function for row in inside)
    assert all(entries.row_at(entries.number(row, dwarf.OFFSET)) == row for row in inside)
