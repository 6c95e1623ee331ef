"""People and agencies, laws, databases and what may be shared of them."""

from registry.models.agencies import AgencyCode, AgencyContact
from registry.models.databases import Connection, Database, Dataset, Field
from registry.models.history import RegistryChange
from registry.models.imports import MetadataImport
from registry.models.laws import Amendment, LegalInstrument
from registry.models.notices import Notice
from registry.models.people import Agency, Delegation, Membership, User
from registry.models.places import AdministrativeUnit, UnitCode
from registry.models.policies import PolicyField, SharingPolicy
from registry.models.profiles import DatasetProfile, FieldProfile
from registry.models.search import SearchDocument, SearchSynonym
from registry.models.stewardship import Stewardship
from registry.models.structure import SchemaChange, SchemaSnapshot, StructureReading, StructureWatch
from registry.models.subscriptions import Subscription
from registry.models.suggestions import FieldSuggestion
from registry.models.tree import AgencyMove

__all__ = [
    "AdministrativeUnit",
    "Agency",
    "AgencyCode",
    "AgencyContact",
    "AgencyMove",
    "Amendment",
    "Connection",
    "Database",
    "Dataset",
    "DatasetProfile",
    "Delegation",
    "Field",
    "FieldProfile",
    "FieldSuggestion",
    "LegalInstrument",
    "Membership",
    "MetadataImport",
    "Notice",
    "PolicyField",
    "RegistryChange",
    "SchemaChange",
    "SchemaSnapshot",
    "SearchDocument",
    "SearchSynonym",
    "SharingPolicy",
    "Stewardship",
    "StructureReading",
    "StructureWatch",
    "Subscription",
    "UnitCode",
    "User",
]
