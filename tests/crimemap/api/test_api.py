"""The JSON API: what every address really answers is what its description promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from crimemap.api import openapi, urls
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

V1 = "/api/v1"
pytestmark = pytest.mark.django_db

VALID_URLS = [
    "/incidents",
    "/incidents?limit=1000&days=365",
    "/incidents?from=1990-01-01&to=1990-01-02",
    "/incidents/{id}",
    "/bubbles",
    "/bubbles?zoom=18&view=41.48,-38.53,41.50,-38.48",
    "/bubbles?zoom=4&category=burglary",
    "/counts/months?days=90",
    "/counts/categories",
    "/counts/categories?near=41.49,-38.50&radius=500",
    "/counts/areas",
    "/counts/areas?layer=neighbourhood&hour=22-4",
    "/counts/hours?weekday=sat",
    "/compare?days=30",
    "/compare?from=2000-01-01&to=2024-01-01",
    "/categories",
    "/areas",
    "/about",
]


class Schemas:
    """The part of JSON Schema that the description uses; an unknown keyword fails."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = self.document
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        return schema

    def problems(self, value: Any, schema: dict[str, Any], where: str = "$") -> Iterator[str]:
        schema = self.resolved(schema)
        kinds = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
        if kinds != [None] and not any(is_a(value, kind) for kind in kinds):
            yield f"{where}: {value!r} is no {kinds}"
            return
        if value is None:
            return
        for word, rule in schema.items():
            match word:
                case "type" | "description" | "format" | "example" | "default":
                    continue
                case "enum":
                    right = value in rule
                case "pattern":
                    right = re.search(rule, value) is not None
                case "minimum":
                    right = value >= rule
                case "maximum":
                    right = value <= rule
                case "minItems":
                    right = len(value) >= rule
                case "maxItems":
                    right = len(value) <= rule
                case "required":
                    right = set(rule) <= set(value)
                case "items":
                    for number, item in enumerate(value):
                        yield from self.problems(item, rule, f"{where}[{number}]")
                    continue
                case "properties":
                    for name, inner in rule.items():
                        if name in value:
                            yield from self.problems(value[name], inner, f"{where}.{name}")
                    continue
                case "additionalProperties":
                    rest = {name: value[name] for name in set(value) - set(schema.get("properties", {}))}
                    right = not rest or rule is not False
                    for name, each in rest.items() if rule is not False else ():
                        yield from self.problems(each, rule, f"{where}.{name}")
                case "propertyNames":
                    right = set(value) <= set(rule["enum"])
                case _:
                    raise AssertionError(f"unknown word {word}")
            if not right:
                yield f"{where}: {word} {rule!r} is broken by {value!r}"


def is_a(value: Any, kind: str) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "array": list, "object": dict}[kind])


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{V1}/openapi.json").json()
    return found


def check(document: dict[str, Any], path: str, answer: Any) -> None:
    operation = document["paths"][path]["get"]
    schemas = Schemas(document)
    response = schemas.resolved(operation["responses"][str(answer.status_code)])
    (media_type,) = response["content"]
    assert answer["Content-Type"] == media_type
    assert list(schemas.problems(answer.json(), response["content"][media_type]["schema"])) == []


def path_of(url: str) -> str:
    return url.partition("?")[0]


@pytest.mark.parametrize("url", VALID_URLS)
def test_every_path_responds_as_described(
    client: Client, incidents: PublishedIncidents, riverton: None, document: dict[str, Any], url: str
) -> None:
    row = incidents.read_page(Filter(incidents.since, incidents.until), limit=1).rows[0]
    answer = client.get(V1 + url.replace("{id}", row.public_id))
    assert answer.status_code == 200
    check(document, path_of(url), answer)
    assert answer.json()["version"] == incidents.version


@pytest.mark.parametrize(
    ("url", "status", "part"),
    [
        *((f"{path}?catgory=burglary", 400, "catgory") for path in openapi.PATHS if "{" not in path),
        ("/incidents?category=burglry", 400, "category"),
        ("/incidents?from=2024-05-05&to=2024-01-01", 400, "from"),
        ("/incidents?limit=1001", 400, "limit"),
        ("/incidents?limit=0", 400, "limit"),
        ("/incidents?limit=-1", 400, "limit"),
        ("/incidents?after=480000-short", 400, "after"),
        ("/incidents?after=99999999999-00012abcdefg", 400, "after"),
        ("/bubbles?zoom=99", 400, "zoom"),
        ("/bubbles?view=1,2,3", 400, "view"),
        ("/counts/areas?layer=planet", 400, "layer"),
        ("/incidents/000000000000", 404, "id"),
        ("/incidents/%00%ff", 404, "id"),
    ],
)
def test_errors_name_the_parameter_and_offer_a_valid_url(
    client: Client, incidents: PublishedIncidents, document: dict[str, Any], url: str, status: int, part: str
) -> None:
    answer = client.get(V1 + url)
    assert answer.status_code == status
    path = path_of(url)
    check(document, path if path in document["paths"] else "/incidents/{id}", answer)
    problems = answer.json()["problems"]
    assert [problem["part"] for problem in problems] == [part]
    assert problems[0]["message"]
    assert client.get(answer.json()["nearest"]).status_code in ({200, 400} if part == "view" else {200})
    assert answer["Cache-Control"] == "no-store"


