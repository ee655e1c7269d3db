"""`make sbom`: print the software bill of materials as CycloneDX JSON: all packages of production, with versions and licenses.

It asks no network: the packages are those that requirements.txt names and what these need, as they are installed here, which
constraints.txt pins.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
# Programs inside packages that have licenses of their own: the program, its package, its license.
PROGRAMS = (("ffmpeg", "imageio-ffmpeg", "GPL-3.0-or-later"), ("Leaflet", "django-leaflet", "BSD-2-Clause"))
# What static/vendor/README.md lists as copied into the repository.
COPIED = (
    ("protomaps-leaflet", "5.1.0", "BSD-3-Clause"),
    ("@fontsource-variable/atkinson-hyperlegible-next", "5.3", "OFL-1.1"),
)


def read_requirements() -> list[Requirement]:
    """Return the packages that production names, those for this system alone."""
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def find_packages() -> dict[str, metadata.Distribution]:
    """Return the packages of production and what they need, by name. Raises PackageNotFoundError if one isn't installed."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [(each, frozenset[str]()) for each in read_requirements()]
    while wanted:
        requirement, extras = wanted.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found[name] = metadata.distribution(requirement.name)
        theirs = frozenset(requirement.extras)
        wanted += [(Requirement(line), theirs) for line in found[name].requires or ()]
    return dict(sorted(found.items()))


def name_license(package: metadata.Distribution) -> str:
    """Return the license by its SPDX expression, else by the package's own word for it."""
    about = package.metadata
    trove = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    said = about.get("License") or ""
    return about.get("License-Expression") or (trove[0] if trove else said.splitlines()[0] if said else "")


def make_bill() -> Bom:
    licenses = LicenseFactory()
    portal = Component(name="tipportal", version=VERSION[1] if VERSION else "", type=ComponentType.APPLICATION)
    portal.licenses.add(licenses.make_with_expression("AGPL-3.0-or-later"))
    bill = Bom()
    bill.metadata.component = portal
    bill.metadata.tools.components.add(this_component())
    components = {}
    for name, package in find_packages().items():
        component = Component(
            name=package.metadata["Name"],
            version=package.version,
            purl=PackageURL("pypi", name=name, version=package.version),
            bom_ref=f"{name}@{package.version}",
        )
        if said := name_license(package):
            component.licenses.add(licenses.make_from_string(said))
        components[name] = component
        bill.components.add(component)
    for program, package, license in PROGRAMS:
        inside = Component(name=program, type=ComponentType.LIBRARY, bom_ref=f"{program} in {package}")
        inside.licenses.add(licenses.make_from_string(license))
        components[package].components.add(inside)
    for name, version, license in COPIED:
        group, _slash, short = name.rpartition("/")
        purl = PackageURL("npm", namespace=group or None, name=short, version=version)
        copied = Component(name=name, version=version, purl=purl, bom_ref=f"{name}@{version}")
        copied.licenses.add(licenses.make_from_string(license))
        bill.components.add(copied)
    named = {canonicalize_name(each.name) for each in read_requirements()}
    bill.register_dependency(portal, [component for name, component in components.items() if name in named])
    return bill


def main() -> None:
    sys.stdout.write(
        make_outputter(make_bill(), OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
