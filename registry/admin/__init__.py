"""The registry in the admin: operators keep it, approvers decide what is shared, auditors read."""

from registry.admin import (  # noqa: F401  importing registers
    agencies,
    databases,
    datasets,
    history,
    imports,
    laws,
    notices,
    people,
    policies,
    profiles,
    stewardship,
    structure,
    subscriptions,
    synonyms,
    tree,
)
