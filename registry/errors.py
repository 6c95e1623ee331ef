"""What the registry says when it refuses."""


class RegistryRefusal(Exception):
    """A rule of the registry stands against it; `str()` is a reason that a person can read."""
