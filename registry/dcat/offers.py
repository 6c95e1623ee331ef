"""How a dataset is offered: one distribution for each way and format, and the sharing policies as ODRL offers."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _
from rdflib import URIRef
from rdflib.namespace import DCAT

from registry.choices import AccessRights, FileFormat, Mode, Purpose
from registry.dcat import things
from registry.dcat import vocabulary as v
from registry.dcat.addresses import Addresses
from registry.dcat.nodes import Node, day, node, text
from registry.models import Dataset, SharingPolicy

DCT, ODRL = v.DCT, v.ODRL
ASK = _("Ask for it on the page that this entry points to. What is given, and how it is masked, follows the agreement.")
OPENAPI = URIRef("https://spec.openapis.org/oas/v3.0.3")


def describe(described: Node, dataset: Dataset, to: Addresses, *, breg: bool) -> Iterator[Node]:
    """Nothing where the dataset is not shared, or no policy offers it today."""
    if dataset.access_rights == AccessRights.NON_PUBLIC or not dataset.offers:
        return
    for policy in dataset.offers:
        yield from _offer(described, policy, dataset, to, breg=breg)
    yield node(f"{described.uri}#terms", DCT.LicenseDocument).add(DCT.type, v.TERMS_APPLY)
    for mode in Mode:
        policies = [policy for policy in dataset.offers if mode in policy.modes]
        if policies and mode == Mode.LOOKUP:
            yield from _service(described, dataset, to)
            yield _distribution(described, mode, None, policies, to, dataset).add(
                DCAT.accessService, URIRef(f"{described.uri}#lookup-service")
            )
        elif policies:
            for file_format in v.FORMATS:
                yield _distribution(described, mode, FileFormat(file_format), policies, to, dataset)
                yield from things.file_format(file_format, FileFormat(file_format).label)


def _distribution(
    described: Node, mode: Mode, file_format: FileFormat | None, policies: list, to: Addresses, dataset: Dataset
) -> Node:
    name = f"{mode}-{file_format}" if file_format else str(mode)
    given = node(f"{described.uri}#{name}", DCAT.Distribution)
    for way, kind in zip(
        things.spoken(mode.label), things.spoken(file_format.label if file_format else ""), strict=True
    ):
        given.add(DCT.title, text(f"{way} ({kind})" if kind else str(way), way.language))
    given.add(DCT.description, *things.spoken(ASK))
    given.add(DCAT.accessURL, URIRef(to.asking_page(dataset.code)))
    if file_format:
        kind, media_type = v.FORMATS[file_format]
        given.add(DCT.format, kind).add(DCAT.mediaType, media_type)
    given.add(DCT.license, URIRef(f"{described.uri}#terms")).add(DCT.rights, URIRef(f"{described.uri}#rights"))
    given.add(v.DCATAP.availability, v.AVAILABLE).add(DCT.conformsTo, URIRef(f"{described.uri}#structure"))
    given.add(v.DCATAP.applicableLegislation, *described.properties[v.DCATAP.applicableLegislation])
    if len(policies) == 1:  # at most one, says the shape; the dataset names them all
        given.add(ODRL.hasPolicy, _name_of(policies[0], described))
    described.add(DCAT.distribution, given.uri)
    return given


def _service(described: Node, dataset: Dataset, to: Addresses) -> Iterator[Node]:
    """The look-up. Its address for the public is the page for asking: the API answers under an agreement only."""
    service = node(f"{described.uri}#lookup-service", DCAT.DataService)
    service.add(DCT.title, *described.properties[DCT.title]).add(DCT.description, *things.spoken(Mode.LOOKUP.label))
    service.add(DCT.identifier, text(f"{dataset.code}#lookup"))
    service.add(DCAT.endpointURL, URIRef(to.asking_page(dataset.code)))
    if to.api_description:
        service.add(DCAT.endpointDescription, URIRef(to.api_description)).add(DCT.conformsTo, OPENAPI)
        yield things.standard(OPENAPI, "OpenAPI 3.0.3")
    service.add(DCAT.servesDataset, described.uri).add(DCT.license, URIRef(f"{described.uri}#terms"))
    same = (DCT.publisher, DCT.accessRights, DCAT.contactPoint, DCAT.theme, DCAT.keyword, DCAT.landingPage)
    for predicate in (*same, v.DCATAP.applicableLegislation):
        service.add(predicate, *described.properties.get(predicate, ()))
    yield service


def has_service(dataset: Dataset) -> bool:
    shared = dataset.access_rights != AccessRights.NON_PUBLIC
    return shared and any(Mode.LOOKUP in policy.modes for policy in dataset.offers)


def _name_of(policy: SharingPolicy, described: Node) -> URIRef:
    return URIRef(f"{described.uri}#offer-{policy.public_id}")


def _offer(described: Node, policy: SharingPolicy, dataset: Dataset, to: Addresses, *, breg: bool) -> Iterator[Node]:
    """A sharing policy: the owner permits use to whom it names, for the purposes and until the day that it names."""
    offer = node(_name_of(policy, described), ODRL.Policy, ODRL.Offer)
    described.add(ODRL.hasPolicy, offer.uri)
    use = node(f"{offer.uri}-use", ODRL.Permission).add(ODRL.target, described.uri).add(ODRL.action, ODRL.use)
    use.add(ODRL.assigner, URIRef(to.agency(dataset.database.owner.code)))
    recipients = [] if policy.any_agency else list(policy.recipients.all())
    use.add(ODRL.assignee, *(URIRef(to.agency(agency.code)) for agency in recipients))
    purposes = node(f"{offer.uri}-purpose", ODRL.Constraint).add(ODRL.leftOperand, ODRL.purpose)
    purposes.add(ODRL.operator, ODRL.isAnyOf)
    purposes.add(ODRL.rightOperand, *(URIRef(to.term("purpose", purpose)) for purpose in policy.purposes))
    use.add(ODRL.constraint, purposes.uri)
    if policy.valid_to:
        until = node(f"{offer.uri}-until", ODRL.Constraint).add(ODRL.leftOperand, ODRL.dateTime)
        until.add(ODRL.operator, ODRL.lteq).add(ODRL.rightOperand, day(policy.valid_to))
        use.add(ODRL.constraint, until.uri)
        yield until
    offer.add(DCT.title, text(policy.title, "vi")).add(ODRL.permission, use.uri)
    offer.add(v.DCATAP.applicableLegislation, URIRef(to.law(policy.legal_basis.number_key)))
    yield from (offer, use, purposes)
    yield from things.law(policy.legal_basis, to)
    for purpose in policy.purposes:
        yield things.concept(to.term("purpose", purpose), Purpose(purpose).label)
    for agency in recipients:
        yield from things.agency(agency, to, breg=breg)
