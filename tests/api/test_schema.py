"""The OpenAPI document: whole, without warnings, and served."""

from django.core.management import call_command
from django.test import Client


def test_document_has_no_warnings(tmp_path, capsys):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "api.yml"))
    assert "Warning" not in capsys.readouterr().err


def test_document_is_served_and_names_every_refusal(client, db):
    answer = client.get("/api/v1/schema/", {"format": "json"})
    assert answer.status_code == 200
    document = answer.json()
    look_up = document["paths"]["/api/v1/agreements/{public_id}/lookups/"]["post"]
    assert set(look_up["responses"]) == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "409",
        "413",
        "415",
        "422",
        "429",
        "502",
        "503",
    }
    assert look_up["security"] == [{"system": ["lookup"]}, {"cookieAuth": []}]
    assert not [path for path in document["paths"] if "anything" in path]


def test_unknown_address_answers_in_the_same_shape(db):
    for address in ("/api/v1/nothing/", "/api/v1/agreements", "/api/v1/agreements/1/", "/api/v1/schema"):
        answer = Client().get(address)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
