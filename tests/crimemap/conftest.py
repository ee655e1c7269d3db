from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crimemap.demo.riverton import Riverton
    from crimemap.snapshot.published_incidents import PublishedIncidents


@pytest.fixture(scope="module")
def _riverton_stands(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """Store the demo city once for a whole test module, and build it once for all: each takes half a second."""
    from crimemap.demo import load
    from crimemap.models import Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(load, "Riverton", _build_riverton)
        load.load()
    yield
    with django_db_blocker.unblock():
        for model in (Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark):
            model._default_manager.all().delete()


@cache
def _build_riverton() -> Riverton:
    from crimemap.demo.riverton import Riverton

    return Riverton()


@pytest.fixture
def riverton(_riverton_stands: None, db: None) -> None:
    """The demo city; changes by a test are rolled back."""


@pytest.fixture(scope="session")
def published_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Publish the city once, in a folder that tests only read."""
    from tests.crimemap import published_city

    folder = published_city.write(tmp_path_factory.mktemp("published"))
    written = sorted(folder.rglob("*"))
    yield folder
    assert sorted(folder.rglob("*")) == written


@pytest.fixture
def incidents(published_folder: Path, settings: Any) -> PublishedIncidents:
    """The incidents of tests/crimemap/published_city.py, published for pages to read."""
    from crimemap.snapshot import reader

    settings.INCIDENT_SNAPSHOTS = published_folder
    return reader.current()
