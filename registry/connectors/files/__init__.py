"""Files in a folder or a bucket as a source: each CSV or Parquet file, or each subfolder of them, is one table."""

from registry.connectors.files.connector import FilesConnector

__all__ = ["FilesConnector"]
