"""Scans a pprof profile in protobuf wire form into columns, in two passes: count, then fill.

Knows the field numbers of profile.proto and the wire format (protobuf.dev/programming-guides/encoding), and accepts what
Go's own reader accepts (github.com/google/pprof/profile/{proto,encode}.go in Go 1.26): repeated numbers packed or not,
fields in any order, unknown fields skipped, varints of up to ten bytes. Text stays where it is: strings come back as byte
ranges. Ids become indices (`leakhunt.kernels.ids`), so whoever reads the columns need not check them again.

Memory: 8 bytes a number, and a number takes at least one byte of input, so no input can ask for more than some ten times
its own size, whatever it declares. Cost: linear in the input.
"""

from types import SimpleNamespace

import cython

from leakhunt.kernels.ids import Ids

# Field numbers of profile.proto.
_SAMPLE_TYPE = cython.declare(cython.ulonglong, 1)
_SAMPLE = cython.declare(cython.ulonglong, 2)
_MAPPING = cython.declare(cython.ulonglong, 3)
_LOCATION = cython.declare(cython.ulonglong, 4)
_FUNCTION = cython.declare(cython.ulonglong, 5)
_STRING = cython.declare(cython.ulonglong, 6)
_TIME_NANOS = cython.declare(cython.ulonglong, 9)
_PERIOD_TYPE = cython.declare(cython.ulonglong, 11)
_COMMENT = cython.declare(cython.ulonglong, 13)


