"""What an editor may do in the admin without the role of an operator: keep the descriptions entrusted to them."""

from registry.services import stewards

DESCRIBED = {
    "title_vi",
    "title_en",
    "description",
    "themes",
    "keywords",
    "landing_page",
    "contact_email",
    "spatial",
    "temporal_from",
    "temporal_to",
    "frequency",
    "update_frequency",
}


class Stewarded:
    """Opens the description of a dataset, and nothing else of it, to its editors and managers."""

    def has_change_permission(self, request, obj=None):
        if super().has_change_permission(request, obj):
            return True
        return obj is not None and stewards.may_describe(request.user, obj)

    def get_readonly_fields(self, request, obj=None):
        readonly = super().get_readonly_fields(request, obj)
        if obj is None or super().has_change_permission(request, obj):
            return readonly
        shown = [name for _title, options in self.get_fieldsets(request, obj) for name in options["fields"]]
        return [*readonly, *(name for name in shown if name not in DESCRIBED and name not in readonly)]
