"""Descriptions as triples in order: a node is one thing and what is said of it. Nothing here has a blank node."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from rdflib import Literal, URIRef
from rdflib.namespace import RDF, XSD

from registry.fields import nfc

# What XML 1.0 cannot carry would make the serialisations differ.
UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Node:
    """One subject with its properties, each with one or more objects."""

    uri: URIRef
    properties: dict[URIRef, list[URIRef | Literal]] = field(default_factory=dict)

    def add(self, predicate: URIRef, *objects: URIRef | Literal | None) -> "Node":
        """Say something of it; nothing is said by None, and nothing twice."""
        for one in objects:
            if one is not None:
                known = self.properties.setdefault(predicate, [])
                if one not in known:
                    known.append(one)
        return self

    def triples(self) -> Iterator[tuple]:
        for predicate, objects in self.properties.items():
            for one in objects:
                yield self.uri, predicate, one


def node(uri: str, *types: URIRef) -> Node:
    return Node(URIRef(uri)).add(RDF.type, *types)


def text(value: str, language: str | None = None) -> Literal | None:
    """Text for people, in a language; None where there is none."""
    kept = UNSPEAKABLE.sub("", nfc(value)).strip()
    return Literal(kept, lang=language) if kept else None


def both(vietnamese: str, english: str) -> tuple[Literal | None, Literal | None]:
    """The same in two languages, as far as it is known."""
    return text(vietnamese, "vi"), text(english, "en")


def day(value: date | None) -> Literal | None:
    return None if value is None else Literal(value.isoformat(), datatype=XSD.date)


def moment(value: datetime | None) -> Literal | None:
    return None if value is None else Literal(value.isoformat(timespec="seconds"), datatype=XSD.dateTime)
