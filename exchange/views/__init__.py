"""Pages of the consumer agency: requests, signatures, agreements, deliveries, look-ups, letters."""