@cython.cclass
class _Cursor:
    """Reads varints and field headers of `data`; `at` is the position, `value` the last number or length read, `numbers` what
    `message` found."""

    data: cython.const[cython.uchar][::1]
    at: cython.Py_ssize_t
    field: cython.ulonglong
    wire: cython.int
    value: cython.ulonglong
    numbers = cython.declare(cython.ulonglong[11])

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=True)
    def varint(self, end: cython.Py_ssize_t) -> cython.ulonglong:
        at: cython.Py_ssize_t = self.at
        byte: cython.ulonglong
        if at >= end:
            raise ValueError("a number is cut off", at)
        byte = self.data[at]
        if byte < 128:
            self.at = at + 1
            return byte
        result: cython.ulonglong = byte & 127
        shift: cython.int = 7
        while shift < 70:
            at += 1
            if at >= end:
                raise ValueError("a number is cut off", at)
            byte = self.data[at]
            result |= (byte & 127) << shift
            if byte < 128:
                self.at = at + 1
                return result
            shift += 7
        raise ValueError("a number has more than ten bytes", self.at)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def header(self, end: cython.Py_ssize_t) -> cython.int:
        """Reads one field: `field`, `wire`, and `value`, which for wire type 2 is the length of what follows at `at`."""
        start: cython.Py_ssize_t = self.at
        key: cython.ulonglong = self.varint(end)
        self.field = key >> 3
        self.wire = cython.cast(cython.int, key & 7)
        if self.wire == 0 or self.wire == 2:
            self.value = self.varint(end)
            if self.wire == 2 and self.value > cython.cast(cython.ulonglong, end - self.at):
                raise ValueError(f"a field declares {self.value} bytes where {end - self.at} are left", start)
        elif self.wire == 1 or self.wire == 5:
            size: cython.int = 8 if self.wire == 1 else 4
            if end - self.at < size:
                raise ValueError("a fixed-size field is cut off", start)
            self.value = 0
            self.at += size
        else:
            raise ValueError(f"wire type {self.wire} is not in use", start)
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def expect(self, wire: cython.int) -> cython.int:
        if self.wire != wire:
            raise ValueError(f"field {self.field} has wire type {self.wire} where {wire} belongs", self.at)
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def stop(self) -> cython.Py_ssize_t:
        """Where the field just read ends, whose value must have a length."""
        self.expect(2)
        return self.at + cython.cast(cython.Py_ssize_t, self.value)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def step_over(self) -> cython.int:
        """Steps over the value of a field that nobody wants."""
        if self.wire == 2:
            self.at += cython.cast(cython.Py_ssize_t, self.value)
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def next_message(self) -> cython.int:
        """Reads fields of the whole profile up to one that has a length; 0 where there is none."""
        end: cython.Py_ssize_t = self.data.shape[0]
        while self.at < end:
            self.header(end)
            if self.wire == 2:
                return 1
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def message(self, stop: cython.Py_ssize_t, last: cython.int) -> cython.int:
        """Reads a message up to byte `stop`: its fields 1 to `last`, which must be single numbers, into `numbers`; 0 where
        absent, the last of several."""
        field: cython.int
        for field in range(last + 1):
            self.numbers[field] = 0
        while self.at < stop:
            self.header(stop)
            if 1 <= self.field <= cython.cast(cython.ulonglong, last):
                self.expect(0)
                self.numbers[self.field] = self.value
            else:
                self.step_over()
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def count(self) -> cython.Py_ssize_t:
        """How many numbers the field just read holds, packed (then `at` moves past them) or single."""
        if self.wire == 0:
            return 1
        stop: cython.Py_ssize_t = self.stop()
        numbers: cython.Py_ssize_t = _last_bytes(self.data, self.at, stop)
        self.at = stop
        return numbers

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def numbers_to(self, column: cython.longlong[::1], place: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Writes those numbers to `column` from `place` on; the place behind the last."""
        data: cython.const[cython.uchar][::1] = self.data
        number: cython.ulonglong
        if self.wire == 0:
            column[place] = cython.cast(cython.longlong, self.value)
            return place + 1
        stop: cython.Py_ssize_t = self.stop()
        at: cython.Py_ssize_t = self.at
        while at < stop:
            # One or two bytes, written out: nearly all of a large profile is read here.
            number = data[at]
            if number < 128:
                at += 1
            elif at + 1 < stop and data[at + 1] < 128:
                number = (number & 127) | (cython.cast(cython.ulonglong, data[at + 1]) << 7)
                at += 2
            else:
                self.at = at
                number = self.varint(stop)
                at = self.at
            column[place] = cython.cast(cython.longlong, number)
            place += 1
        self.at = stop
        return place


@cython.cfunc
@cython.boundscheck(False)  # checked for the whole range at once, so that the loop can be vectorised
@cython.exceptval(-1, check=False)
def _last_bytes(data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """How many bytes of the range end a number."""
    if not 0 <= start <= stop <= data.shape[0]:
        raise IndexError("range outside the data")
    numbers: cython.Py_ssize_t = 0
    at: cython.Py_ssize_t
    for at in range(start, stop):
        numbers += data[at] < 128
    return numbers


def scan(data: bytes) -> SimpleNamespace:
    """Columns of the uncompressed profile `data`, of the names and shapes that leakhunt.model.profile.Profile gives them; and

    scalars         the profile's own numbers by field number: 7 drop_frames, 8 keep_frames (string indices), 9 time_nanos,
                    10 duration_nanos, 12 period, 14 default_sample_type (string index); 0 where absent
    sample_types    (type, unit) string indices; period_type likewise
    comments        string indices
    string_starts, string_ends    int64[strings], byte ranges in the input
    function_strings    int64[2F], name and file as string indices
    mapping_numbers int64[5M]: start, limit, offset, file and build id as string indices

    Raises ValueError(reason[, byte offset]) for whatever Go's reader refuses: a malformed field, an id that is 0, twice there
    or (in a stack) missing, a sample with another number of values than there are sample types, a string index outside the
    table, two profiles in one file.
    """
    out = SimpleNamespace()
    _Scan(data).run(out)
    return out


@cython.cclass
class _Scan:
    """One scan. Counts first, so that each column is allocated once at its true size."""

    source: bytes
    cursor: _Cursor
    size: cython.Py_ssize_t
    samples: cython.Py_ssize_t
    stack_size: cython.Py_ssize_t
    value_count: cython.Py_ssize_t
    locations: cython.Py_ssize_t
    lines: cython.Py_ssize_t
    functions: cython.Py_ssize_t
    mappings: cython.Py_ssize_t
    strings: cython.Py_ssize_t
    sample_types: list
    comments: list
    period_type: tuple
    scalars: list
    bytes_key: cython.ulonglong
    location_ids: cython.longlong[::1]
    function_ids: cython.longlong[::1]
    mapping_ids: cython.longlong[::1]
    line_ids: cython.longlong[::1]

    def __init__(self, data: bytes) -> None:
        self.source = data
        self.cursor = _Cursor()
        self.cursor.data = data
        self.size = len(data)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def run(self, out: SimpleNamespace) -> cython.int:
        """Counts, then fills. Strings come first, because a sample's label is known by its key, whose text may come last."""
        self.measure()
        if self.strings == 0:
            raise ValueError("there is no string table")
        self.fill_strings(out)
        self.fill_tables(out)
        self.check_small_strings(out)
        mappings, functions = Ids(self.mapping_ids, "mapping"), Ids(self.function_ids, "function")
        locations = Ids(self.location_ids, "location")
        mappings.resolve(out.location_mappings, out.location_mappings, "")
        functions.resolve(self.line_ids, out.line_functions, "")
        self.fill_samples(out)
        locations.resolve(out.stack_locations, out.stack_locations, "stack")
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def measure(self) -> cython.int:
        """First pass: counts, and the small lists that are kept as Python numbers."""
        c: _Cursor = self.cursor
        stop: cython.Py_ssize_t
        self.sample_types, self.comments, self.scalars = [], [], [0] * 16
        self.period_type = (0, 0)
        while c.at < self.size:
            c.header(self.size)
            field: cython.ulonglong = c.field
            if field == _SAMPLE:
                stop = c.stop()
                self.samples += 1
                while c.at < stop:
                    c.header(stop)
                    if c.field == 1:
                        self.stack_size += c.count()
                    elif c.field == 2:
                        self.value_count += c.count()
                    else:
                        c.step_over()
            elif field == _LOCATION:
                stop = c.stop()
                self.locations += 1
                if c.value < 2:
                    raise ValueError("a location without an id", c.at)
                while c.at < stop:
                    c.header(stop)
                    self.lines += c.field == 4
                    c.step_over()
            elif field == _COMMENT:
                if c.wire == 0:
                    self.comments.append(c.value)
                    continue
                stop = c.stop()
                while c.at < stop:
                    self.comments.append(c.varint(stop))
            elif field in (_SAMPLE_TYPE, _PERIOD_TYPE):
                c.message(c.stop(), 2)
                if field == _PERIOD_TYPE:
                    self.period_type = (c.numbers[1], c.numbers[2])
                else:
                    self.sample_types.append((c.numbers[1], c.numbers[2]))
            elif field in (_FUNCTION, _MAPPING, _STRING):
                c.expect(2)
                if field != _STRING and c.value < 2:
                    raise ValueError("a function or mapping without an id", c.at)
                c.step_over()
                self.functions += field == _FUNCTION
                self.mappings += field == _MAPPING
                self.strings += field == _STRING
            elif 7 <= field <= 15:
                c.expect(0)
                if field == _TIME_NANOS and self.scalars[9] != 0:
                    raise ValueError("two profiles follow each other in it")
                self.scalars[field] = cython.cast(cython.longlong, c.value)
            else:
                c.step_over()
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def fill_strings(self, out: SimpleNamespace) -> cython.int:
        c: _Cursor = self.cursor
        out.string_starts, out.string_ends = _column(self.strings), _column(self.strings)
        starts: cython.longlong[::1] = out.string_starts
        ends: cython.longlong[::1] = out.string_ends
        n: cython.Py_ssize_t = 0
        stop: cython.Py_ssize_t
        c.at = 0
        while c.next_message():
            stop = c.stop()
            if c.field == _STRING:
                starts[n], ends[n] = c.at, stop
                if n == 0 and stop != c.at:
                    raise ValueError("the first string is not empty")
                if self.bytes_key == 0 and stop - c.at == 5 and self.source[c.at : stop] == b"bytes":
                    self.bytes_key = n
                n += 1
            c.at = stop
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def string_index(self, value: cython.ulonglong) -> cython.longlong:
        if value >= cython.cast(cython.ulonglong, self.strings):
            raise ValueError(f"string {value} is used, and there are {self.strings}")
        return cython.cast(cython.longlong, value)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def check_small_strings(self, out: SimpleNamespace) -> cython.int:
        pair: tuple
        for pair in [*self.sample_types, self.period_type]:
            self.string_index(pair[0])
            self.string_index(pair[1])
        for index in self.comments:
            self.string_index(index)
        for field in (7, 8, 14, 15):
            if self.scalars[field] < 0:
                raise ValueError(f"string {self.scalars[field]} is used")
            self.string_index(self.scalars[field])
        if self.samples and not self.sample_types:
            raise ValueError("it has samples and no sample type")
        out.sample_types, out.period_type = self.sample_types, self.period_type
        out.comments, out.scalars = self.comments, self.scalars
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def fill_tables(self, out: SimpleNamespace) -> cython.int:
        """Locations, lines, functions and mappings, their ids as they stand."""
        c: _Cursor = self.cursor
        stop: cython.Py_ssize_t
        self.location_ids, self.function_ids = _column(self.locations), _column(self.functions)
        self.mapping_ids, self.line_ids = _column(self.mappings), _column(self.lines)
        out.line_offsets, out.line_functions = _column(self.locations + 1), _column(self.lines)
        out.line_numbers, out.location_addresses = _column(self.lines), _column(self.locations)
        out.location_mappings, out.function_strings = _column(self.locations), _column(2 * self.functions)
        out.mapping_numbers = _column(5 * self.mappings)
        addresses: cython.longlong[::1] = out.location_addresses
        location_mappings: cython.longlong[::1] = out.location_mappings
        line_offsets: cython.longlong[::1] = out.line_offsets
        line_numbers: cython.longlong[::1] = out.line_numbers
        function_strings: cython.longlong[::1] = out.function_strings
        mapping_numbers: cython.longlong[::1] = out.mapping_numbers
        location: cython.Py_ssize_t = 0
        line: cython.Py_ssize_t = 0
        function: cython.Py_ssize_t = 0
        mapping: cython.Py_ssize_t = 0
        column: cython.Py_ssize_t
        c.at = 0
        while c.next_message():
            stop = c.stop()
            if c.field == _LOCATION:
                while c.at < stop:
                    c.header(stop)
                    if c.field == 4:
                        c.message(c.stop(), 3)
                        self.line_ids[line] = cython.cast(cython.longlong, c.numbers[1])
                        line_numbers[line] = cython.cast(cython.longlong, c.numbers[2])
                        line += 1
                    elif 1 <= c.field <= 5:
                        c.expect(0)
                        if c.field == 1:
                            self.location_ids[location] = cython.cast(cython.longlong, c.value)
                        elif c.field == 2:
                            location_mappings[location] = cython.cast(cython.longlong, c.value)
                        elif c.field == 3:
                            addresses[location] = cython.cast(cython.longlong, c.value)
                    else:
                        c.step_over()
                location += 1
                line_offsets[location] = line
            elif c.field == _FUNCTION:
                c.message(stop, 5)
                self.function_ids[function] = cython.cast(cython.longlong, c.numbers[1])
                function_strings[2 * function] = self.string_index(c.numbers[2])
                self.string_index(c.numbers[3])
                function_strings[2 * function + 1] = self.string_index(c.numbers[4])
                function += 1
            elif c.field == _MAPPING:
                c.message(stop, 10)
                self.mapping_ids[mapping] = cython.cast(cython.longlong, c.numbers[1])
                for column in range(5):
                    mapping_numbers[5 * mapping + column] = cython.cast(cython.longlong, c.numbers[column + 2])
                self.string_index(c.numbers[5])
                self.string_index(c.numbers[6])
                mapping += 1
            else:
                c.at = stop
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def fill_samples(self, out: SimpleNamespace) -> cython.int:
        """Samples, their stacks as ids."""
        c: _Cursor = self.cursor
        width: cython.Py_ssize_t = len(self.sample_types)
        out.values, out.stack_locations = _column(self.value_count), _column(self.stack_size)
        out.stack_offsets, out.block_bytes = _column(self.samples + 1), _column(self.samples)
        values: cython.longlong[::1] = out.values
        stack_locations: cython.longlong[::1] = out.stack_locations
        stack_offsets: cython.longlong[::1] = out.stack_offsets
        block_bytes: cython.longlong[::1] = out.block_bytes
        sample: cython.Py_ssize_t = 0
        frame: cython.Py_ssize_t = 0
        value: cython.Py_ssize_t = 0
        stop: cython.Py_ssize_t
        c.at = 0
        while c.next_message():
            stop = c.stop()
            if c.field != _SAMPLE:
                c.at = stop
                continue
            while c.at < stop:
                c.header(stop)
                if c.field == 1:
                    frame = c.numbers_to(stack_locations, frame)
                elif c.field == 2:
                    value = c.numbers_to(values, value)
                elif c.field == 3:
                    self.label(c.stop(), block_bytes, sample)
                else:
                    c.step_over()
            sample += 1
            stack_offsets[sample] = frame
            if value != sample * width:
                found = value - (sample - 1) * width
                raise ValueError(f"sample {sample - 1} has {found} values where there are {width} sample types", stop)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def label(self, stop: cython.Py_ssize_t, block_bytes: cython.longlong[::1], sample: cython.Py_ssize_t) -> cython.int:
        """Takes the first numeric label `bytes`, and checks the string indices of all labels."""
        c: _Cursor = self.cursor
        c.message(stop, 4)
        key: cython.ulonglong = c.numbers[1]
        self.string_index(key)
        self.string_index(c.numbers[2])
        if c.numbers[2] == 0:
            self.string_index(c.numbers[4])
            if self.bytes_key != 0 and key == self.bytes_key and block_bytes[sample] == 0:
                block_bytes[sample] = cython.cast(cython.longlong, c.numbers[3])
        return 0


@cython.cfunc
def _column(length: cython.Py_ssize_t) -> object:
    return memoryview(bytearray(8 * length)).cast("q")
