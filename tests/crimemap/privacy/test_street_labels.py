"""The label of a place: no house, flat or name of a resident in it, whatever the form of the address."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crimemap.importing.readers.cells import clean_block
from crimemap.privacy import known_streets, street_labels
from crimemap.privacy.street_labels import build_label
from crimemap.street_names import normalize_name

LABELS = """
400 block of W 24th Pl                -> 400 block of W 24th Pl
412 block of W 24th Pl                -> 400 block of W 24th Pl
412 Arden St                          -> 400 block of Arden St
412 Arden St Apt 3B                   -> 400 block of Arden St
412A Arden St, Unit 7                 -> 400 block of Arden St
1234-1238 N Clark St                  -> 1200 block of N Clark St
Flat 3, 12 High St                    -> 0 block of High St
002XX W 47TH ST                       -> 200 block of W 47TH ST
0000X W Division St                   -> 0 block of W Division St
24th St & Main St                     -> 24th St & Main St
On or near Park Street                -> On or near Park Street
On or near Shopping Area              -> On or near Shopping Area
On or near John Doe                   ->
On or near Moorgate                   -> On or near Moorgate
On or near Sun Street Passage         -> On or near Sun Street Passage
On or near St Martin'S Le Grand       -> On or near St Martin'S Le Grand
On or near The Groves                 -> On or near The Groves
On or near Westfield                  -> On or near Westfield
On or near Cherry Wood                -> On or near Cherry Wood
On or near Lovers' Walk               -> On or near Lovers' Walk
On or near Coach House Lane           -> On or near Coach House Lane
On or near Nine Tree Hill             -> On or near Nine Tree Hill
On or near Four Acres Close           -> On or near Four Acres Close
On or near Home Close                 -> On or near Home Close
On or near Parkway North              -> On or near Parkway North
On or near Four Market Street         ->
On or near Doe                        ->
On or near The Does                   ->
On or near The Old Rectory            ->
On or near Jane Wood                  ->
On or near John Wells                 ->
On or near Mary Hayes                 ->
On or near Greenwood                  ->
On or near Longbottom                 ->
On or near Rowland                    ->
On or near Holly Wood                 ->
On or near Rose Hayes                 ->
On or near Quayside                   -> On or near Quayside
On or near Roe House                  ->
On or near Mrs Roe Buildings          ->
On or near 12 The Firs                ->
104 Avenue NW / 101 Street NW         -> 104 Avenue NW / 101 Street NW
5 AVE & 42 ST                         -> 5 AVE & 42 ST
104 Avenue NW                         ->
1177-MARCONI ALTO                     ->
Calle Ejemplo 1602 Int. 5             -> 1600 block of Calle Ejemplo
CASA DE JUAN PEREZ CALLE EJEMPLO 12   -> 0 block of CALLE EJEMPLO
REAR 1234 EXAMPLE ST                  -> 1200 block of EXAMPLE ST
N6W23001 EXAMPLE RD                   -> EXAMPLE RD
1234 EXAMPLE ST TO 1250 EXAMPLE ST    -> 1200 block of EXAMPLE ST
1234 EXAMPLE ST UNIT B                -> 1200 block of EXAMPLE ST
1234 UNIT B EXAMPLE ST                -> 1200 block of EXAMPLE ST
1234 A EXAMPLE ST                     -> 1200 block of EXAMPLE ST
1234 A ST                             -> 1200 block of A ST
1234 EXAMPLE ST 5B                    -> 1200 block of EXAMPLE ST
3800 EXAMPLE AVE GH4 (APARTMENT)      -> 3800 block of EXAMPLE AVE
12-34 56TH ST                         -> 1200 block of 56TH ST
8-10 56TH ST                          -> 56TH ST
815-25 S 12TH ST                      -> 800 block of S 12TH ST
127-31 12TH ST                        -> 100 block of 12TH ST
123-45 Main St                        -> 100 block of Main St
#4 123 Main St                        -> 100 block of Main St
1234 1/2 Main St                      -> 1200 block of Main St
1234½ Main St                         -> 1200 block of Main St
1,234 EXAMPLE ST                      -> 1200 block of EXAMPLE ST
1234.0 EXAMPLE ST                     -> 1200 block of EXAMPLE ST
123 Main St & 4th Ave                 -> 100 block of Main St
Main St 123                           -> 100 block of Main St
Main St 5B                            -> Main St
Hauptstraße 12a                       -> 0 block of Hauptstraße
Rua Augusta, 1500 apto 12             -> 1500 block of Rua Augusta
12 rue de la Paix                     -> 0 block of rue de la Paix
Calle 12 # 34-56                      -> Calle 12
Avenida 9 de Julio 1234               -> 1200 block of Avenida 9 de Julio
UNIT BLOCK OF K STREET NW             -> 0 block of K STREET NW
PO BOX 123                            ->
C/O JOHN DOE 1234 MAIN ST             -> 1200 block of MAIN ST
1234 MAIN ST C/O JOHN DOE             -> 1200 block of MAIN ST
JOHN DOE 1234 EXAMPLE ST              -> 1200 block of EXAMPLE ST
EXAMPLE ST JOHN DOE                   -> EXAMPLE ST
JANE Q ROE EXAMPLE ST                 ->
SMITH RESIDENCE EXAMPLE ST            ->
@SMITH RESIDENCE                      ->
Main St @ Smith                       -> Main St
LOT 5 1234 EXAMPLE RD                 -> 1200 block of EXAMPLE RD
LOT 12 EXAMPLE MHP                    ->
US 101                                -> US 101
12345 FM 1960 W                       -> 12300 block of FM 1960 W
1234 COUNTY RD 12                     -> 1200 block of COUNTY RD 12
1234 S 500 W                          -> 1200 block of S 500 W
450 N 1234 W                          ->
1234 SW 8 ST                          -> 1200 block of SW 8 ST
103XX S AVENUE L                      -> 10300 block of S AVENUE L
035XX N BROADWAY                      -> 3500 block of N BROADWAY
042XX S DR MARTIN LUTHER KING JR DR   -> 4200 block of S DR MARTIN LUTHER KING JR DR
2300 BLOCK MCKEAN                     -> 2300 block of MCKEAN
1600 SMITH                            ->
200 BLOCK S 13TH                      -> 200 block of S 13TH
1300 - 1399 BLOCK OF MAIN ST          -> 1300 block of MAIN ST
011XX N ST LOUIS AVE                  -> 1100 block of N ST LOUIS AVE
1234 MOUNT ST HELENS RD               -> 1200 block of MOUNT ST HELENS RD
EL CAMINO REAL & MAIN ST              -> EL CAMINO REAL & MAIN ST
One Market St                         ->
Gate A11                              ->
MAIN ST-1234                          ->
MAIN ST 1234-1238                     -> 1200 block of MAIN ST
1,234.00 MAIN ST                      -> 1200 block of MAIN ST
12.345 RUA AUGUSTA                    -> 12300 block of RUA AUGUSTA
123.000 MAIN ST                       -> 100 block of MAIN ST
W240N1234 EXAMPLE RD                  -> EXAMPLE RD
3500 SOUTH 5600 WEST                  -> 3500 block of SOUTH 5600 WEST
ACROSS FROM 1234 MAIN ST              -> 1200 block of MAIN ST
SMITH MAIN ST                         ->
1234 JOHN SMITH MAIN ST               ->
1234 JOHN Q SMITH MAIN ST             ->
1234 RES OF SMITH MAIN ST             ->
5 ROSE COTTAGES HIGH STREET           ->
1234 HOUSE AVE                        -> 1200 block of HOUSE AVE
JANE DOE AVE                          ->
JANE Q ROE ST & ELM ST                ->
TWENTY-THREE MAIN ST & ELM ST         ->
ONE TWENTY THREE MAIN ST              ->
OLD MAIN ST                           -> OLD MAIN ST
1234 MARTIN LUTHER KING JR DR         -> 1200 block of MARTIN LUTHER KING JR DR
1234 John F Kennedy Blvd              -> 1200 block of John F Kennedy Blvd
LAKE SHORE DR                         -> LAKE SHORE DR
1600 BLOCK CECIL B MOORE AV           -> 1600 block of CECIL B MOORE AV
I-95 MM 123                           -> I-95
MILE POST 45 I-95                     -> I-95
km 45 Carretera Nacional              -> Carretera Nacional
(555) 555-0100 MAIN ST                -> MAIN ST
555-0100 MAIN ST                      -> MAIN ST
555.555.0100 MAIN ST                  -> MAIN ST
DOB 01/02/1990 MAIN ST                -> MAIN ST
010290 MAIN ST                        -> MAIN ST
POB 1234 MAIN ST                      ->
RR 2 BOX 45 MAIN ST                   ->
john.roe@example.com Main St          ->
１２３４ MAIN ST                          -> 1200 block of MAIN ST
Ⅻ MAIN ST                            -> MAIN ST
C/ Mayor 12, 3º B                     -> 0 block of Calle Mayor
12 bis rue de la Paix                 -> 0 block of rue de la Paix
12, rue de la Paix, 75002 Paris       -> 0 block of rue de la Paix
Calle Juan Perez 112                  -> 100 block of Calle Juan Perez
Via Roma 12/A                         -> 0 block of Via Roma
Rua X, nº 12 apto 4                   -> 0 block of Rua X
Musterstraße 12a                      -> 0 block of Musterstraße
Berliner Straße 145                   -> 100 block of Berliner Straße
Familie Roe Hauptstraße               ->
Am Sandtorkai 12                      -> 0 block of Am Sandtorkai
An der Mühle 112a, 20457 Hamburg      -> 100 block of An der Mühle
Unter den Linden 77                   -> 0 block of Unter den Linden
Jungfernstieg 5                       -> 0 block of Jungfernstieg
Kurfürstendamm 212                    -> 200 block of Kurfürstendamm
Familie Roe Am Sandtorkai 12          ->
Am Roe 12                             ->
bei Goldberg 12                       ->
Cra 7 No. 45-12 Apto 301              -> Cra 7
1234 MAIN ST, SPRINGFIELD IL 62701    -> 1200 block of MAIN ST
MAIN ST X ELM ST                      -> MAIN ST & ELM ST
1234 X ST                             -> 1200 block of X ST
200 BLOCK AVENUE X                    -> 200 block of AVENUE X
Rua Augusta x Rua Direita             -> Rua Augusta & Rua Direita
Calle Mayor esq. con Calle Luna       -> Calle Mayor esq. con Calle Luna
Bahnhofstr. Ecke Hauptstr.            -> Bahnhofstr. Ecke Hauptstr.
MAIN ST BETWEEN 1ST AVE AND 2ND AVE   -> MAIN ST
1234 MAIN ST BTWN 1ST AVE & 2ND AVE   -> 1200 block of MAIN ST
[1200]-[1300] MAIN ST                 -> 1200 block of MAIN ST
[0]-[100] N 3RD ST                    -> 0 block of N 3RD ST
Rua Augusta, n.º 33, r/c esq.         -> 0 block of Rua Augusta
R. Roe, n.º 33                        ->
US 41 x Roe                           -> US 41
12 x Roe                              ->
US 41 12 Dr Roe                       -> 0 block of US 41
1234 SW 8 DR APT 5                    -> 1200 block of SW 8 DR
CALL. ALCALA, 12                      -> 0 block of CALL. ALCALA
CTRA. CASTILLA KM 3,5                 -> CTRA. CASTILLA
12 ROE N MAIN ST                      ->
12XX JANE ROE N MAIN ST               ->
ROE N MAIN ST & ELM ST                ->
12 ROE S ST LAWRENCE AVE              ->
ROE S ST LAWRENCE AVE                 ->
12 ROE S AVENUE B                     ->
412 BLOCK JANE ROE MAIN ST            ->
12XX ROE RESIDENCE MAIN ST            ->
12XX ROE, JANE MAIN ST                ->
1234 MRS ROE ST                       ->
1234 DR ROE MAIN ST                   ->
12 ROE MAIN ST                        ->
12 ROE 3RD AVE                        ->
ROE SECOND ST & ELM ST                ->
12XX OFC ROE OAK AVE                  ->
12XX MRS ROE OAK AVE                  ->
12 J ROE OAK AVE                      ->
12 B OAK AVE                          -> 0 block of OAK AVE
12 M. ROE OAK AVE                     ->
12 ROE'S OAK AVE                      ->
12XX KING'S MILL RD                   -> 1200 block of KING'S MILL RD
12 ROE AVENUE L                       ->
12 AVENUE L                           -> 0 block of AVENUE L
CALLE MAYOR ROE'S 12                  ->
CALLE MAYOR ROE RESIDENCE             ->
12XX OFFSHORE CIR                     -> 1200 block of OFFSHORE CIR
042XX S COTTAGE GROVE AVE             -> 4200 block of S COTTAGE GROVE AVE
Rua Silva e Souza 12                  -> 0 block of Rua Silva e Souza
"""


def test_labels_are_built_from_recognized_parts() -> None:
    for line in LABELS.strip().splitlines():
        text, label = (part.strip() for part in line.split("->"))
        assert (text, build_label(text)) == (text, label)
        assert build_label(label) == label


def test_capitals_are_restored_and_oddities_noted() -> None:
    quirks: list[str] = []
    assert clean_block("1600 EXAMPLE AVE NW", quirks.append) == "1600 block of Example Ave NW"
    assert not quirks
    assert clean_block("1177-MARCONI ALTO", quirks.append) == ""
    assert quirks == ["places without a known street"]


# Streets as four languages and their neighbors write them: {} is where the house number stands, {street} what may be public.
NUMBERED_STREETS = {
    "{} {street}": ("Arden St", "N Example AVE", "SW Old Mill Road", "56th St", "Martin Luther King Blvd", "Hyde Park Ct", "W 12 ST",
                    "Broadway", "County Road 12", "US Highway 41", "S 500 W", "rue de la Paix", "avenue Foch", "boulevard Saint-Michel"),
    "{street} {}": ("Calle Mayor", "Avenida de la Constitución", "Calle 5 de Mayo", "Av. Insurgentes Sur", "Rua Augusta",
                    "Travessa das Flores", "Hauptstraße", "Berliner Straße", "Am Sandtorkai", "Musterstr.", "Lindenweg", "Via Roma", "Carrer Nou"),
    "{street}, {}": ("Calle Mayor", "Rua Augusta", "Avenida Paulista", "Via Roma"),
    "{street} nº {}": ("Calle Mayor", "Rua das Flores"),
    "{street} n.º {}": ("Rua das Flores", "Privada de Hidalgo"),
    "[{0}]-[{0}] {street}": ("Example Ave",),
    "{}, {street}": ("rue de la Paix", "Arden St"),
}  # fmt: skip
# No digit of these is 0, 1 or 2, of which the house numbers are made, so that a digit tells where it comes from.
BEFORE = ("", "REAR ", "IFO ", "FRONT OF ", "ACROSS FROM ", "Apt 7, ", "#7 ", "C/O JANE ROE ", "JANE ROE, ", "FLAT 7B ", "UNIT 7, ",
          "LOT 7 ", "HOME OF JANE ROE ", "RES OF ROE ", "@ROE ", "CASA DE ROE, ", "Chez Mme Roe, ", "bei Roe, ", "(555) 555-4789 ",
          "555-4789 ", "roe@example.com, ", "7 ", "7B ", "DOB 03/04/1997 ", "WALMART ", "FLOOR 7 ", "MM 78.5 ")  # fmt: skip
BEHIND = ("", " Apt 7", " #7B", ", Unit 7", " 7B", " JANE ROE", " (ROE RESIDENCE)", ", Springfield, IL 63797", " FL 7", " @ROE HOME",
          " 7TH FLOOR", " STE 797", " BLDG 7 APT 7", ", 3º B", " apto 7 bloco B", " piso 3 puerta B", " esc. 3", " - 3º Dto",
          ", 75893 Paris", ", 38739 Berlin", ", 3. OG links", " LOT 7", " TRLR B", " PH", " TEL 555-4789", " Int. 7", " c/o Roe",
          " bis", ", roe@example.com", " DOB 1997-03-04", " & ROE RESIDENCE")  # fmt: skip
NUMBERS = (
    "{}",
    "{}A",
    "0{}",
    "{}-{}",
    "{} - {}",
    "{} 1/2",
    "{}-B",
    "{}.0",
    "{} TO {}",
    "{} Apt 7",
    "{} B",
    "#{}",
    "No. {}",
    "{}/B",
)
DIGITS = {"ascii": "0123456789", "full-width": "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
          "Arabic": "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669"}  # fmt: skip


@settings(max_examples=400)
@given(
    st.text("12", min_size=1, max_size=4).map(int), st.sampled_from(NUMBERS),
    st.sampled_from([(form, street) for form, streets in NUMBERED_STREETS.items() for street in streets]),
    st.sampled_from(BEFORE), st.sampled_from(BEHIND), st.sampled_from([str, str.upper]), st.sampled_from(list(DIGITS)),
)  # fmt: skip
def test_no_label_has_a_number_but_hundreds_and_names(
    number: int,
    spelling: str,
    form: tuple[str, str],
    before: str,
    behind: str,
    write: Callable[[str], str],
    script: str,
) -> None:
    house = spelling.format(number, number + 2).translate(dict(zip(range(48, 58), DIGITS[script], strict=True)))
    template, street = form
    label = build_label(write(before + template.format(house, street=street) + behind))
    hundred, separator, name = label.casefold().rpartition(" block of ")
    assert name in street.casefold()
    # A part of a telephone or a year may pass for a house number, and then for its hundred; never a number below that.
    assert not separator or int(hundred) % 100 == 0
    assert "roe" not in label.casefold().split()
    assert build_label(label) == label


PARTS = ["400", "412", "0", "00", "0400", "12a", "4", "block of", "Block of", "block", "W", "24th", "Pl", "Western Ave", "Apt 3", "unit",
         "#", "Suite", "xx", "004XX", "XX", ",", " ", "  ", "&", "-", "\u0664", "\n", "x" * 78, "Calle", "12", "Ave", "St", "US", "101",
         "Park", "of", "and", "Doe", "N", "Broadway", "On or near", "/", "1/2", "de", "home", "Hauptstr.", "The", "Firs", "Moorgate", "104", "Avenue NW", "Doe'", "Four", "Acres"]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=7).map(" ".join) | st.text(max_size=100)).map(" ".join))
@example("400 Calle On or near 400")
def test_labels_are_fixed_points_and_have_no_odd_hundred(text: str) -> None:
    label = build_label(text)
    assert build_label(label) == label
    assert len(label) <= street_labels.MAX_LABEL_CHARACTERS
    for number in re.findall(r"(\S+) block of ", label):
        assert int(number) % 100 == 0


@given(st.text(alphabet="NESWabst 0123456789XBLOCKF", max_size=40))
def test_common_forms_are_read_as_all_others(text: str) -> None:
    """The short cut for common forms gives what the whole grammar gives."""
    common = build_label(text)
    assert common in (street_labels._build_from_parts(text), "") or len(common) > street_labels.MAX_LABEL_CHARACTERS


@pytest.mark.parametrize("text", ["004XX W 24TH PL", "2300 BLOCK CASTOR AV", "412 Arden St", "400 block of Old Mill Rd", "9 56th st",
                                  "1200 BLOCK OF HYDE PARK BLVD", "412 W 24th Pl N", "007 N Clark Ter", "120 Weg Rd", "99999 Park Ave"])  # fmt: skip
def test_the_short_cut_takes_common_forms(text: str) -> None:
    assert street_labels._COMMON.fullmatch(text)
    assert build_label(text) == street_labels._build_from_parts(text)


STREETS = {
    normalize_name(name)
    for name in (
        "W Fulton Market",
        "Unter den Linden",
        "John F Kennedy Mem Way",
        "Am Graben",
        "Elm St",
        "Calle Mayor",
        "Oak Ave",
        "Broadway",
    )
}
KNOWN = """
007XX W FULTON MARKET                 -> 700 block of W FULTON MARKET
712 W FULTON MARKET APT 5             -> 700 block of W FULTON MARKET
ROE W FULTON MARKET                   ->
W FULTON MARKET                       -> W FULTON MARKET
Unter den Linden 177, Berlin          -> 100 block of Unter den Linden
RES OF ROE 77 Am Graben               -> 0 block of Am Graben
1234 JOHN F KENNEDY MEM WAY           -> 1200 block of JOHN F KENNEDY MEM WAY
555-0100 Am Graben                    -> Am Graben
1234 ROE Am Graben                    ->
1234 MAIN ST                          -> 1200 block of MAIN ST
1234 ROE ELM ST                       ->
1234 N OLD ELM ST SB                  -> 1200 block of N OLD ELM ST SB
Calle Mayor Roe 12                    ->
ROE ELM ST & OAK AVE                  ->
On or near Roe Broadway               ->
1234 E BROADWAY                       -> 1200 block of E BROADWAY
ELM ST & N OAK AVE                    -> ELM ST & N OAK AVE
On or near Roe Elm St                 ->
On or near Elm St                     -> On or near Elm St
Calle Mayor esq. con Calle Luna       -> Calle Mayor esq. con Calle Luna
"""


def test_streets_of_the_agencys_own_layers_are_known_whatever_their_names() -> None:
    for line in KNOWN.strip().splitlines():
        text, label = (part.strip() for part in line.split("->"))
        assert (text, known_streets.build_label(text, STREETS)) == (text, label)
        assert known_streets.build_label(label, STREETS) == label
    assert known_streets.build_label("712 W FULTON MARKET", ()) == ""


def test_a_street_of_several_words_is_doubted_until_it_has_three_labels() -> None:
    main, roe = "400 block of Main St", "1200 block of Roe Hyde Park Blvd"
    find = known_streets.find_doubtful
    assert find({main, roe, "900 block of Roe Hyde Park Blvd"}, ()) == {roe, "900 block of Roe Hyde Park Blvd"}
    assert not find({main, roe, "900 block of Roe Hyde Park Blvd", "Roe Hyde Park Blvd & Elm St"}, ())
    assert find({main, "Roe N Main St & Elm St"}, ()) == {"Roe N Main St & Elm St"}
    assert find({"0 block of Calle Mayor Roe", "Calle Luna Roe & Calle Sol"}, ()) == {
        "0 block of Calle Mayor Roe",
        "Calle Luna Roe & Calle Sol",
    }
    for street in ("Roe W North Ave", "Roe Court St", "Roe East Ave N", "Doe Bridge St", "Roe Lake St"):
        assert find({f"400 block of {street}"}, ()), street
    assert find({"Rua Augusta Y Roe"}, ()) == {"Rua Augusta Y Roe"}
    assert not find({main, roe}, {"roe hyde park boulevard"})  # the agency's own
    plain = {main, "W North Ave", "Bridge St", "East West Hwy", "N Main St & Elm St", "100 block of Old Main St", "100 block of Hyde Park Blvd", "US Highway 41", "Unter den Linden",
             "0 block of Av. Insurgentes Sur", "0 block of Alte Berliner Straße", "200 block of Martin Luther King Jr Dr", ""}  # fmt: skip
    assert not find(plain, ())


def test_names_behind_on_or_near_are_doubted_where_few_labels_have_that_form() -> None:
    near = {"On or near Roe Park Road"}
    assert not known_streets.find_doubtful(near, ())
    assert known_streets.find_doubtful(near | {"400 block of Main St", "500 block of Main St"}, ()) == near


PLANTED = (
    "ROE",
    "JANE ROE",
    "J ROE",
    "MRS ROE",
    "DR ROE",
    "SRA ROE",
    "ROE'S",
    "ROE JR",
    "VAN ROE",
    "ROE FAMILY",
    "HERR ROE",
    "JÄNE ROE",
)
PLANTED_BEFORE = ("12XX {n} {s}", "1217 {n} {s}", "1200 BLOCK OF {n} {s}", "{n} {s}", "{n} {s} & ELM ST", "ELM ST & {n} {s}", "@{n} {s}",
                  "REAR OF {n} {s}", "1217 N {n} {s}", "1217 {s} C/O {n}", "{s} NEAR {n}")  # fmt: skip
PLANTED_BEHIND = ("{s} {n}", "{s} {n} 1217", "{n} {s} 1217", "{s} DE {n} 1217", "{s} Y {n}", "CASA DE {n} {s} 1217")


@pytest.mark.parametrize("form", [*PLANTED_BEFORE, *PLANTED_BEHIND])
def test_no_address_shows_a_name_beside_its_street_even_alone(form: str) -> None:
    streets = ("MAIN ST", "OAK AVE", "HYDE PARK BLVD", "LAKE ST", "PARK AVE", "GRAND BLVD", "MILL LN", "ST LAWRENCE AVE", "BROADWAY",
               "56TH ST", "SAN PEDRO DR", "MARTIN LUTHER KING DR") if form in PLANTED_BEFORE else (
               "CALLE MAYOR", "RUA AUGUSTA", "VIA ROMA", "RUE DE LA PAIX", "AVENIDA PAULISTA")  # fmt: skip
    addresses = {form.format(n=name, s=street) for name in PLANTED for street in streets}
    labels = {address: clean_block(address, lambda _kind: None) for address in addresses}
    shown = {address for address, label in labels.items() if label not in known_streets.find_doubtful({label}, ())}
    assert {(address, labels[address]) for address in shown if "roe" in labels[address].casefold()} == set()


@given(
    st.lists(st.sampled_from([*PARTS, "FULTON", "MARKET", "Am", "Graben", "77"]), max_size=9).map(" ".join)
    | st.text(max_size=60)
)
def test_labels_of_known_streets_are_fixed_points_too(text: str) -> None:
    label = known_streets.build_label(text, STREETS)
    assert known_streets.build_label(label, STREETS) == label
    for number in re.findall(r"(\S+) block of ", label):
        assert int(number) % 100 == 0
