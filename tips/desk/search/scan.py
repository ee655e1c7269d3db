"""The engine that keeps nothing: opens the tips of each search in helper processes, batch by batch.

The helpers load no database and no Django. They are forked from a small server process (multiprocessing's "forkserver"), end with
the slice of a search that they worked for (slices.py), and so hold neither texts nor keys in between. This process opens the first batch itself, so
that the first hits don't wait for them.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from django.conf import settings

from tips.desk.search import sealed_tips, tip_batches
from tips.desk.search.matching import Term
from tips.desk.search.sealed_tips import BatchResult, SealedTip

HELPERS = min(2, os.cpu_count() or 1)
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tips.desk.search.sealed_tips"])


def match_batches(terms: Sequence[Term], batches: Iterable[Sequence[bytes]]) -> Iterator[BatchResult]:
    """Yield the result of each batch, in their order. Close the iterator to stop the work."""
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    yield _match_here(tip_batches.fetch_batch(first), terms)
    second = next(batches, None)
    if second is None:
        return
    helpers = ProcessPoolExecutor(HELPERS, mp_context=_context)
    waiting: deque[tuple[list[SealedTip], Future[BatchResult]]] = deque()
    try:
        for ids in itertools.chain([second], batches):
            _submit(helpers, tip_batches.fetch_batch(ids), terms, waiting)
            if len(waiting) > HELPERS:
                yield _result_of(*waiting.popleft(), terms)
        while waiting:
            yield _result_of(*waiting.popleft(), terms)
    finally:
        helpers.shutdown(wait=False, cancel_futures=True)


def _submit(
    helpers: ProcessPoolExecutor,
    tips: list[SealedTip],
    terms: Sequence[Term],
    waiting: deque[tuple[list[SealedTip], Future[BatchResult]]],
) -> None:
    try:
        future = helpers.submit(sealed_tips.match_batch, tips, terms, settings.AGENCY_PRIVATE_KEYS)
    except BrokenProcessPool as error:
        future = Future()
        future.set_exception(error)
    waiting.append((tips, future))


def _result_of(tips: list[SealedTip], future: Future[BatchResult], terms: Sequence[Term]) -> BatchResult:
    """Return what a helper found. If the helpers were killed, the batch is opened here."""
    try:
        return future.result()
    except BrokenProcessPool:
        return _match_here(tips, terms)


def _match_here(tips: list[SealedTip], terms: Sequence[Term]) -> BatchResult:
    return sealed_tips.match_batch(tips, terms, settings.AGENCY_PRIVATE_KEYS)
