"""The bill of materials has every package of production, as it is pinned, with its license."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from tests import sbom
from tests.stack import ROOT


def test_the_bill_has_every_package_of_production_with_version_and_license() -> None:
    pins = [line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line]
    pinned = {canonicalize_name(name): version for name, version in pins}
    bill = sbom.make_bill()
    listed = {canonicalize_name(part.name): part for part in bill.components}
    assert {canonicalize_name(each.name) for each in sbom.read_requirements() if not each.marker} <= set(listed)
    assert {"cffi", "asgiref", "billiard"} <= set(listed)  # what those need
    assert not {"pytest", "pip-audit"} & set(listed)
    assert {name: part.version for name, part in listed.items() if pinned.get(name, part.version) != part.version} == {}
    assert [name for name, part in listed.items() if not part.licenses] == []
    assert [inside.name for inside in listed["imageio-ffmpeg"].components] == ["ffmpeg"]
    copied = (ROOT / "static/vendor/README.md").read_text()
    assert [
        line for line in sbom.COPIED if f"`{line[0]}`" not in copied or f"| {line[1]} | {line[2]}" not in copied
    ] == []
