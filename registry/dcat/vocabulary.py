"""The words of DCAT-AP: namespaces, authority tables, and which properties point to things or say text."""

from functools import lru_cache

from rdflib import Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, ODRL2, RDF, RDFS, SKOS, XSD

from registry.choices import AccessRights, AgencyKind, FieldKind, FileFormat, PersonalData

ADMS = Namespace("http://www.w3.org/ns/adms#")
CPSV = Namespace("http://purl.org/vocab/cpsv#")
CSVW = Namespace("http://www.w3.org/ns/csvw#")
CV = Namespace("http://data.europa.eu/m8g/")
DCATAP = Namespace("http://data.europa.eu/r5r/")
DPV = Namespace("https://w3id.org/dpv#")
ELI = Namespace("http://data.europa.eu/eli/ontology#")
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
DCT, ODRL = DCTERMS, ODRL2

NAMESPACES = {
    "adms": ADMS,
    "cpsv": CPSV,
    "csvw": CSVW,
    "cv": CV,
    "dcat": DCAT,
    "dcatap": DCATAP,
    "dct": DCT,
    "dpv": DPV,
    "eli": ELI,
    "foaf": FOAF,
    "hydra": HYDRA,
    "odrl": ODRL,
    "rdf": RDF,
    "rdfs": RDFS,
    "skos": SKOS,
    "vcard": VCARD,
    "xsd": XSD,
}
PREFIXES = {prefix: str(namespace) for prefix, namespace in NAMESPACES.items()}
# Properties whose objects are things, never text: short in JSON-LD.
POINTING = (
    ADMS.status,
    CPSV.produces,
    CSVW.column,
    CSVW.datatype,
    CV.hasCompetentAuthority,
    CV.hasLegalResource,
    CV.thematicArea,
    DCAT.accessService,
    DCAT.accessURL,
    DCAT.contactPoint,
    DCAT.dataset,
    DCAT.distribution,
    DCAT.endpointDescription,
    DCAT.endpointURL,
    DCAT.landingPage,
    DCAT.mediaType,
    DCAT.record,
    DCAT.servesDataset,
    DCAT.service,
    DCAT.theme,
    DCAT.themeTaxonomy,
    DCATAP.applicableLegislation,
    DCATAP.availability,
    DCT.accessRights,
    DCT.accrualPeriodicity,
    DCT.conformsTo,
    DCT.format,
    DCT.isReplacedBy,
    DCT.language,
    DCT.license,
    DCT.provenance,
    DCT.publisher,
    DCT.rights,
    DCT.spatial,
    DCT.temporal,
    DCT.type,
    DPV.hasData,
    DPV.hasPersonalData,
    FOAF.homepage,
    FOAF.page,
    FOAF.primaryTopic,
    HYDRA.first,
    HYDRA.last,
    HYDRA.next,
    HYDRA.previous,
    HYDRA.view,
    ODRL.action,
    ODRL.assignee,
    ODRL.assigner,
    ODRL.constraint,
    ODRL.hasPolicy,
    ODRL.leftOperand,
    ODRL.operator,
    ODRL.permission,
    ODRL.target,
    SKOS.broader,
    SKOS.inScheme,
    VCARD.hasEmail,
    VCARD.hasTelephone,
)
# Properties whose objects are text in a named language, always.
SPOKEN = (
    DCAT.keyword,
    DCT.description,
    DCT.title,
    ELI.title,
    FOAF.name,
    RDFS.label,
    SKOS.prefLabel,
)

AUTHORITY = "http://publications.europa.eu/resource/authority/"
ADMS_CODES = "http://purl.org/adms/"
IANA = "https://www.iana.org/assignments/media-types/"


def authority(table: str, code: str) -> URIRef:
    """A value of a table of the EU Publications Office."""
    return URIRef(f"{AUTHORITY}{table}/{code}")


LANGUAGES = {"vi": authority("language", "VIE"), "en": authority("language", "ENG")}
COUNTRY = authority("country", "VNM")
THEMES = URIRef(f"{AUTHORITY}data-theme")
AVAILABLE = authority("planned-availability", "AVAILABLE")
COMPLETED = URIRef(f"{ADMS_CODES}status/Completed")
TERMS_APPLY = URIRef(f"{ADMS_CODES}licencetype/OtherRestrictiveClauses")
PROFILES = {
    "dcat-ap": URIRef("https://semiceu.github.io/DCAT-AP/releases/3.0.1/"),
    "breg": URIRef("https://semiceu.github.io/BRegDCAT-AP/releases/2.1.0/"),
}
ACCESS = {rights: authority("access-right", rights) for rights in AccessRights}
# The table of the Publications Office has no line for JSON Lines.
FORMATS = {
    FileFormat.CSV: (authority("file-type", "CSV"), URIRef(f"{IANA}text/csv")),
    FileFormat.JSONL: (authority("file-type", "JSON"), URIRef(f"{IANA}application/jsonl")),
    FileFormat.PARQUET: (authority("file-type", "PARQUET"), URIRef(f"{IANA}application/vnd.apache.parquet")),
    FileFormat.XLSX: (
        authority("file-type", "XLSX"),
        URIRef(f"{IANA}application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ),
}
PUBLISHER_TYPES = {
    AgencyKind.PROVINCE: "RegionalAuthority",
    AgencyKind.SOCIO_POLITICAL: "NonProfitOrganisation",
}
PERSONAL = {
    PersonalData.NONE: (DPV.hasData, DPV.NonPersonalData),
    PersonalData.BASIC: (DPV.hasPersonalData, DPV.PersonalData),
    PersonalData.SENSITIVE: (DPV.hasPersonalData, DPV.SensitivePersonalData),
}
DATATYPES = {
    FieldKind.TEXT: XSD.string,
    FieldKind.INTEGER: XSD.integer,
    FieldKind.NUMBER: XSD.decimal,
    FieldKind.BOOLEAN: XSD.boolean,
    FieldKind.DATE: XSD.date,
    FieldKind.DATETIME: XSD.dateTime,
}


def publisher_type(kind: str) -> URIRef:
    return URIRef(f"{ADMS_CODES}publishertype/{PUBLISHER_TYPES.get(kind, 'NationalAuthority')}")


@lru_cache(maxsize=1_000)
def short(uri: URIRef) -> str | None:
    """`dcat:Dataset` for a name in one of the namespaces."""
    for prefix, namespace in PREFIXES.items():
        if uri.startswith(namespace):
            return f"{prefix}:{uri[len(namespace) :]}"
    return None


def context() -> dict:
    """The JSON-LD context of every export. Documents carry it themselves, so that reading one needs no network."""
    return {
        **PREFIXES,
        **{short(uri): {"@type": "@id"} for uri in sorted(POINTING)},
        **{short(uri): {"@container": "@language"} for uri in sorted(SPOKEN)},
    }
