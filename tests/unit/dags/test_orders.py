"""A file of orders is read whole or not at all."""

import pytest

from jobs.orders import read_orders

HEADER = "order_id,customer,amount\n"


def read(text: str) -> list[dict[str, str]]:
    return read_orders(text.splitlines(keepends=True))


def test_rows_are_read_as_they_stand() -> None:
    assert read(f'{HEADER}o-1,"Meyer, Söhne",12.50\no-2,O\'Neil; DROP TABLE orders,-3\n') == [
        {"order_id": "o-1", "customer": "Meyer, Söhne", "amount": "12.50"},
        {"order_id": "o-2", "customer": "O'Neil; DROP TABLE orders", "amount": "-3"},
    ]


def test_a_day_without_orders_is_a_day() -> None:
    assert read(HEADER) == []


@pytest.mark.parametrize("text", ["", "order_id,amount,customer\n", "order_id,customer,amount,note\n"])
def test_other_columns_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1: the columns are"):
        read(text)


@pytest.mark.parametrize("row", ["o-2,Ada", "o-2,Ada,1,2", "o-2,,1", ",Ada,1"])
def test_a_row_with_too_few_or_too_many_values_is_named(row: str) -> None:
    with pytest.raises(ValueError, match="line 3: not exactly 3 values"):
        read(f"{HEADER}o-1,Ada,1\n{row}\n")


@pytest.mark.parametrize("amount", ["much", "NaN", "Infinity", "1,5"])
def test_an_amount_that_is_none_is_named(amount: str) -> None:
    with pytest.raises(ValueError, match=f"line 2: '{amount}' is no amount"):
        read(f'{HEADER}o-1,Ada,"{amount}"\n')
