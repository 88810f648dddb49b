"""What an account does to the names of its jobs, plans and tables."""

from __future__ import annotations

import pytest

from headwater.graphmodel import accounts

OWN, OTHER = "123456789012", "210987654321"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (OWN, True),
        ("team-checkout", True),
        ("a", True),
        ("a.b_c-d", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("Team", False),
        ("a/b", False),
        ("a@b", False),
        ("a b", False),
        ("-a", False),
        ("a;", False),
        ("a\n", False),
    ],
)
def test_what_names_an_account(text: str, is_one: bool) -> None:
    assert accounts.is_account(text) is is_one


@pytest.mark.parametrize(
    ("namespace", "account", "named"),
    [
        ("glue", OWN, f"{OWN}/glue"),
        ("glue", "team-checkout", "team-checkout/glue"),
        (f"{OWN}/glue", OWN, f"{OWN}/glue"),
        (OWN, OWN, OWN),
        (f"{OWN}7", OWN, f"{OWN}/{OWN}7"),
        (f"{OTHER}/glue", "team-checkout", f"team-checkout/{OTHER}/glue"),
        (f"arn:aws:glue:eu-west-1:{OWN}", OWN, f"arn:aws:glue:eu-west-1:{OWN}"),
        (f"sagemaker://{OWN}.eu-west-1", OWN, f"sagemaker://{OWN}.eu-west-1"),
        ("team-checkout-2/glue", "team-checkout", "team-checkout/team-checkout-2/glue"),
    ],
)
def test_the_namespace_of_a_job_has_its_account_once(namespace: str, account: str, named: str) -> None:
    assert accounts.namespace_of(namespace, account) == named
    assert accounts.namespace_of(named, account) == named


@pytest.mark.parametrize(
    ("name", "account", "named"),
    [
        ("Sales.Orders", OWN, f"glue://{OWN}/sales.orders"),
        ("sales.orders", "team-checkout", "sales.orders"),
        ("glue_catalog.sales.orders", OWN, "glue_catalog.sales.orders"),
        ("s3://lake/orders", OWN, "s3://lake/orders"),
        ("hive://h:9083/sales.orders", OWN, "hive://h:9083/sales.orders"),
        (
            "unresolved:0197f3b0-0000-7000-8000-000000000001/jdbc:x",
            OWN,
            f"unresolved:0197f3b0-0000-7000-8000-000000000001@{OWN}/jdbc:x",
        ),
    ],
)
def test_a_dataset_that_says_nothing_without_an_account_gets_one(name: str, account: str, named: str) -> None:
    assert accounts.dataset_of(name, account) == named


def test_a_team_contradicts_no_aws_account() -> None:
    assert accounts.contradicted(OWN, OTHER)
    assert not accounts.contradicted(OWN, OWN)
    assert not accounts.contradicted("team-checkout", OTHER)
    assert not accounts.contradicted(OWN, "production")
