"""Addresses of what residents read: stories, guides, the impact page. Names of one's own story come last."""

from __future__ import annotations

from django.urls import path, re_path

from outreach.views import lists, media, pages, story

app_name = "outreach"
urlpatterns = [
    path("stories/", lists.stories, name="stories"),
    path("stories/search/", lists.search, name="search"),
    path("stories/archive/", lists.archive, name="archive"),
    path("stories/archive/<int:year>/", lists.year, name="year"),
    path("stories/tag/<slug:slug>/", lists.tag, name="tag"),
    path("stories/area/<slug:layer>/<str:code>/", lists.area, name="area"),
    path("stories/feed.atom", pages.feed, name="feed"),
    path("stories/card/<slug:slug>.png", story.card, name="card"),
    re_path(r"^stories/media/(?P<digest>[0-9a-f]{64})\.(?P<extension>webp|jpg)$", media.picture, name="picture"),
    path("stories/<slug:slug>/", story.story, name="story"),
    path("stories/<slug:slug>/share/", story.share, name="share"),
    path("guides/", pages.guide_list, name="guides"),
    path("guides/<slug:slug>/", pages.guide, name="guide"),
    path("impact/", pages.impact_page, name="impact"),
    path("poster.pdf", pages.poster_file, name="poster"),
    path("sitemap.xml", pages.sitemap, name="sitemap"),
]
