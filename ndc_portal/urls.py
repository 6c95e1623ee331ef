"""Every address of the portal begins here."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.sitemaps import views as sitemaps
from django.urls import include, path

from ndc_portal import views
from registry.sitemaps import SITEMAPS, robots

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/language/", include("django.conf.urls.i18n")),
    path("robots.txt", robots),
    path("sitemap.xml", sitemaps.index, {"sitemaps": SITEMAPS, "sitemap_url_name": "sitemap-part"}, name="sitemap"),
    path("sitemap-<section>.xml", sitemaps.sitemap, {"sitemaps": SITEMAPS}, name="sitemap-part"),
    path("", include("registry.dcat.urls")),
    path("catalogue/", include("registry.urls")),
    path("notices/", include("registry.notice_urls")),
    path("subscriptions/", include("registry.subscription_urls")),
    path("", include("exchange.urls")),
    path("api/", include("exchange.api.urls")),
    path("admin/", admin.site.urls),
]
