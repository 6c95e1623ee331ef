"""Words of Django and its apps that their own catalogues leave in English or get wrong: marked, so that ours has them."""

from django.utils.translation import gettext_noop, ngettext

# The catalogue of the project is asked before those of the apps, with the same message.
MESSAGES = (
    gettext_noop(" By %(filter_title)s "),
    gettext_noop("Action:"),  # Django's catalogue has the word for being active
    gettext_noop("Add link"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop("Breadcrumbs"),
    gettext_noop("Change or view list link"),
    gettext_noop("Disabled"),
    gettext_noop("Enabled"),
    gettext_noop("Error:"),
    gettext_noop("Filter navigation items"),
    gettext_noop("Go"),  # ... and for going somewhere
    gettext_noop("Hide counts"),
    gettext_noop("log entry"),
    gettext_noop("Model name"),
    gettext_noop("Password-based authentication"),
    gettext_noop("Raw passwords are not stored, so there is no way to see the user’s password."),
    gettext_noop("Reset password"),
    gettext_noop("Select all objects on this page for an action"),
    gettext_noop("Set password"),
    gettext_noop("Show counts"),
    gettext_noop("Sidebar"),
    gettext_noop("Skip to main content"),
    gettext_noop("Toggle navigation"),
    # django-axes has no Vietnamese catalogue.
    gettext_noop("access attempt"),
    gettext_noop("access attempts"),
    gettext_noop("access failure"),
    gettext_noop("access failures"),
    gettext_noop("Access lock out"),
    gettext_noop("Attempt Time"),
    gettext_noop("Failed Logins"),
    gettext_noop("IP Address"),
    gettext_noop("Path"),
    gettext_noop("User Agent"),
    gettext_noop("Username"),
    gettext_noop("View"),  # Django's catalogue has the word for a frame
)


def errors_below(count: int) -> str:
    """Above a form that came back: a plural, which can be marked only where it is asked for."""
    return ngettext("Please correct the error below.", "Please correct the errors below.", count)
