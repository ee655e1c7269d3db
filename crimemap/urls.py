from __future__ import annotations

from django.urls import path

from core.web import path_converters  # noqa: F401  (registers "code")
from crimemap.views import alerts, areas, comparison, data, downloads, incidents, pages, sharing

app_name = "crimemap"
urlpatterns = [
    path("", pages.map_page, name="map"),
    path("list/", pages.list_page, name="list"),
    path("charts/", pages.charts_page, name="charts"),
    path("about/", pages.about_page, name="about"),
    path("not-shown/", pages.not_shown_page, name="not_shown"),
    path("areas/", areas.index_page, name="areas"),
    path("area/<slug:layer>/<code:code>/", areas.area_page, name="area"),
    path("compare/", comparison.compare_areas_page, name="compare"),
    path("compare.csv", comparison.compare_areas_csv, name="compare_csv"),
    path("compare/periods/", comparison.compare_periods_page, name="compare_periods"),
    path("compare/periods.csv", comparison.compare_periods_csv, name="compare_periods_csv"),
    path("incident/<str:public_id>/", incidents.incident_page, name="incident"),
    path("data/bubbles.json", data.bubbles_in_view, name="bubbles"),
    path("data/list.html", data.list_in_view, name="list_part"),
    path("data/points.json", data.points_in_view, name="points"),
    path("data/areas.json", data.shaded_areas, name="shaded_areas"),
    path("base/areas-<slug:digest>.json", data.area_outlines, name="area_outlines"),
    path("base/<slug:digest>.pmtiles", data.base_map_tiles, name="base_map_tiles"),
    path("base/<slug:version>.json", data.base_map, name="base_map"),
    path("base/streets-<slug:version>.svg", data.streets, name="street_plan"),
    path("downloads/", downloads.downloads_page, name="downloads"),
    path("downloads/<str:name>", downloads.data_file, name="data_file"),
    path("download.csv", sharing.download_csv, name="csv"),
    path("download.geojson", sharing.download_geojson, name="geojson"),
    path("columns.txt", sharing.describe_columns, name="columns"),
    path("embed/", sharing.embedded_map, name="embed"),
    path("feed/all.atom", sharing.atom_feed, name="feed"),
    path("feed/category/<slug:category>.atom", sharing.atom_feed, name="feed_category"),
    path("feed/<slug:layer>/<code:code>.atom", sharing.atom_feed, name="feed_area"),
    path("alerts/", alerts.subscribe, name="alerts"),
    path("alerts/asked/", alerts.link_sent_page, name="alerts_asked"),
    path("alerts/confirm/<str:link_text>/", alerts.confirm, name="alerts_confirm"),
    path("alerts/manage/<str:link_text>/", alerts.manage, name="alerts_manage"),
    path("alerts/manage/<str:link_text>/<int:number>/", alerts.change, name="alerts_change"),
    path("alerts/leave/<str:link_text>/", alerts.leave, name="alerts_leave"),
]
