"""Measuring the portal against its promises."""
