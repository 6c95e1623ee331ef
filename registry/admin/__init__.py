"""The registry in the admin: operators keep it, approvers decide what is shared, auditors read."""

from registry.admin import databases, datasets, laws, notices, people, policies, structure  # noqa: F401  importing registers
