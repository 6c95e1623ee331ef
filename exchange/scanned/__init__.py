"""Letters that come as a scan: the text that a PDF holds, and what in it may be number, day and subject."""
