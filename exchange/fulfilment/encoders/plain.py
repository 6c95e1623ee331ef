"""CSV and JSON Lines: the source's lines are the file."""

from exchange.fulfilment.encoders.base import Encoder
from registry.connectors import Chunk


class PlainEncoder(Encoder):
    def write(self, chunk: Chunk) -> None:
        self.file.write(chunk.data)
