"""What datasets refer to: agencies, laws, areas, and the values of closed lists."""

from collections.abc import Iterator
from urllib.parse import quote

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from rdflib import Literal, URIRef
from rdflib.namespace import FOAF, RDFS, SKOS

from registry.choices import AccessRights, AgencyKind, Frequency, InstrumentKind, Theme
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.nodes import Node, both, day, node, text
from registry.models import Agency, LegalInstrument

DCT, ELI = v.DCT, v.ELI
WHOLE_COUNTRY = "VN"
MOST_SENTENCES = 1_000
_said: dict[int, tuple] = {}
VIETNAM = _("Viet Nam")
EU_THEMES = _("Data themes of the European Union")
LANGUAGES = {"vi": _("Vietnamese"), "en": _("English")}
CONSTANTS = {
    v.AVAILABLE: _("Available"),
    v.COMPLETED: _("Completed"),
    v.TERMS_APPLY: _("Terms of a sharing policy apply"),
}
NATIONAL = _("National authority")
PUBLISHER_LABELS = {
    AgencyKind.PROVINCE: _("Regional authority"),
    AgencyKind.SOCIO_POLITICAL: AgencyKind.SOCIO_POLITICAL.label,
}


def spoken(words: Promise | str) -> tuple[Literal | None, Literal | None]:
    """A translated sentence in both languages of the portal."""
    # By identity: two sentences that are equal in one language may differ in the other. The sentence itself is
    # kept beside its translations, so that nothing else can get its identity.
    known = _said.get(id(words))
    if known is None:
        if len(_said) >= MOST_SENTENCES:
            _said.clear()
        said = []
        for language in ("vi", "en"):
            with override(language):
                said.append(text(str(words), language))
        known = _said[id(words)] = (words, tuple(said))
    return known[1]


def concept(uri: URIRef | str, label: Promise | str, *, scheme: URIRef | None = None) -> Node:
    return node(uri, SKOS.Concept).add(SKOS.prefLabel, *spoken(label)).add(SKOS.inScheme, scheme)


def agency(found: Agency, to: Addresses, *, breg: bool = False) -> Iterator[Node]:
    """An agency as an agent, and for BRegDCAT-AP as a public organisation."""
    kind = v.publisher_type(found.kind)
    described = node(to.agency(found.code), FOAF.Agent, *([v.CV.PublicOrganisation] if breg else []))
    described.add(FOAF.name, *both(found.name_vi, found.name_en))
    described.add(DCT.identifier, text(found.code)).add(DCT.type, kind)
    if breg:
        # One title only, says its shape.
        described.add(DCT.title, text(found.name_vi, "vi")).add(SKOS.prefLabel, *both(found.name_vi, found.name_en))
        described.add(DCT.spatial, v.COUNTRY)
        yield area(WHOLE_COUNTRY, to)
    yield described
    yield concept(kind, PUBLISHER_LABELS.get(found.kind, NATIONAL))


def law(found: LegalInstrument, to: Addresses) -> Iterator[Node]:
    described = node(to.law(found.number_key), ELI.LegalResource)
    described.add(DCT.identifier, text(found.number)).add(ELI.id_local, text(found.number))
    described.add(DCT.title, *both(found.title_vi, found.title_en)).add(
        ELI.title, *both(found.title_vi, found.title_en)
    )
    described.add(ELI.date_document, day(found.issued_on))
    described.add(ELI.first_date_entry_in_force, day(found.effective_from))
    described.add(ELI.date_no_longer_in_force, day(found.effective_to))
    if found.replaced_by_id:
        described.add(DCT.isReplacedBy, URIRef(to.law(found.replaced_by.number_key)))
    kind = URIRef(to.term("law", found.kind))
    yield described.add(DCT.type, kind)
    yield node(kind, ELI.ResourceType).add(RDFS.label, *spoken(InstrumentKind(found.kind).label))


def area(code: str, to: Addresses) -> Node:
    """The whole country, or a province by its code."""
    if code == WHOLE_COUNTRY:
        return node(v.COUNTRY, DCT.Location).add(RDFS.label, *spoken(VIETNAM))
    return node(to.province(code), DCT.Location).add(DCT.identifier, text(code)).add(RDFS.label, text(code, "vi"))


def theme(code: str) -> Iterator[Node]:
    yield concept(v.authority("data-theme", code), Theme(code).label, scheme=v.THEMES)
    yield themes()


def themes() -> Node:
    return node(v.THEMES, SKOS.ConceptScheme).add(DCT.title, *spoken(EU_THEMES))


def frequency(code: str) -> Node:
    return node(v.authority("frequency", code), DCT.Frequency).add(RDFS.label, *spoken(Frequency(code).label))


def access(rights: str) -> Node:
    return node(v.ACCESS[rights], DCT.RightsStatement).add(RDFS.label, *spoken(AccessRights(rights).label))


def language(code: str) -> Node:
    return node(v.LANGUAGES[code], DCT.LinguisticSystem).add(RDFS.label, *spoken(LANGUAGES[code]))


def file_format(code: str, label: Promise | str) -> Iterator[Node]:
    kind, media_type = v.FORMATS[code]
    yield node(kind, DCT.MediaTypeOrExtent).add(RDFS.label, *spoken(label))
    yield node(media_type, DCT.MediaType)


def constants() -> Iterator[Node]:
    """The values of foreign lists to which every catalogue refers."""
    return (concept(uri, label) for uri, label in CONSTANTS.items())


def document(uri: str) -> Node:
    return node(uri, FOAF.Document)


def standard(uri: URIRef, title: str) -> Node:
    return node(uri, DCT.Standard).add(DCT.title, text(title, "en"))


def contact(uri: str, *, name: tuple, email: str, words: str) -> Node:
    """To whom questions go: an office, never a person unless its owner published one."""
    described = node(uri, v.VCARD.Kind, v.VCARD.Organization).add(v.VCARD.fn, *name)
    if email:
        described.add(v.VCARD.hasEmail, URIRef(f"mailto:{quote(email, safe='@')}"))
    return described.add(v.VCARD.note, text(words, "vi") if words and words != email else None)
