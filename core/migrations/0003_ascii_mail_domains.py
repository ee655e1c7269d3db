from typing import Any

from django.db import migrations

from core.mail.idn_domains import encode_domain


def encode_domains(apps: Any, _schema_editor: Any) -> None:
    """Write the domains of staff's addresses as new ones are written: Django would send "straße" to "strasse"."""
    for account in apps.get_model("core", "Account").objects.exclude(email=""):
        local, _at, domain = account.email.rpartition("@")
        if not domain.isascii():
            account.email = f"{local}@{encode_domain(domain)}"
            account.save(update_fields=["email"])


class Migration(migrations.Migration):
    dependencies = [("core", "0002_account_names_and_mails")]

    operations = [migrations.RunPython(encode_domains, migrations.RunPython.noop)]
