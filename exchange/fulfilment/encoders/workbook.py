"""XLSX by XlsxWriter: every cell is text, so nothing is a formula, no number loses digits, and no date is guessed."""

import csv
import io

from xlsxwriter import Workbook

from exchange.fulfilment.encoders.base import Encoder, misfit
from registry.connectors import Chunk

ROWS_ON_SHEET = 1_048_576  # of which the first one holds the names
LONGEST_CELL = 32_767


class WorkbookEncoder(Encoder):
    """Rows lie in a file of the folder until the workbook is put together; a full sheet is followed by another one."""

    def __init__(self, *args):
        super().__init__(*args)
        self.folder.mkdir(mode=0o700)
        options = {
            "constant_memory": True,
            "tmpdir": str(self.folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = Workbook(self.file, options)
        self._bold = self._book.add_format({"bold": True})
        self._sheet, self._row = None, ROWS_ON_SHEET

    def __exit__(self, *error) -> None:
        self._book.fileclosed = True  # what is not finished is not put together by the destructor either
        super().__exit__(*error)

    def write(self, chunk: Chunk) -> None:
        for row in csv.reader(io.StringIO(chunk.data.decode(), newline=""), strict=True):
            if self._row == ROWS_ON_SHEET:
                self._turn_over()
            for place, text in enumerate(row):
                if len(text) > LONGEST_CELL:
                    raise misfit()
                if text:
                    self._sheet.write_string(self._row, place, text)
            self._row += 1

    def finish(self) -> None:
        if self._sheet is None:
            self._turn_over()
        self._book.close()

    def _turn_over(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 1
        self._sheet.freeze_panes(1, 0)
        for place, (field, _masking) in enumerate(self.columns):
            self._sheet.write_string(0, place, field.name, self._bold)

    def type_of(self, place: int) -> str:
        return "text"
