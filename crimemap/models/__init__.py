"""The places of a city, and the incidents an agency reports. Neither knows anything about people."""

from crimemap.models.incidents import (
    Category,
    ImportProblem,
    ImportRun,
    Incident,
    IncidentRevision,
    OffenceCode,
    Source,
    Visibility,
)
from crimemap.models.places import Area, BaseLayer, Block, Intersection, Located, digest_of

__all__ = [
    "Area",
    "BaseLayer",
    "Block",
    "Category",
    "ImportProblem",
    "ImportRun",
    "Incident",
    "IncidentRevision",
    "Intersection",
    "Located",
    "OffenceCode",
    "Source",
    "Visibility",
    "digest_of",
]
