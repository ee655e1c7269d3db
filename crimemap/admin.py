"""The places of the city in the admin: an agency puts in its own blocks, areas and base map."""

from __future__ import annotations

from django.contrib import admin

from crimemap.models import Area, BaseLayer, Block, Intersection


@admin.register(Area)
class AreaAdmin(admin.ModelAdmin):
    list_display = ["name", "layer", "code"]
    list_filter = ["layer"]
    search_fields = ["name", "code"]


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin):
    list_display = ["__str__", "street", "hundred"]
    search_fields = ["street"]


@admin.register(Intersection)
class IntersectionAdmin(admin.ModelAdmin):
    list_display = ["__str__", "first", "second"]
    search_fields = ["first", "second"]


@admin.register(BaseLayer)
class BaseLayerAdmin(admin.ModelAdmin):
    list_display = ["name", "order"]
