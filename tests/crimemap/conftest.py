from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def _riverton_stands(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """Growing the city takes a second, so it stands for a whole module and is gone afterwards."""
    from crimemap.demo.load import load
    from crimemap.models import Area, BaseLayer, Block, Intersection

    with django_db_blocker.unblock():
        load()
    yield
    with django_db_blocker.unblock():
        for model in (Area, BaseLayer, Block, Intersection):
            model._default_manager.all().delete()


@pytest.fixture
def riverton(_riverton_stands: None, db: None) -> None:
    """The demo city; what a test changes of it is undone."""
