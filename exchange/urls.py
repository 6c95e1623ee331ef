"""Addresses of requests, agreements, deliveries and the counter look-up."""

app_name = "exchange"

urlpatterns = []
