"""A published dataset in the words of DCAT-AP: what it is, why access is limited, and where to ask. Never where it lies."""

from collections.abc import Iterator
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _
from rdflib import Literal, URIRef
from rdflib.namespace import DCAT, FOAF, RDFS, XSD

from registry.choices import AccessRights, PersonalData
from registry.dcat import offers, things
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.nodes import Node, both, day, moment, node, text
from registry.models import Dataset

DCT = v.DCT
REASONS = {
    AccessRights.PUBLIC: _("Open data: whoever asks for it receives it."),
    AccessRights.RESTRICTED: _(
        "Given to state agencies on request, within a sharing policy of the agency that holds it."
    ),
    AccessRights.NON_PUBLIC: _("Listed so that it is known to exist; the agency that holds it does not share it."),
}
PERSONAL_REASONS = {
    PersonalData.NONE: _("It holds no personal data."),
    PersonalData.BASIC: _("It holds personal data."),
    PersonalData.SENSITIVE: _("It holds sensitive personal data."),
}
WITHOUT_DESCRIPTION = _("Not described yet by the agency that holds it.")


def describe(dataset: Dataset, to: Addresses, *, breg: bool = False, with_fields: bool = False) -> Iterator[Node]:
    """The dataset, its record in the catalogue, its offers, and all to which they refer; needs `export.published()`."""
    uri, database = to.dataset(dataset.code), dataset.database
    described = node(uri, DCAT.Dataset)
    described.add(DCT.title, *both(dataset.title_vi, dataset.title_en))
    own = dataset.description or dataset.description_en  # what the database says is never put beside it
    words = both(dataset.description, dataset.description_en) if own else both(database.description, "")
    words = [one for one in words if one]
    described.add(DCT.description, *(words or things.spoken(WITHOUT_DESCRIPTION)))
    described.add(DCT.identifier, text(dataset.code))
    described.add(DCT.issued, moment(dataset.created_at)).add(DCT.modified, moment(dataset.modified_at))
    described.add(DCT.publisher, URIRef(to.agency(database.owner.code)))
    described.add(DCAT.keyword, *(text(word, "vi") for word in dataset.keywords))
    described.add(DCAT.theme, *(v.authority("data-theme", code) for code in dataset.themes))
    described.add(DCT.language, v.LANGUAGES["vi"])
    described.add(DCAT.landingPage, URIRef(to.dataset_page(dataset.code)))
    described.add(DCT.conformsTo, URIRef(f"{uri}#structure"))
    yield from _place_and_time(described, dataset, to)
    yield from _access(described, dataset, to)
    yield from _contact(described, dataset)
    yield from offers.describe(described, dataset, to, breg=breg)
    yield described
    yield from _structure(dataset, uri, with_fields=with_fields)
    yield from _record(dataset, uri, v.PROFILES["breg" if breg else "dcat-ap"])
    yield from _referred(dataset, to, breg=breg)


def legislation(dataset: Dataset) -> list:
    """The laws under which the data is kept and given: the dataset's own, and its database's."""
    own = dataset.applicable_legislation
    return (
        [own]
        if own and own.pk == dataset.database.legal_basis_id
        else [law for law in (own, dataset.database.legal_basis) if law]
    )


def _place_and_time(described: Node, dataset: Dataset, to: Addresses) -> Iterator[Node]:
    if dataset.spatial:
        area = things.area(dataset.spatial, to)
        described.add(DCT.spatial, area.uri)
        yield area
    if dataset.temporal_from or dataset.temporal_to:
        period = node(f"{described.uri}#period", DCT.PeriodOfTime)
        described.add(DCT.temporal, period.uri)
        yield period.add(DCAT.startDate, day(dataset.temporal_from)).add(DCAT.endDate, day(dataset.temporal_to))
    if dataset.frequency:
        often = things.frequency(dataset.frequency)
        described.add(DCT.accrualPeriodicity, often.uri)
        yield often


