"""The text layer of a PDF that somebody else made, read by a process that may use little.

Run as a program: the file on standard input, on standard output one JSON text, empty where nothing can be read. It
knows neither Django nor the database, and gets no secrets from the environment.
"""

import io
import json
import logging
import resource
import sys

MOST_MEMORY = 512 * 1024 * 1024  # bytes, with some 100 MB for Python and the reader itself
MOST_SECONDS = 10  # of one processor
MOST_PAGES = 2  # what tells of a letter stands on its first page, or begins on the second
MOST_TEXT = 20_000  # characters


def text_of(content: bytes) -> str:
    """The text of the first pages, as the file has it; a scan without a text layer has none."""
    from pypdf import PdfReader  # after the limits are set, and only by the program

    pages = PdfReader(io.BytesIO(content)).pages
    found = (pages[number].extract_text() or "" for number in range(min(len(pages), MOST_PAGES)))
    return "\n".join(found)[:MOST_TEXT]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    logging.disable(logging.CRITICAL)  # the reader tells of each flaw of the file
    try:
        text = text_of(sys.stdin.buffer.read())
    except Exception:  # whatever the reader stumbles over: there is no text to suggest anything from
        text = ""
    sys.stdout.write(json.dumps(text))


if __name__ == "__main__":
    main()
