"""The bench of the registry: every promise about search, lists, export, introspection and foreign databases."""
