"""Pages of the registry: the public catalogue with its laws, and a person's notices."""
