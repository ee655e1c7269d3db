"""URLs of this process, by its role: the public role has no /admin/, the staff role nothing else."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from core.agency import style_sheet
from outreach.views import media
from tipportal import public_urls

# The agency's colors, crest and picture.
both_sides: list[URLPattern | URLResolver] = [
    path("brand/<str:digest>.css", style_sheet.style_sheet_view),
    re_path(r"^brand/(?P<digest>[0-9a-f]{64})\.(?P<extension>png|webp)$", media.agency_picture),
]
urlpatterns = [*both_sides]

if settings.ROLE.serves_public:
    urlpatterns += public_urls.urlpatterns

if settings.ROLE.serves_staff:
    # SimpleAdminConfig does not discover admin modules: django-leaflet's would require GeoDjango.
    import core.admin  # noqa: F401
    import crimemap.admin  # noqa: F401
    import outreach.admin  # noqa: F401
    import tips.admin  # noqa: F401
    from core.accounts import link_secrets, set_up_page
    from tipportal.audit_trail import page  # noqa: F401
    from tipportal.first_run.page import checklist_view

    if settings.OIDC_PROVIDER:
        from core.single_sign_on import urls as single_sign_on_urls

        urlpatterns += [path("admin/", include(single_sign_on_urls))]

    urlpatterns += [
        path(f"{link_secrets.PATH[1:]}<str:secret>/", set_up_page.set_up_view, name="set-up"),
        path("admin/setup/", admin.site.admin_view(checklist_view), name="first_run"),
        path("admin/", admin.site.urls),
        path("api/incidents/", include("crimemap.importing.arrival.push_urls")),
    ]
    if not settings.ROLE.serves_public:
        urlpatterns += [path("", RedirectView.as_view(pattern_name="admin:index"))]

handler400 = "tipportal.views.bad_request"
handler403 = "tipportal.views.forbidden"
handler404 = "tipportal.views.not_found"
handler500 = "tipportal.views.server_error"
