"""Parquet by pyarrow: lines of CSV go through a pipe into its reader, batches of columns come out and are written.

Types come from the registry, so the file has the same ones each time and from every engine: numbers whose precision the
source states are exact, other exact numbers stay text, moments have a zone where the source's type has one.
"""

import os
import re
import threading

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from exchange.fulfilment.encoders.base import Encoder, misfit
from registry.choices import FieldKind, Masking
from registry.connectors import Chunk
from registry.models import Field

BLOCK = 4 * 1024 * 1024  # bytes of lines that are read at once, and the longest line there can be
ROWS_IN_GROUP = 128 * 1024
COMPRESSION = "zstd"
PRECISE = re.compile(r"(?:numeric|decimal|number)\((\d{1,2}),\s*(\d{1,2})\)", re.IGNORECASE)
WHOLE = re.compile(r"(?:tiny|small|medium|big)?int(?:eger)?\d?\b|(?:small|big)?serial", re.IGNORECASE)
FLOATING = re.compile(r"double|float|real", re.IGNORECASE)
WITH_ZONE = re.compile(r"timestamptz|with time zone|datetimeoffset", re.IGNORECASE)
WITHOUT_ZONE = re.compile(r"timestamp|datetime", re.IGNORECASE)
MOST_DIGITS = 38


def arrow_type(field: Field, masking: Masking) -> pa.DataType:
    """The type of a column, masked or not; text where no other type holds every value of the source's own."""
    if masking == Masking.YEAR:
        return pa.int16()
    if masking != Masking.KEEP:
        return pa.string()
    native = field.native_type
    match field.kind:
        case FieldKind.INTEGER if WHOLE.match(native) and "unsigned" not in native.lower():
            return pa.int64()
        case FieldKind.NUMBER if (found := PRECISE.fullmatch(native)) and int(found[1]) <= MOST_DIGITS:
            return pa.decimal128(int(found[1]), int(found[2]))
        case FieldKind.NUMBER if FLOATING.match(native):
            return pa.float64()
        case FieldKind.BOOLEAN:
            return pa.bool_()
        case FieldKind.DATE:
            return pa.date32()
        case FieldKind.DATETIME if WITH_ZONE.search(native):
            return pa.timestamp("us", "UTC")
        case FieldKind.DATETIME if WITHOUT_ZONE.match(native):
            return pa.timestamp("us")
    return pa.string()


class ParquetEncoder(Encoder):
    """The reader and writer work in a thread of their own, beside the one that waits for the source."""

    def __init__(self, *args):
        super().__init__(*args)
        names = [field.name for field, _masking in self.columns]
        self._types = [arrow_type(field, masking) for field, masking in self.columns]
        self._schema = pa.schema(list(zip(names, self._types, strict=True)))
        self._failure: Exception | None = None
        self._reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._work, name="parquet", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._close()
        self._thread.join()
        super().__exit__(*error)

    def type_of(self, place: int) -> str:
        return str(self._types[place])

    def write(self, chunk: Chunk) -> None:
        data = memoryview(chunk.data)
        try:
            while data:
                data = data[os.write(self._writing, data) :]
        except BrokenPipeError:
            self._thread.join()
            raise self._told() from None

    def finish(self) -> None:
        self._close()
        self._thread.join()
        if self._failure is not None:
            raise self._told() from None

    def _close(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def _told(self) -> Exception:
        """What pyarrow says quotes the value, so it is not passed on."""
        return misfit() if isinstance(self._failure, pa.ArrowInvalid) else self._failure or misfit()

    def _work(self) -> None:
        try:
            with os.fdopen(self._reading, "rb", buffering=0) as lines:
                self._convert(lines)
        except Exception as error:  # told by whoever writes
            self._failure = error

    def _convert(self, lines) -> None:
        with pa_parquet.ParquetWriter(pa.PythonFile(self.file, "w"), self._schema, compression=COMPRESSION) as writer:
            for batch in self._batches(lines):
                writer.write_batch(batch, row_group_size=ROWS_IN_GROUP)

    def _batches(self, lines):
        first = lines.read(1)
        if not first:
            return iter(())  # no rows: the reader takes an empty stream for a mistake
        return pa_csv.open_csv(
            _Behind(first, lines),
            read_options=pa_csv.ReadOptions(column_names=self._schema.names, block_size=BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=self._schema,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["true"],
                false_values=["false"],
            ),
        )


class _Behind:
    """A stream with the byte again that was read to see whether there is one."""

    closed = False

    def __init__(self, first: bytes, rest):
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return self._rest.read(size)

    def readable(self) -> bool:
        return True
