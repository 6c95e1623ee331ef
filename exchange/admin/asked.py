"""What a frozen revision asks for, in the words of a case page: who, what, why and for what use."""

import json
import uuid
from collections.abc import Iterable
from functools import cached_property

from django.utils.translation import gettext as _

from exchange import summary
from exchange.admin import wording
from exchange.services import scopes
from registry.choices import FileFormat, Masking, Mode, PersonalData, Purpose
from registry.models import Dataset, Field, LegalInstrument, User
from registry.terms import limit_sentences


def names_of(public_ids: Iterable[str]) -> dict[str, str]:
    """The names of people by public id; what is no id of a person is left out."""
    valid = []
    for public_id in public_ids:
        try:
            valid.append(uuid.UUID(public_id))
        except ValueError:
            continue
    return {str(user.public_id): str(user) for user in User.objects.filter(public_id__in=valid)} if valid else {}


def scope_lines(scope, fields: dict[str, Field]) -> list[dict]:
    """One line for each field of a scope: name, title, category and what happens to its values."""
    lines = []
    for name, masking in scope.fields:
        field = fields.get(name)
        lines.append(
            {
                "name": name,
                "title": field.title if field else name,
                "category": field.personal_data if field else "",
                "category_label": field.get_personal_data_display() if field else _("Unknown"),
                "is_sensitive": bool(field) and field.personal_data == PersonalData.SENSITIVE,
                "masking": wording.label_of(Masking, masking),
                "is_gone": field is None or field.removed_at is not None,
            }
        )
    return lines


class Asked:
    """The text of `revision`, which a dossier reads; what people sign and decide on, not the draft."""

    @cached_property
    def content(self) -> dict:
        return json.loads(self.revision.content)

    @cached_property
    def scope(self):
        return scopes.scope_of_revision(self.revision)

    @cached_property
    def dataset(self) -> Dataset | None:
        return Dataset.objects.select_related("database__owner").filter(code=self.content["dataset"]).first()

    @cached_property
    def fields(self) -> dict[str, Field]:
        return summary.fields_of(self.dataset)

    @cached_property
    def lines(self) -> list[dict]:
        outside = self.beside_standing.outside_fields if self.beside_standing else ()
        return [{**line, "outside": line["name"] in outside} for line in scope_lines(self.scope, self.fields)]

    @cached_property
    def sensitive_count(self) -> int:
        return sum(line["is_sensitive"] for line in self.lines)

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        return summary.filter_sentences(self.scope.as_document()["filters"], self.fields)

    def told(self, name: str) -> str:
        return wording.value(name, self.content.get(name), self.fields, self.users)

    @cached_property
    def users(self) -> dict[str, str]:
        ids = set(self.content.get("named_users", ()))
        for former in filter(None, [self.previous, self.request.amends and self._agreed_upon]):
            ids |= set(json.loads(former.content).get("named_users", ()))
        return names_of(ids)

    def _facts(self, *names: str) -> list[tuple[str, str]]:
        return [(wording.term(name), self.told(name)) for name in names if self.told(name)]

    @cached_property
    def who(self) -> list[tuple[str, str]]:
        def person(role: str) -> str:
            parts = (self.content.get(f"{role}_{part}") for part in ("name", "position", "phone", "email"))
            return ", ".join(part for part in parts if part)

        return [
            (wording.term("consumer"), f"{self.request.consumer} ({self.request.consumer.code})"),
            *self._facts("letter_number", "letter_day", "letter_subject"),
            (wording.term("signatory_name"), person("signatory")),
            (wording.term("focal_name"), person("focal")),
            (_("Signed in the portal by"), str(self.request.endorsed_by or "")),
            (wording.term("urgency"), self.told("urgency")),
        ]

    @cached_property
    def what(self) -> list[tuple[str, str]]:
        return [
            (wording.term("mode"), wording.label_of(Mode, self.scope.mode)),
            (wording.term("file_format"), wording.label_of(FileFormat, self.scope.file_format)),
            *self._facts("frequency"),
            (wording.term("row_limit"), wording.number(self.scope.row_limit)),
            (_("Limits"), "; ".join(limit_sentences(dict(self.scope.limits)))),
            (wording.term("named_users"), self.told("named_users") or _("Nobody is named yet.")),
            (wording.term("has_state_secret"), self.told("has_state_secret") or _("Not declared")),
        ]

    @cached_property
    def why(self) -> list[tuple[str, str]]:
        return [
            (wording.term("purpose"), wording.label_of(Purpose, self.scope.purpose)),
            *self._facts("legal_article", "reason", "procedure_code", "consent_basis"),
        ]

    @cached_property
    def use(self) -> list[tuple[str, str]]:
        period = f"{wording.day(self.scope.period_from)} – {wording.day(self.scope.period_to)}"
        return [
            (_("Period"), period),
            *self._facts(
                "retention_until",
                "onward_sharing",
                "onward_agencies",
                "security_measures",
                "system_level",
                "undertaking",
            ),
        ]

    @cached_property
    def legal_basis(self) -> LegalInstrument | None:
        number = self.content.get("legal_basis")
        return LegalInstrument.objects.select_related("replaced_by").filter(number=number).first()

    @cached_property
    def basis_in_force(self) -> bool:
        return self.legal_basis is not None and self.legal_basis.is_in_force()
