"""The code that is printed on a letter: not to be guessed, easy to type."""

import pytest

from exchange import check_codes


def test_codes_are_of_signs_that_cannot_be_taken_for_others():
    codes = {check_codes.new() for _number in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {12}
    assert set("".join(codes)) == set(check_codes.ALPHABET)
    assert not set(check_codes.ALPHABET) & set("01ILOSB58AEU")


def test_code_is_printed_in_groups():
    assert check_codes.grouped("7QJ4M2XPC9RV") == "7QJ4-M2XP-C9RV"


@pytest.mark.parametrize("typed", ["7QJ4M2XPC9RV", "7qj4-m2xp-c9rv", " 7QJ4 M2XP C9RV ", "7QJ4–M2XP–C9RV"])
def test_code_is_right_however_it_is_typed(typed):
    assert check_codes.is_right(typed, "7QJ4M2XPC9RV")


@pytest.mark.parametrize("typed", ["", "7QJ4M2XPC9R", "7QJ4M2XPC9RW", "7QJ4M2XPC9RVV", "ắ😀"])
def test_another_code_is_not(typed):
    assert not check_codes.is_right(typed, "7QJ4M2XPC9RV")
