"""What stewards may do in the admin without the role of an operator: describe what is entrusted to them; managers also
publish it."""

from registry.services import protection, publication, stewards


class Stewarded:
    """Opens the description of a dataset to its editors and managers, to managers its publication, and nothing else."""

    def has_change_permission(self, request, obj=None):
        if super().has_change_permission(request, obj):
            return True
        return obj is not None and stewards.may_describe(request.user, obj)

    def get_readonly_fields(self, request, obj=None):
        readonly = super().get_readonly_fields(request, obj)
        if obj is None or super().has_change_permission(request, obj):
            return readonly
        shown = [name for _title, options in self.get_fieldsets(request, obj) for name in options["fields"]]
        open_to = stewards.DESCRIBED | (
            {"is_published"} if protection.can_steward(request.user, obj.database, obj) else set()
        )
        return [*readonly, *(name for name in shown if name not in open_to and name not in readonly)]

    def save_model(self, request, obj, form, change):
        """The description is saved as it stands; the service publishes, and leaves an entry of its own."""
        wanted = obj.is_published
        if "is_published" in form.changed_data:
            obj.is_published = not wanted
        super().save_model(request, obj, form, change)
        if obj.is_published != wanted:
            move = publication.publish if wanted else publication.unpublish
            obj.is_published = move(dataset=obj, by=request.user).is_published
