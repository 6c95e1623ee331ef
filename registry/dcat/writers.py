"""Turtle, JSON-LD and RDF/XML, written node by node: a catalogue of any size in constant memory.

rdflib's own serialisers want the whole graph in memory: 152,000 triples took 7 s and close to 1 GB.
"""

import json
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from rdflib import Literal, URIRef
from rdflib.namespace import RDF

from registry.dcat.nodes import Node
from registry.dcat.vocabulary import POINTING, PREFIXES, SPOKEN, context, short

_POINTING, _SPOKEN = frozenset(POINTING), frozenset(SPOKEN)
# Attribute values and text in which a reader would otherwise normalise white space.
_XML_SPACES = {"\r": "&#13;"}


def turtle(nodes: Iterable[Node]) -> Iterator[str]:
    yield "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
    for node in nodes:
        lines = [
            f"    {'a' if predicate == RDF.type else short(predicate)} {', '.join(map(_turtle_term, objects))}"
            for predicate, objects in node.properties.items()
        ]
        yield f"\n{node.uri.n3()}\n" + " ;\n".join(lines) + " .\n"


def _turtle_term(term: URIRef | Literal) -> str:
    if isinstance(term, Literal):
        said = json.dumps(str(term), ensure_ascii=False)  # JSON's escapes are Turtle's, too
        if term.language:
            return f"{said}@{term.language}"
        return f"{said}^^{short(term.datatype)}" if term.datatype else said
    name = short(term)
    # Only plain names: what else a local name may hold differs between readers.
    return name if name and name.partition(":")[2].replace("_", "a").isalnum() and name.isascii() else term.n3()


def rdf_xml(nodes: Iterable[Node]) -> Iterator[str]:
    spaces = "".join(f'\n  xmlns:{prefix}="{namespace}"' for prefix, namespace in PREFIXES.items())
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{spaces}>\n'
    for node in nodes:
        lines = [
            _xml_property(short(predicate), one) for predicate, objects in node.properties.items() for one in objects
        ]
        yield f"<rdf:Description rdf:about={quoteattr(node.uri)}>\n{''.join(lines)}</rdf:Description>\n"
    yield "</rdf:RDF>\n"


def _xml_property(name: str, term: URIRef | Literal) -> str:
    if isinstance(term, URIRef):
        return f"  <{name} rdf:resource={quoteattr(term)}/>\n"
    marks = ""
    if term.language:
        marks = f' xml:lang="{term.language}"'
    elif term.datatype:
        marks = f" rdf:datatype={quoteattr(term.datatype)}"
    return f"  <{name}{marks}>{escape(str(term), _XML_SPACES)}</{name}>\n"


def json_ld(nodes: Iterable[Node]) -> Iterator[str]:
    yield f'{{"@context": {_json(context())},\n"@graph": ['
    comma = "\n"
    for node in nodes:
        yield comma + _json(_object(node))
        comma = ",\n"
    yield "\n]}\n"


def _object(node: Node) -> dict:
    found = {"@id": str(node.uri)}
    for predicate, objects in node.properties.items():
        if predicate == RDF.type:
            found["@type"] = _one_or_all([short(one) or str(one) for one in objects])
        elif predicate in _SPOKEN:
            languages = {}
            for one in objects:
                languages.setdefault(one.language, []).append(str(one))
            found[short(predicate)] = {language: _one_or_all(said) for language, said in languages.items()}
        else:
            found[short(predicate)] = _one_or_all([_value(predicate, one) for one in objects])
    return found


def _value(predicate: URIRef, term: URIRef | Literal):
    if isinstance(term, URIRef):
        return str(term) if predicate in _POINTING else {"@id": str(term)}
    if term.language:
        return {"@value": str(term), "@language": term.language}
    return {"@value": str(term), "@type": short(term.datatype)} if term.datatype else str(term)


def _one_or_all(values: list):
    return values[0] if len(values) == 1 else values


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
