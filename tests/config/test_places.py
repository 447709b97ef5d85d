"""Where providers of the clouds are: options filled into addresses and paths, and regions that follow from them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.test_snapshot import Write, compiled

GOOGLE = "projects/p/locations"


def provider(write: Write, text: str) -> dict[str, Any]:
    found: dict[str, Any] = compiled(write(f'[providers.x]\napi_key = "env:A"\n{text}\n'))["providers"][0]
    return found


@pytest.mark.parametrize(
    ("location", "host", "region"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com", "eu"),
        ("europe-west2", "europe-west2-aiplatform.googleapis.com", "uk"),
        ("europe-west6", "europe-west6-aiplatform.googleapis.com", "ch"),
        ("us-central1", "us-central1-aiplatform.googleapis.com", "us"),
        ("us", "aiplatform.us.rep.googleapis.com", "us"),
        ("eu", "aiplatform.eu.rep.googleapis.com", "eu"),
        ("global", "aiplatform.googleapis.com", None),
        ("me-central1", "me-central1-aiplatform.googleapis.com", None),
    ],
)
@pytest.mark.parametrize("kind", ["vertex", "vertex-anthropic"])
def test_vertex(write: Write, kind: str, location: str, host: str, region: str | None) -> None:
    found = provider(write, f'type = "{kind}"\nproject = "p"\nlocation = "{location}"')
    assert (found["base_url"], found["region"]) == (f"https://{host}/v1/{GOOGLE}/{location}", region)


def test_vertex_without_a_location_or_a_project(write: Write) -> None:
    found = provider(write, 'type = "vertex"\nproject = "p"')
    assert found["base_url"] == f"https://aiplatform.googleapis.com/v1/{GOOGLE}/global"
    assert provider(write, 'type = "vertex"')["base_url"] == "https://aiplatform.googleapis.com/v1"


def test_a_region_that_is_given_holds(write: Write) -> None:
    found = provider(write, 'type = "vertex"\nproject = "p"\nlocation = "eu"\nregion = "home"')
    assert found["region"] == "home"


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("", "/openai/v1/chat/completions"),
        ('api_version = "preview"', "/openai/v1/chat/completions?api-version=preview"),
        ('api_version = "2024-10-21"', "/openai/deployments/{model}/chat/completions?api-version=2024-10-21"),
    ],
)
def test_azure(write: Write, version: str, path: str) -> None:
    found = provider(write, f'type = "azure"\nbase_url = "https://r.openai.azure.com"\n{version}')
    assert (found["paths"]["openai"], found["base_url"]) == (path, "https://r.openai.azure.com")


def test_watsonx(write: Write) -> None:
    found = provider(write, 'type = "watsonx"\nlocation = "eu-de"\nspace = "s"')
    assert (found["base_url"], found["region"]) == ("https://eu-de.ml.cloud.ibm.com", "eu")
    assert found["paths"]["openai:stream"] == "/ml/v1/text/chat_stream?version=2025-02-06"
    assert found["quirks"]["chat"]["set"] == {"space_id": "s"}
    assert provider(write, 'type = "watsonx"\nproject = "p"')["region"] == "us"


def test_databricks(write: Write) -> None:
    place = 'type = "databricks"\nbase_url = "https://w.cloud.databricks.com"\n'
    assert provider(write, place)["paths"]["openai"] == "/serving-endpoints/chat/completions"
    own = provider(write, place + 'endpoint = "mine"')["paths"]
    assert (own["openai"], own["embeddings"]) == ("/serving-endpoints/mine/invocations",) * 2
