"""Requests made up from the specification, by schemathesis, against the real server: no 5xx, answers as specified."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from core.services import keys
from tests.integration.api.conftest import ALL, Service, open_catalogue
from tests.integration.api.test_keys_at_every_route import SPECIFICATION
from tests.integration.services.conftest import open_shop

# Left out: checks that every request which the schema allows is accepted, and every other refused. A name that is taken
# or a text of blanks fits the schema and is refused in words; "1" for 1 does not fit and is understood.
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip
schema = schemathesis.openapi.from_dict(SPECIFICATION)


@pytest.fixture(scope="module")
def playground(service: Service) -> str:
    """A key of a workspace of its own: what is made up also deletes what the other tests ask for."""
    shop = open_shop(service.app, "playground")
    open_catalogue(service.app, shop)
    return keys.make_key(service.app, shop.owner(), "everything", ALL).secret


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for path, methods in SPECIFICATION["paths"].items() for method in methods]
)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_sent_is_answered_as_specified(
    service: Service, playground: str, method: str, path: str, data: st.DataObject
) -> None:
    # Not by schema.parametrize: its tests all have the same name, and processes that share tests take one for all.
    case = data.draw(schema[path][method].as_strategy())
    headers = {"Authorization": f"Bearer {playground}"}
    case.call_and_validate(base_url=f"{service.url}/v1", headers=headers, checks=CHECKS)


@pytest.mark.parametrize("path", [*SPECIFICATION["paths"]])
def test_every_route_says_what_it_is_and_how_it_fails(path: str) -> None:
    for operation in SPECIFICATION["paths"][path].values():
        assert operation["description"]
        assert {"401", "403", "422", "429"} <= operation["responses"].keys()
        assert operation["security"] == [{"key": []}]