def test_a_withdrawn_incident_responds_with_410(
    client: Client, tmp_path: Path, settings: Any, document: dict[str, Any]
) -> None:
    rows = [{"public_id": "aaaaaaaaaaaa", "removed": True}, {"public_id": "bbbbbbbbbbbb"}]
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    assert client.get(f"{V1}/incidents/bbbbbbbbbbbb").json()["incident"]["id"] == "bbbbbbbbbbbb"
    answer = client.get(f"{V1}/incidents/aaaaaaaaaaaa")
    assert answer.status_code == 410
    check(document, "/incidents/{id}", answer)


def test_without_published_incidents_the_api_says_so(
    client: Client, tmp_path: Path, settings: Any, document: dict[str, Any]
) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    answer = client.get(f"{V1}/incidents")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "3600"
    assert answer["Access-Control-Allow-Origin"] == "*"
    check(document, "/incidents", answer)


def pages(client: Client, address: str) -> Iterator[list[dict[str, Any]]]:
    while address:
        content = client.get(address).json()
        yield content["incidents"]
        assert content["next"] is None or content["next"].startswith("http://127.0.0.1:8000/api/v1/incidents?")
        address = (content["next"] or "").removeprefix("http://127.0.0.1:8000")


@pytest.mark.parametrize("query", ["limit=97", "limit=97&area=district:1&days=90", "limit=1000&category=burglary"])
def test_pages_list_every_incident_once_newest_first(client: Client, incidents: PublishedIncidents, query: str) -> None:
    given = dict(part.split("=") for part in query.split("&"))
    expected = [row.public_id for rows in incidents.iterate_newest(Filter.parse(given, incidents)) for row in rows]
    read = list(pages(client, f"{V1}/incidents?{query}"))
    assert [each["id"] for page in read for each in page] == expected
    assert {len(page) for page in read[:-1]} <= {int(given["limit"])}
    assert read[-1]


def test_a_publication_between_two_pages_repeats_and_skips_nothing(
    client: Client, incidents: PublishedIncidents, tmp_path: Path, settings: Any
) -> None:
    first_url = f"{V1}/incidents?days=30&limit=50"
    walk = pages(client, first_url)
    read = [*next(walk), *next(walk)]
    last = read[-1]["id"]
    newer = [{"day": TODAY - 8, "hour": 23, "public_id": f"{number:05}newest0"[:12]} for number in range(30)]
    older = [
        row for row in published_city.rows() if row["public_id"] != last
    ]  # the row that the next page begins after is gone
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [*older, *newer])
    assert reader.current().version != incidents.version
    read += [each for page in walk for each in page]
    chosen = replace(Filter.parse({"days": "30"}, incidents), days=0)
    expected = [row.public_id for rows in incidents.iterate_newest(chosen) for row in rows]
    assert [each["id"] for each in read] == expected


def test_counts_equal_those_of_the_map(client: Client, incidents: PublishedIncidents) -> None:
    chosen = Filter.parse({"days": "90"}, incidents)
    total = incidents.count(chosen)
    counts = {path: client.get(f"{V1}{path}?days=90").json() for path in openapi.PATHS if "{" not in path}
    assert counts["/incidents"]["total"] == counts["/compare"]["count"] == total
    for path in ("/counts/months", "/counts/categories"):
        assert sum(each["count"] for each in counts[path]["counts"]) == total
    days = [chosen.since.isoformat(), chosen.until.isoformat()]
    for path in ("/incidents", "/bubbles", "/compare", "/counts/months", "/counts/hours"):
        assert [counts[path][end] for end in ("since", "until")] == days, "a count says of which days it is"
    beyond = client.get(f"{V1}/counts/hours?from=1990-01-01&to=1990-01-02").json()
    assert beyond["since"] is beyond["until"] is None
    areas = counts["/counts/areas"]
    assert sum(each["count"] for each in areas["counts"]) + areas["unknown"] == total
    hours = counts["/counts/hours"]
    assert sum(sum(each["hours"]) + each["no_hour"] for each in hours["counts"]) + hours["no_day"] == total
    assert sum(each["count"] for each in counts["/bubbles"]["bubbles"]) == total - incidents.count_unmapped(chosen)


def test_listed_areas_and_categories_are_valid_filters(
    client: Client, incidents: PublishedIncidents, riverton: None
) -> None:
    for each in client.get(f"{V1}/areas").json()["areas"]:
        assert client.get(f"{V1}/compare?area={each['area']}").status_code == 200
    for each in client.get(f"{V1}/categories").json()["categories"]:
        assert client.get(f"{V1}/compare?category={each['category']}").status_code == 200
    names = {each["area"]: each["name"] for each in client.get(f"{V1}/areas").json()["areas"]}
    assert names["beat:12"] == "Beat 12"


