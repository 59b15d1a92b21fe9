"""Requests that are made from the OpenAPI document, right and wrong ones (schemathesis): no server
error, no status, content type or form of an answer that the document does not name, and nothing for
whoever sends no key or a wrong one where it asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.failed_keys import FailedKeys
from tests.rigs.fakes.api import World, a_world, live_in
from tests.rigs.web.routes import ENDLESS

EXAMPLES = int(os.environ.get("BMS_REQUESTS", "4"))
"""Requests of each operation, kind and key [1]; ``make api-long`` sends many."""

NOT_ASKED = [positive_data_acceptance]
"""What a document cannot say: rules between fields."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = a_world(tmp_path_factory.mktemp("home"))
    live_in(made)
    return made


def operations(world: World) -> Iterator[Any]:
    """Each operation that has an end."""
    headers = {"host": "localhost"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app, headers=headers)
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in ENDLESS:
            yield operation


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_document_names(world: World, mode: GenerationMode) -> None:
    keys = [
        {"host": "localhost", "Authorization": world.key(scope)["authorization"]}
        for scope in ("operate", "read")
    ]
    wrong: list[str] = []

    def tried(operation: Any) -> None:
        @seed(7)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Any) -> None:
            for headers in keys:
                world.app.state.failed_keys = FailedKeys()  # else 429 for the many wrong ones
                case.call_and_validate(headers=headers, excluded_checks=NOT_ASKED)

        each()

    for operation in operations(world):
        try:
            tried(operation)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong in it
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {each}" for each in failures.exceptions]
    assert not wrong, "\n\n".join(wrong)
