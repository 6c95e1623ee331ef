"""What is not published is nowhere: no page, list, feed, suggestion or export names it to whoever has no part in it."""

import re
from datetime import timedelta
from io import StringIO
from itertools import product
from unittest import mock
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import models
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from registry.choices import Lifecycle, Role, StewardKind
from registry.models import Database, Dataset, Field, PolicyField, SharingPolicy, Subscription
from registry.sitemaps import SITEMAPS
from tests.factories import (
    AgencyFactory,
    ConnectionFactory,
    DatabaseFactory,
    DatasetFactory,
    FieldFactory,
    FieldProfileFactory,
    FieldSuggestionFactory,
    LegalInstrumentFactory,
    SchemaChangeFactory,
    SchemaSnapshotFactory,
    SharingPolicyFactory,
    StewardshipFactory,
    SubscriptionFactory,
    person,
)

MARK = "zqxw"
OFF_THE_WALK = ("admin/",)  # only for people with a role there, who see the registry as a whole
LANGUAGES = ("vi", "en")


class Marking:
    """Unique words, one for each text of a row, put where validation would not let them."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.codes: dict[type, list[str]] = {}
        self.endings = map("".join, product("bcdfghjk", repeat=4))  # letters only: a law is found by its digits

    def word(self, longest: int | None = None) -> str:
        self.words.append(f"{MARK}{next(self.endings)}"[:longest])
        return self.words[-1]

    def mark(self, row: models.Model, *, but: tuple = ()) -> models.Model:
        changes = {}
        for field in row._meta.concrete_fields:
            if field.name in but or field.choices or field.is_relation or field.name == "credential":
                continue
            inner = getattr(field, "base_field", None)
            if isinstance(inner, models.CharField | models.TextField) and not inner.choices:
                changes[field.attname] = [self.word(), self.word(), self.word()]
            elif isinstance(field, models.EmailField):
                changes[field.attname] = f"{self.word()}@example.vn"
            elif isinstance(field, models.URLField):
                changes[field.attname] = f"https://example.vn/{self.word()}"
            elif isinstance(field, models.CharField | models.TextField):
                changes[field.attname] = self.word(field.max_length)
        assert changes
        type(row)._base_manager.filter(pk=row.pk).update(**changes)
        row.refresh_from_db()
        return row


@pytest.fixture
def portal(db):
    """A published dataset with everything, and beside it what is not published in every way in which it may not be."""
    marking = Marking()
    law, owner = LegalInstrumentFactory(number="1/2020/ND-CP"), AgencyFactory(code="OWNER")
    shown = DatasetFactory(
        code="shown", database__code="open", database__owner=owner, database__legal_basis=law,
        applicable_legislation=law, keywords=["lua"], title_vi="Lua nuoc", schema_name="public", spatial="VN",
    )  # fmt: skip
    ConnectionFactory(database=shown.database)
    marking.mark(shown.database.connection)
    key = FieldFactory(dataset=shown, name="so", title_vi="So", key=True)
    offer = SharingPolicyFactory(dataset=shown, title="Chung", legal_basis=law, field_list=[key])
    other = DatasetFactory(code="other", database=shown.database, schema_name="public", table_name="other_table")
    FieldFactory(dataset=other, name="so", key=True)

    secret = DatasetFactory(database=shown.database, unpublished=True, applicable_legislation=law)
    draft = DatasetFactory(
        database=DatabaseFactory(owner=owner, legal_basis=law, lifecycle=Lifecycle.DRAFT), applicable_legislation=law
    )
    retired = DatasetFactory(
        database=DatabaseFactory(owner=owner, legal_basis=law, lifecycle=Lifecycle.RETIRED), applicable_legislation=law
    )
    empty = DatabaseFactory(owner=owner, legal_basis=law)
    gone = DatasetFactory(database=shown.database, removed_at=timezone.now(), applicable_legislation=law)
    for database in (draft.database, retired.database, empty):
        marking.mark(database)
    for dataset in (secret, draft, retired, gone):
        FieldFactory(dataset=dataset, name="so", title_vi="So", key=True)  # as in what is published
        hidden = FieldFactory(dataset=dataset, key=True)
        policy = SharingPolicyFactory(dataset=dataset, legal_basis=law, field_list=[hidden])
        FieldProfileFactory(profile__dataset=dataset, field=hidden)
        FieldSuggestionFactory(field=hidden)
        SchemaChangeFactory(dataset=dataset)
        StewardshipFactory(database=dataset.database, dataset=dataset, kind=StewardKind.CONTACT)
        for row in (dataset, hidden, policy):
            marking.mark(row)
    # Of the published dataset itself: a field that is gone, one that points to what is hidden, policies of other days.
    lost = FieldFactory(dataset=shown, key=True, removed_at=timezone.now())
    PolicyField.objects.create(policy=offer, field=lost)
    FieldProfileFactory(profile__dataset=shown, field=lost)
    marking.mark(lost)
    for target in (secret, gone):
        FieldFactory(
            dataset=shown,
            refers_to=[target.schema_name, target.table_name, target.fields.exclude(name="so").get().name],
        )
    today = timezone.localdate()
    for dates in ({"valid_to": today - timedelta(days=1)}, {"valid_from": today + timedelta(days=1)}):
        marking.mark(SharingPolicyFactory(dataset=shown, legal_basis=law, **dates))
    SchemaSnapshotFactory(dataset=shown, structure={"table": marking.word(), "columns": [{"name": marking.word()}]})

    clerk = person(AgencyFactory(), Role.REQUESTER)
    for subject in ("dataset", "database"):
        SubscriptionFactory(user=clerk, words="", **{subject: secret if subject == "dataset" else draft.database})
    assert len(marking.words) == len(set(marking.words)) > 100
    return marking, clerk


def addresses() -> set[str]:
    """Every address of the portal with every value that stands for its parts."""
    found = set()
    for parts, converters in walk(get_resolver()):
        if parts.startswith(OFF_THE_WALK):
            continue
        names = re.findall(r"<(?:[^:>]+:)?([^>]+)>", parts)
        for values in product(*(values_of(parts, name) for name in names)):
            address = parts
            for name, value in zip(names, values, strict=True):
                written = converters[name].to_url(value) if name in converters else value
                address = re.sub(rf"<(?:[^:>]+:)?{name}>", lambda _match, text=written: text, address, count=1)
            found.add(f"/{address}")
    return found


def walk(resolver: URLResolver, before: str = "", converters: dict | None = None):
    for one in resolver.url_patterns:
        known = {**(converters or {}), **one.pattern.converters}
        parts = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield parts, known
        else:
            yield from walk(one, parts, known)


def values_of(parts: str, name: str) -> list:
    """A name of a part that is not known here is a new kind of address: say what stands in it."""
    if name == "code":
        for kind, rows in {"datasets": Dataset, "databases": Database}.items():
            if f"{kind}/" in parts:
                return list(rows.objects.values_list("code", flat=True))
        return list(Database.owner.field.related_model.objects.values_list("code", flat=True))
    if name == "name":
        return list(Field.objects.values_list("name", flat=True).distinct())
    known = {
        "key": list(LegalInstruments.values_list("number_key", flat=True)),
        "suffix": ["ttl", "jsonld", "rdf"],
        "section": list(SITEMAPS),
        "public_id": [uuid4(), *SharingPolicy.objects.values_list("public_id", flat=True)[:1],
                      *Subscription.objects.values_list("public_id", flat=True)[:1]],
        "step": [1, 2, 3],
        "comment_id": [uuid4()],
        "file_id": [uuid4()],
        "message_id": [uuid4()],
        "agency": list(Database.owner.field.related_model.objects.values_list("code", flat=True)),
        "number": [1],
        "kind": ["dataset", "search"],
        "anything": ["nothing"],
    }  # fmt: skip
    assert name in known, f"What stands for <{name}> in {parts}?"
    return known[name]


LegalInstruments = Database.legal_basis.field.related_model.objects


def read(client: Client, address: str, query: dict | None = None, **headers) -> tuple[int, str]:
    """Status and text of an answer, without what was asked."""
    answer = client.get(address, query or {}, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = f"{answer.get('Location', '')} {answer.get('Link', '')} {body.decode()}".lower()
    for asked in sorted({*address.strip("/").split("/"), *(str(one) for one in (query or {}).values())}, key=len):
        if MARK in asked.lower():
            text = re.sub(re.escape(asked.lower()) + r"(?![a-z])", "", text)
    return answer.status_code, text


def readers(clerk) -> dict[str, Client]:
    """Whoever passes by, and a clerk of another agency."""
    signed_in = Client()
    signed_in.force_login(clerk)
    return {str(AnonymousUser()): Client(), clerk.username: signed_in}


def found_in(text: str) -> set[str]:
    return set(re.findall(rf"{MARK}[a-z]*", text))


def test_no_address_names_what_is_not_published(portal, settings):
    _marking, clerk = portal
    leaks, read_of = {}, 0
    for (who, client), language in product(readers(clerk).items(), LANGUAGES):
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        for address in sorted(addresses()):
            status, text = read(client, address)
            read_of += status == 200
            assert status < 500, address
            if names := found_in(text):
                leaks[who, address] = names
    assert not leaks
    assert read_of > 100  # it walked through pages, not past them


def test_the_walk_finds_what_is_published(portal):
    _marking, clerk = portal
    for client in readers(clerk).values():
        pages = [address for address in addresses() if "lua nuoc" in read(client, address)[1]]
        assert "/catalogue/" in pages
        assert "/catalogue/datasets/shown.ttl" in pages
        assert "/catalogue/laws/1-2020-ndcp/" in pages
        assert "/catalogue/databases/open/" in pages


def test_asking_for_a_hidden_word_is_answered_as_for_a_word_of_nowhere(portal):
    """Whether something hidden is called so would be told by a hit, a count, a likeness or another status."""
    marking, clerk = portal
    nowhere = "vvvvpppp"
    rare = ["/catalogue/laws/", "/catalogue/agencies/", "/requests/"]
    lists = [("/catalogue/", 1), ("/catalogue/fields/", 1), *((address, 20) for address in rare)]
    client = readers(clerk)[clerk.username]
    for address, step in lists:
        expected = plain(client, address, {"q": nowhere}, nowhere)
        for word in marking.words[::step]:
            assert plain(client, address, {"q": word}, word) == expected, (address, word)


def plain(client: Client, address: str, query: dict, word: str) -> tuple[int, str]:
    answer = client.get(address, query)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"', "", answer.content.decode())
    return answer.status_code, re.sub(re.escape(word) + r"(?![a-z])", "", text)


def test_hidden_codes_are_answered_as_codes_of_nothing(portal):
    _marking, clerk = portal
    for client in readers(clerk).values():
        for hidden in Dataset.objects.exclude(pk__in=Dataset.objects.published()):
            for suffix in ("/", ".ttl", ".rdf", ".jsonld", "/fields/so/"):
                assert client.get(f"/catalogue/datasets/{hidden.code}{suffix}").status_code == 404
            for accept in ("text/turtle", "application/ld+json", "application/rdf+xml"):
                answer = client.get(f"/catalogue/datasets/{hidden.code}", headers={"accept": accept})
                assert answer.status_code == 404
            asked = [client.get("/requests/new/", {"dataset": code}) for code in (hidden.code, "nothing")]
            assert len({(one.status_code, one.content.count(b"<form")) for one in asked}) == 1
        for hidden in Database.objects.exclude(pk__in=Database.objects.published()):
            assert client.get(f"/catalogue/databases/{hidden.code}/").status_code == 404
            answer = client.get(f"/catalogue/databases/{hidden.code}", headers={"accept": "text/turtle"})
            assert answer.status_code == 404


@pytest.mark.parametrize("written", ["turtle", "json-ld", "xml"])
@pytest.mark.parametrize("profile", ["dcat-ap", "breg"])
def test_export_names_nothing_that_is_not_published(portal, written, profile):
    for with_fields in (True, False):
        out = StringIO()
        with mock.patch("sys.stdout", out):
            call_command("export_catalogue", format=written, profile=profile, with_fields=with_fields)
        assert "Lua nuoc" in out.getvalue()
        assert not found_in(out.getvalue().lower())
