"""Forms of the consumer's pages: they check shape and wording; the rules stand in the services."""
