"""From the lines of a source to the bytes of a file, for each format; in constant memory, and the same for every engine."""

from collections.abc import Callable, Sequence
from pathlib import Path

from exchange.fulfilment.encoders.base import Encoder, HashedFile
from exchange.fulfilment.encoders.parquet import ParquetEncoder
from exchange.fulfilment.encoders.plain import PlainEncoder
from exchange.fulfilment.encoders.workbook import WorkbookEncoder
from registry.choices import FileFormat, Masking
from registry.models import Field

Columns = Sequence[tuple[Field, Masking]]

ENCODERS: dict[str, Callable[[HashedFile, Columns, Path], Encoder]] = {
    FileFormat.CSV: PlainEncoder,
    FileFormat.JSONL: PlainEncoder,
    FileFormat.PARQUET: ParquetEncoder,
    FileFormat.XLSX: WorkbookEncoder,
}


def encoder_for(file_format: str, file: HashedFile, columns: Columns, folder: Path) -> Encoder:
    """`folder` is the encoder's own for what does not fit into memory; it need not exist, and goes with everything in it."""
    return ENCODERS[file_format](file, columns, folder)
