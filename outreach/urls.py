"""Addresses of residents' pages: stories, events, guides, the impact page. Patterns with a slug come last in each group."""

from __future__ import annotations

from django.urls import path, re_path

from core.web import path_converters  # noqa: F401  (registers "code")
from outreach.views import events, lists, media, pages, preview, reminders, story

app_name = "outreach"
urlpatterns = [
    path("stories/", lists.stories, name="stories"),
    path("stories/search/", lists.search_stories, name="search"),
    path("stories/archive/", lists.archive, name="archive"),
    path("stories/archive/<int:year>/", lists.year, name="year"),
    path("stories/tag/<slug:slug>/", lists.tag, name="tag"),
    path("stories/area/<slug:layer>/<code:code>/", lists.area, name="area"),
    path("stories/feed.atom", pages.feed, name="feed"),
    path("stories/card/<slug:slug>.png", story.card, name="card"),
    re_path(r"^stories/media/(?P<digest>[0-9a-f]{64})\.(?P<extension>webp|jpg)$", media.picture, name="picture"),
    path("stories/preview/<slug:token>/", preview.preview, name="preview"),
    re_path(
        r"^stories/preview/(?P<token>[\w-]+)/media/(?P<digest>[0-9a-f]{64})\.(?P<extension>webp|jpg)$",
        preview.picture,
        name="preview_picture",
    ),
    path("stories/<slug:slug>/", story.story, name="story"),
    path("stories/<slug:slug>/share/", story.share, name="share"),
    path("events/", events.event_list, name="events"),
    path("events/past/", events.past, name="past_events"),
    path("events/calendar.ics", events.calendar, name="calendar"),
    path("events/reminders/<str:link>/", reminders.confirm, name="reminder"),
    path("events/reminders/<str:link>/leave/", reminders.leave, name="reminder_leave"),
    path("events/<slug:slug>/", events.event, name="event"),
    path("events/<slug:slug>/event.ics", events.event_file, name="event_file"),
    path("events/<slug:slug>/remind/", reminders.remind, name="remind"),
    path("guides/", pages.guide_list, name="guides"),
    path("guides/<slug:slug>/", pages.guide, name="guide"),
    path("impact/", pages.impact_page, name="impact"),
    path("poster.pdf", pages.poster_file, name="poster"),
    path("sitemap.xml", pages.sitemap_file, name="sitemap"),
]
