"""The Vietnamese catalogue: complete, compiled, and true to the placeholders of the English messages."""

import ast
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils.translation.template import templatize

CATALOGUE = Path(settings.BASE_DIR) / "locale/vi/LC_MESSAGES/django.po"
# Places of context, message and plural among the arguments, by function; lazy ones are called alike.
MARKERS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "pgettext": (0, 1, None),
    "npgettext": (0, 1, 2),
}
PLACEHOLDER = re.compile(r"%\(\w[\w.]*\)[a-z]|%[a-z%]|\{\w*\}|</?\w+[^>]*>")
ENDING = re.compile(r"[.:?!…]*\Z")
LITERALS = r"\s*(?:,?\s*u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"))+"
TEMPLATE_CALL = re.compile(rf"\b(_|n?p?gettext)\(({LITERALS})", re.DOTALL)
# Two ways of placing the tone mark are in use (hòa, hoà); Django's catalogue and the names of the laws have this one.
OTHER_SPELLING = re.compile(r"(?:o[àáảãạèéẻẽẹ]|(?<!q)u[ỳýỷỹỵ])(?!\w)", re.IGNORECASE)

Message = tuple[str | None, str, str]


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def in_use(catalogue: polib.POFile) -> Iterator[tuple[polib.POEntry, str]]:
    """Entries with their translation; Vietnamese has one form for all numbers."""
    for entry in catalogue:
        if not entry.obsolete:
            yield entry, entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr


def key(entry: polib.POEntry) -> Message:
    return entry.msgctxt, entry.msgid, entry.msgid_plural


def _message(name: str, arguments: list) -> Message | None:
    found = [None if place is None or place >= len(arguments) else arguments[place] for place in MARKERS[name]]
    context, text, plural = found
    return (context, text, plural or "") if isinstance(text, str) else None


def messages_of_python(source: str) -> Iterator[Message]:
    tree = ast.parse(source)
    named = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        name = named.get(called, called).removesuffix("_lazy")
        if name in MARKERS:
            message = _message(name, [getattr(argument, "value", None) for argument in node.args])
            if message:
                yield message


def messages_of_template(source: str) -> Iterator[Message]:
    # What Django hands to xgettext: calls between lines that were blanked out.
    for name, literals in TEMPLATE_CALL.findall(templatize(source)):
        message = _message(name, list(ast.literal_eval(f"({literals},)")))
        if message:
            yield message


def messages_of_code() -> Iterator[tuple[Message, str]]:
    base = CATALOGUE.parents[3]
    folders = [base / "templates", *(init.parent for init in base.glob("*/__init__.py") if init.parent.name != "tests")]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        where = str(path.relative_to(base))
        if path.suffix == ".py":
            yield from ((message, where) for message in messages_of_python(path.read_text()))
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            yield from ((message, where) for message in messages_of_template(path.read_text()))


def test_reader_sees_every_way_of_marking():
    python = """
from django.utils.translation import gettext_lazy as say, ngettext_lazy, pgettext
say("one " "two"); _('three') % x; ngettext_lazy("four", "fours", n); pgettext("duty", "five"); other("six")
"""
    template = """{% load i18n %}{% translate "one" %} {{ x|default:_("two") }} {% translate "it's" as title %}
{% blocktranslate trimmed with a=b %}
  three {{ a }},
  50%
{% endblocktranslate %}{% blocktranslate count n=m %}{{ n }} four{% plural %}{{ n }} fours{% endblocktranslate %}
{% translate "five" context "duty" %} six {# _("seven") #}"""
    assert set(messages_of_python(python)) == {
        (None, "one two", ""),
        (None, "three", ""),
        (None, "four", "fours"),
        ("duty", "five", ""),
    }
    assert set(messages_of_template(template)) == {
        (None, "one", ""),
        (None, "two", ""),
        (None, "it's", ""),
        (None, "three %(a)s, 50%%", ""),
        (None, "%(n)s four", "%(n)s fours"),
        ("duty", "five", ""),
    }


def test_every_message_of_the_code_is_in_the_catalogue(catalogue):
    known = {key(entry) for entry, _text in in_use(catalogue)}
    missing = {message: where for message, where in messages_of_code() if message not in known}
    assert not missing, "run `make messages` and translate"


def test_nothing_is_untranslated_or_fuzzy(catalogue):
    assert catalogue.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    assert [entry.msgid for entry, text in in_use(catalogue) if not text.strip() or entry.fuzzy] == []


def test_compiled_catalogue_is_the_same(catalogue):
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {key(e): text for e, text in in_use(compiled)} == {key(e): text for e, text in in_use(catalogue)}


def test_placeholders_tags_and_endings_are_kept(catalogue):
    changed = []
    for entry, text in in_use(catalogue):
        original = entry.msgid_plural or entry.msgid
        kept = sorted(PLACEHOLDER.findall(original)) == sorted(PLACEHOLDER.findall(text))
        if not kept or ENDING.search(original)[0] != ENDING.search(text)[0]:
            changed.append((original, text))
    assert changed == []


def test_text_is_normal_and_spelled_one_way(catalogue):
    texts = [text for _entry, text in in_use(catalogue)]
    assert [text for text in texts if text != unicodedata.normalize("NFC", text)] == []
    assert [text for text in texts if OTHER_SPELLING.search(text)] == []
