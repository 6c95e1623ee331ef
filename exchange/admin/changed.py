"""What a revision asks for otherwise than the one decided on before, or than the agreement that it is about."""

import json
from functools import cached_property

from django.utils.translation import gettext as _

from exchange import comparison
from exchange.admin import wording
from exchange.admin.asked import Asked
from exchange.models import Revision
from exchange.services.requests import CONTENT
from registry.choices import Masking

# What a request says of the basis and the use of the data that its scope does not.
BESIDE_SCOPE = (
    "legal_basis",
    "legal_article",
    "reason",
    "procedure_code",
    "consent_basis",
    "frequency",
    "onward_sharing",
    "onward_agencies",
    "security_measures",
    "system_level",
    "named_users",
)


class Changed(Asked):
    """Field by field, what differs."""

    @cached_property
    def previous(self) -> Revision | None:
        """The revision on which this owner decided before."""
        return self.request.revisions.filter(number__lt=self.revision.number, decisions__case=self.case).first()

    @cached_property
    def changes(self) -> list[dict]:
        """Field by field, what differs from the revision decided on before."""
        if self.previous is None:
            return []
        before = json.loads(self.previous.content)
        changes = [
            self._change(wording.term(name), name, before.get(name), self.content.get(name))
            for name in [*CONTENT, "named_users"]
            if before.get(name) != self.content.get(name)
        ]
        return [*changes, *self._changed_masking(before["scope"]), *self._changed_files(before)]

    def _change(self, term: str, name: str, before, after) -> dict:
        if name in ("field_names", "named_users"):  # only what came and went: the lists may be long
            before, after = before or [], after or []
            gone = [item for item in before if item not in after]
            before, after = gone, [item for item in after if item not in before]
        return {
            "term": term,
            "before": wording.value(name, before, self.fields, self.users),
            "after": wording.value(name, after, self.fields, self.users),
        }

    def _changed_masking(self, before: dict) -> list[dict]:
        was = {field["name"]: field["masking"] for field in before["fields"]}
        return [
            {
                "term": _("Masking of %(field)s") % {"field": wording.titles([name], self.fields)},
                "before": wording.label_of(Masking, was[name]),
                "after": wording.label_of(Masking, masking),
            }
            for name, masking in self.scope.fields
            if name in was and was[name] != masking
        ]

    @cached_property
    def comparison(self) -> comparison.Comparison | None:
        """What it asks for beside the running version of the agreement that it is about."""
        return comparison.with_running(self.revision)

    @cached_property
    def also_changed(self) -> list[dict]:
        """What else is said otherwise than in the request upon which that version was agreed."""
        if self.request.amends is None:
            return []
        before = json.loads(self._agreed_upon.content)
        return [
            self._change(wording.term(name), name, before.get(name), self.content.get(name))
            for name in BESIDE_SCOPE
            if before.get(name) != self.content.get(name)
        ]

    @cached_property
    def _agreed_upon(self) -> Revision:
        return self.request.amends.case.request.revisions.first()

    def _changed_files(self, before: dict) -> list[dict]:
        was, has = (
            {one["sha256"]: one["name"] for one in text.get("attachments", ())} for text in (before, self.content)
        )
        if was == has:
            return []
        gone = [name for sha256, name in was.items() if has.get(sha256) != name]
        came = [name for sha256, name in has.items() if was.get(sha256) != name]
        return [{"term": _("Attached files"), "before": ", ".join(gone), "after": ", ".join(came)}]
