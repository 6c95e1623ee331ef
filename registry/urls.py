"""Addresses of the public catalogue."""

app_name = "registry"

urlpatterns = []
