"""Orders: from the day's CSV file into the table `orders`."""

import csv
import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

COLUMNS = ["order_id", "customer", "amount"]
TABLE = """
CREATE TABLE IF NOT EXISTS orders (
    day date NOT NULL,
    order_id text NOT NULL,
    customer text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    PRIMARY KEY (day, order_id)
)
"""
# One statement for all rows, whichever PostgreSQL driver Airflow's hook has chosen.
INSERT = """
INSERT INTO orders (day, order_id, customer, amount)
SELECT %s, order_id, customer, amount
FROM jsonb_to_recordset(%s::jsonb) AS given (order_id text, customer text, amount numeric)
"""


def read_orders(lines: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV file with the columns `order_id`, `customer` and `amount`.

    Raises ValueError that names the line when there is anything else in it: a file is loaded whole or not at all.
    """
    reader = csv.DictReader(lines, strict=True)
    if reader.fieldnames != COLUMNS:
        raise ValueError(f"line 1: the columns are {reader.fieldnames}, not {COLUMNS}")
    orders = []
    for row in reader:
        if None in row or not all(row.values()):
            raise ValueError(f"line {reader.line_num}: not exactly {len(COLUMNS)} values: {list(row.values())}")
        try:
            is_amount = Decimal(row["amount"]).is_finite()
        except InvalidOperation:
            is_amount = False
        if not is_amount:
            raise ValueError(f"line {reader.line_num}: {row['amount']!r} is no amount")
        orders.append(row)
    return orders


def replace_day(connection: Any, day: date, orders: list[dict[str, str]]) -> int:
    """Make `orders` all that the table holds of `day`, in one transaction, and return how many rows that are.

    `connection` is a PostgreSQL connection of the DB-API, not in autocommit. Whatever is raised, nothing has changed
    once the connection is closed.
    """
    with connection.cursor() as cursor:
        # One load at a time: a try that Airflow has given up may still be at work.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('orders'))")
        cursor.execute(TABLE)
        cursor.execute("DELETE FROM orders WHERE day = %s", (day,))
        cursor.execute(INSERT, (day, json.dumps(orders)))
        inserted: int = cursor.rowcount
    connection.commit()
    return inserted