@pytest.mark.parametrize("path", [*openapi.PATHS, "/openapi.json", "/nothing/here"])
def test_scripts_of_any_site_may_read_the_api(client: Client, incidents: PublishedIncidents, path: str) -> None:
    address = V1 + path.replace("{id}", "000000000000")
    answer = client.get(address, headers={"origin": "https://elsewhere.example"})
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Access-Control-Allow-Credentials" not in answer
    assert not answer.cookies
    if path == "/nothing/here":
        assert answer.status_code == 404
        assert client.get(answer.json()["nearest"]).status_code == 200
        return
    headers = {
        "origin": "https://elsewhere.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "if-none-match",
    }
    preflight = client.options(address, headers=headers)
    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Origin"] == "*"
    assert preflight["Access-Control-Allow-Headers"] == "If-None-Match"
    assert "GET" in preflight["Access-Control-Allow-Methods"]
    refused = client.post(address)
    assert refused.status_code == 405
    assert refused["Allow"] == "GET, HEAD, OPTIONS"
    assert client.post(address, headers={"origin": "https://elsewhere.example"}).status_code == 403


@pytest.mark.parametrize("page", ["/", "/map/", "/api/", "/map/columns.txt", "/map/feed/all.atom", "/map/download.csv"])
def test_scripts_of_other_sites_may_not_read_other_pages(
    client: Client, incidents: PublishedIncidents, page: str
) -> None:
    answer = client.head(page, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", list(openapi.PATHS))
def test_a_matching_etag_is_answered_without_computation(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    row = incidents.read_page(Filter(incidents.since, incidents.until), limit=1).rows[0]
    address = V1 + path.replace("{id}", row.public_id) + "?category=burglary&days=30"
    first = client.get(address)
    assert first["Cache-Control"] == "public, max-age=60"
    for name in (
        "iterate_newest",
        "find_incident",
        "count_by_month",
        "count_by_category",
        "count_by_area",
        "count_by_hour",
        "compare_periods",
        "count",
        "yearly_totals",
    ):
        monkeypatch.setattr(PublishedIncidents, name, lambda *given, **more: 1 / 0)
    monkeypatch.setattr("crimemap.snapshot.bubbles.bubbles", lambda *given: 1 / 0)
    again = client.get(
        address.replace("days=30", "days=0030").replace("0030", "30"), headers={"if-none-match": first["ETag"]}
    )
    assert again.status_code == 304
    assert again["Access-Control-Allow-Origin"] == "*"
    assert not again.content


def test_different_queries_have_different_etags(client: Client, incidents: PublishedIncidents) -> None:
    queries = ["", "?limit=5", "?limit=6", "?days=7", "?limit=5&after=480000-00012abcdefg"]
    tags = {client.get(f"{V1}/incidents{each}")["ETag"] for each in queries}
    assert len(tags) == len(queries)


def test_the_description_lists_every_path_and_no_other(document: dict[str, Any]) -> None:
    served = {
        re.sub("<str:public_id>", "{id}", str(each.pattern)).removeprefix("v1")
        for each in urls.urlpatterns
        if each.name and str(each.pattern).startswith("v1/")
    }
    assert served - {"/openapi.json"} == set(document["paths"])
    assert document["openapi"].startswith("3.1")
    assert urlsplit(document["servers"][0]["url"]).path == V1
    schemas = Schemas(document)
    for path, item in document["paths"].items():
        names = {schemas.resolved(each)["name"] for each in item["get"]["parameters"]}
        assert ("id" in names) == ("{id}" in path)
        assert item["get"]["operationId"]


def test_every_described_parameter_is_accepted(
    client: Client, incidents: PublishedIncidents, document: dict[str, Any]
) -> None:
    schemas = Schemas(document)
    example = {"days": "30", "from": "2024-01-01", "to": "2024-03-01", "limit": "10", "zoom": "14", "layer": "beat",
               "after": "480000-00012abcdefg", "view": "41.4,-38.6,41.6,-38.4", "area": "district:1",
               "category": "burglary,family:people"}  # fmt: skip
    for path, item in document["paths"].items():
        for reference in item["get"]["parameters"]:
            parameter = schemas.resolved(reference)
            if parameter["in"] == "path":
                continue
            name = parameter["name"]
            more = "&near=41.49,-38.5" if name == "radius" else ""
            answer = client.get(f"{V1}{path}?{name}={example.get(name, parameter.get('example'))}{more}")
            assert answer.status_code == 200, (path, name, answer.content)


def test_the_page_explains_the_api(client: Client, incidents: PublishedIncidents) -> None:
    page = client.get("/api/").content.decode()
    for path in openapi.PATHS:
        assert f"/api/v1{path}</code>" in page
    for address in set(re.findall(r'href="(/(?:api|map)/[^"#?]*)"', page)):
        assert client.head(address).status_code == 200


def test_a_name_with_odd_characters_is_still_json(client: Client, tmp_path: Path, settings: Any) -> None:
    odd = '\u2028</script>"\x01'
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [{"district": odd}, {"district": "Łódź:1"}])
    rows = json.loads(client.get(f"{V1}/incidents").content)["incidents"]
    assert {row["district"] for row in rows} == {odd, "Łódź:1"}
    assert client.get(f"{V1}/incidents?area=district:Łódź:1").json()["total"] == 1