def _access(described: Node, dataset: Dataset, to: Addresses) -> Iterator[Node]:
    """Access right, reason and legislation, and whether there is personal data in it."""
    laws = legislation(dataset)
    described.add(DCT.accessRights, v.ACCESS[dataset.access_rights])
    described.add(v.DCATAP.applicableLegislation, *(URIRef(to.law(law.number_key)) for law in laws))
    personal = PersonalData(dataset.highest_personal_data)
    described.add(*v.PERSONAL[personal])
    rights = node(f"{described.uri}#rights", DCT.RightsStatement)
    described.add(DCT.rights, rights.uri)
    numbers = "; ".join(law.number for law in laws)
    reasons = zip(things.spoken(REASONS[dataset.access_rights]), things.spoken(PERSONAL_REASONS[personal]), strict=True)
    for reason, about_people in reasons:
        rights.add(RDFS.label, text(f"{reason} {about_people} ({numbers})", reason.language))
    yield rights
    kept = node(f"{described.uri}#provenance", DCT.ProvenanceStatement)
    described.add(DCT.provenance, kept.uri)
    database = dataset.database
    kept.add(RDFS.label, *both(f"{database.name_vi} – {database.owner.name_vi}", _english_provenance(dataset)))
    yield kept
    yield things.access(dataset.access_rights)


def _english_provenance(dataset: Dataset) -> str:
    names = dataset.database.name_en, dataset.database.owner.name_en
    return " – ".join(names) if all(names) else ""


def _contact(described: Node, dataset: Dataset) -> Iterator[Node]:
    owner = dataset.database.owner
    found = things.contact(
        f"{described.uri}#contact",
        name=both(owner.name_vi, owner.name_en),
        email=dataset.contact_address,
        words=dataset.database.contact,
    )
    described.add(DCAT.contactPoint, found.uri)
    yield found


def _structure(dataset: Dataset, uri: str, *, with_fields: bool) -> Iterator[Node]:
    """The shape of the data as a standard of its own; field by field where that is asked for."""
    structure = node(f"{uri}#structure", DCT.Standard, v.CSVW.Schema)
    structure.add(DCT.title, *both(dataset.title_vi, dataset.title_en))
    if with_fields:
        fields = dataset.shown_fields
        names = [URIRef(f"{uri}#field-{quote(field.name, safe='')}") for field in fields]
        structure.add(v.CSVW.column, *names)
        structure.add(v.CSVW.primaryKey, *(text(field.name) for field in fields if field.is_key))
        for name, field in zip(names, fields, strict=True):
            column = node(name, v.CSVW.Column).add(v.CSVW.name, text(field.name))
            column.add(RDFS.label, *both(field.title_vi, field.title_en))
            column.add(DCT.description, text(field.description, "vi"))
            column.add(v.CSVW.datatype, v.DATATYPES.get(field.kind))
            column.add(v.CSVW.required, Literal("false" if field.nullable else "true", datatype=XSD.boolean))
            yield column.add(*v.PERSONAL[field.personal_data])
    yield structure


def _record(dataset: Dataset, uri: str, profile: URIRef) -> Iterator[Node]:
    record = node(f"{uri}#record", DCAT.CatalogRecord).add(FOAF.primaryTopic, URIRef(uri))
    record.add(DCT.title, *both(dataset.title_vi, dataset.title_en))
    record.add(DCT.issued, moment(dataset.created_at)).add(DCT.modified, moment(dataset.modified_at))
    record.add(DCT.language, v.LANGUAGES["vi"]).add(DCT.conformsTo, profile)
    yield record.add(v.ADMS.status, v.COMPLETED)


def _referred(dataset: Dataset, to: Addresses, *, breg: bool) -> Iterator[Node]:
    yield from things.agency(dataset.database.owner, to, breg=breg)
    for law in legislation(dataset):
        yield from things.law(law, to)
    for code in dataset.themes:
        yield from things.theme(code)
    yield things.document(to.dataset_page(dataset.code))
