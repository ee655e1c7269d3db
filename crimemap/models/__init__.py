"""A city's places, an agency's incidents (both without data about people), and sealed subscriptions to alerts."""

from crimemap.models.incidents import (
    Category,
    DeletedSource,
    ImportProblem,
    ImportRun,
    Incident,
    IncidentRevision,
    OffenceCode,
    ReplacedIncident,
    ReportedValue,
    Source,
    Visibility,
)
from crimemap.models.onboarding import CodeChangeSet, SourceDraft
from crimemap.models.places import (
    Area,
    BaseLayer,
    BaseMapBuild,
    Block,
    FormerAreaCode,
    Intersection,
    Landmark,
    Located,
    digest_of,
)
from crimemap.models.subscriptions import AlertLink, Delivery, Edition, Subscription

__all__ = [
    "AlertLink",
    "Area",
    "BaseLayer",
    "BaseMapBuild",
    "Block",
    "Category",
    "CodeChangeSet",
    "DeletedSource",
    "Delivery",
    "Edition",
    "FormerAreaCode",
    "ImportProblem",
    "ImportRun",
    "Incident",
    "IncidentRevision",
    "Intersection",
    "Landmark",
    "Located",
    "OffenceCode",
    "ReplacedIncident",
    "ReportedValue",
    "Source",
    "SourceDraft",
    "Subscription",
    "Visibility",
    "digest_of",
]
