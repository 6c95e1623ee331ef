"""What the public page of a dataset says of its use: agencies and purposes, never persons or deliveries."""

import pytest
from django.urls import reverse

from exchange.services import agreements
from tests.factories import DatasetFactory, FieldFactory

pytestmark = pytest.mark.django_db


def page(client, dataset) -> str:
    response = client.get(reverse("registry:dataset-detail", args=[dataset.code]), headers={"Accept-Language": "en"})
    return response.content.decode()


def test_agencies_with_agreements_in_force_are_named_and_no_person(client, world):
    agreement = world.agreed()
    shown = page(client, agreement.dataset)
    assert agreement.consumer.name in shown or agreement.consumer.name_en in shown
    assert 'id="uses"' in shown
    for person in (world.requester, world.endorser, world.approver):
        assert person.full_name not in shown
    assert agreement.code not in shown


def test_an_agreement_that_ended_is_no_use(client, world):
    agreement = world.agreed()
    before = page(client, agreement.dataset)
    agreements.revoke(agreement=agreement, by=world.approver, reason="Dừng")
    after = page(client, agreement.dataset)
    assert before.count(agreement.consumer.name_vi) + before.count(agreement.consumer.name_en) > after.count(
        agreement.consumer.name_vi
    ) + after.count(agreement.consumer.name_en)


def test_datasets_with_the_same_key_are_related(client):
    one, other, third = (DatasetFactory(title_vi=f"Bảng {n}", title_en="") for n in range(3))
    for dataset, key in ((one, "so_dinh_danh"), (other, "so_dinh_danh"), (third, "ma_khac")):
        FieldFactory(dataset=dataset, name=key, key=True)
    shown = page(client, one)
    assert "Bảng 1" in shown
    assert "Bảng 2" not in shown
