"""Sending events to the systems of agencies: what is sent, how it is signed, and to which addresses."""
