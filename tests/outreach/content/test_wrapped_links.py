"""Addresses that a mail gateway or a network has wrapped: the desk is told, and offered the plain one."""

from __future__ import annotations

import pytest

from outreach.content import wrapped_links

PLAIN = "https://city.example/lamps?id=7&lang=en#map"


@pytest.mark.parametrize(
    "address",
    [
        "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fcity.example%2Flamps%3Fid%3D7%26lang%3Den%23map"
        "&data=05%7C02%7Cmarsh%40riverton.example%7C0&sdata=x%3D&reserved=0",
        "https://gcc02.safelinks.protection.office365.us/ap/t-59584e83/?url=https%3A%2F%2Fcity.example%2Flamps%3Fid%3D7%26lang%3Den%23map",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__city.example_lamps-3Fid-3D7-26lang-3Den-23map&d=DwMF&c=x",
        "https://urldefense.com/v3/__https://city.example/lamps?id=7&lang=en*map__;Iw!!AbC!xyz$",
        "https://urldefense.com/v3/__https:/city.example/lamps?id=7&lang=en*map__;Iw!!AbC!xyz$",
        "https://urldefense.com/v3/__https://city.example/**Fid=7&lang=en*map__;bGFtcHM_Iw!!AbC!xyz$".replace(
            "**F", "**E"
        ),
        "https://www.google.com/url?sa=t&q=https%3A%2F%2Fcity.example%2Flamps%3Fid%3D7%26lang%3Den%23map&ust=1",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fcity.example%2Flamps%3Fid%3D7%26lang%3Den%26fbclid%3DIwAR%23map&h=AT0",
        "https://secure-web.cisco.com/1abc_D/https%3A%2F%2Fcity.example%2Flamps%3Fid%3D7%26lang%3Den%23map",
        "https://us-west-2.protection.sophos.com/?d=city.example&u=aHR0cHM6Ly9jaXR5LmV4YW1wbGUvbGFtcHM_aWQ9NyZsYW5nPWVuI21hcA==&i=1",
        "https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fcity.example%2flamps%3fid%3d7%26lang%3den%23map&c=E,1",
        "https://city.example/lamps?utm_source=x&id=7&fbclid=a&lang=en&gclid=b&mc_eid=c&UTM_Medium=d#map",
        # One wrapper within another
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.google.com%2Furl%3Fq%3Dhttps%253A%252F%252Fcity.example%252Flamps"
        "%253Fid%253D7%2526lang%253Den%2523map",
    ],
)
def test_a_wrapped_address_has_its_plain_one(address: str) -> None:
    assert wrapped_links.find_plain_address(address) == PLAIN
    text = f"See [the lamps]({address}), **{address}**."
    assert wrapped_links.find_wrapped_links(text) == [wrapped_links.WrappedLink(address, PLAIN)]
    assert wrapped_links.unwrap_links(text) == f"See [the lamps]({PLAIN}), **{PLAIN}**."


@pytest.mark.parametrize("address", ["https://t.co/AbC", "https://protect-us.mimecast.com/s/AbC?domain=city.example"])
def test_a_wrapped_address_that_does_not_tell_where_it_leads_is_found_and_kept(address: str) -> None:
    assert wrapped_links.find_wrapped_links(address) == [wrapped_links.WrappedLink(address, "")]
    assert wrapped_links.unwrap_links(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://city.example/lamps?id=7&lang=en",
        "https://www.google.com/maps?q=https%3A%2F%2Fx.example",
        "https://l.facebook.com/",
        "https://city.example/?source=utm_source&q=fbclid",
        "[x](/map/?utm=1) https://[ http://",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert wrapped_links.find_wrapped_links(text) == []
    assert wrapped_links.unwrap_links(text) == text


def test_a_wrapped_address_of_another_scheme_is_never_offered() -> None:
    address = "https://www.google.com/url?q=javascript%3Aalert(1)"
    assert wrapped_links.find_plain_address(address) == ""
