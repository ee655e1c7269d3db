from __future__ import annotations

from django.urls import path

from crimemap.views import alerts, areas, data, incidents, pages, sharing

app_name = "crimemap"
urlpatterns = [
    path("", pages.map_page, name="map"),
    path("list/", pages.listing_page, name="list"),
    path("charts/", pages.charts_page, name="charts"),
    path("about/", pages.about, name="about"),
    path("areas/", areas.index, name="areas"),
    path("area/<slug:layer>/<str:code>/", areas.area, name="area"),
    path("compare/", areas.compare, name="compare"),
    path("incident/<str:public_id>/", incidents.incident, name="incident"),
    path("data/bubbles.json", data.bubbles_of_view, name="bubbles"),
    path("data/rows.json", data.rows, name="rows"),
    path("data/places.json", data.place_search, name="place_search"),
    path("base/<slug:version>.json", data.base_map, name="base_map"),
    path("download.csv", sharing.csv, name="csv"),
    path("download.geojson", sharing.geojson, name="geojson"),
    path("columns.txt", sharing.columns, name="columns"),
    path("embed/", sharing.embed, name="embed"),
    path("feed/all.atom", sharing.feed, name="feed"),
    path("feed/category/<slug:category>.atom", sharing.feed, name="feed_category"),
    path("feed/<slug:layer>/<str:code>.atom", sharing.feed, name="feed_area"),
    path("alerts/", alerts.subscribe, name="alerts"),
    path("alerts/asked/", alerts.asked, name="alerts_asked"),
    path("alerts/confirm/<str:text>/", alerts.confirm, name="alerts_confirm"),
    path("alerts/manage/<str:text>/", alerts.manage, name="alerts_manage"),
    path("alerts/manage/<str:text>/<int:number>/", alerts.change, name="alerts_change"),
    path("alerts/leave/<str:text>/", alerts.leave, name="alerts_leave"),
]
