"""The names that agencies' files give their columns, and the words that tell a column's role where the whole name is unknown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from crimemap.importing.columns import counts

# The names of columns in meters or feet, read only where no column holds degrees.
PROJECTED_NAMES: dict[str, tuple[str, ...]] = {
    "latitude": (
        "y", "northing", "ycoordinate", "ycoord", "ycoordcd", "coordy", "utmy", "utmnorthing", "geoy", "pointy", "norte", "mapy",
        "latitude", "lat", "hochwert", "hoch", "n", "nkoord", "nkoordinate", "ncoord", "ncoordinate", "nordwert", "coordenaday", "coordenadayutm", "coordenadautmy"),
    "longitude": (
        "x", "easting", "xcoordinate", "xcoord", "xcoordcd", "coordx", "utmx", "utmeasting", "geox", "pointx", "este", "mapx",
        "longitude", "lon", "lng", "long", "rechtswert", "rechts", "e", "ekoord", "ekoordinate", "ecoord", "ecoordinate", "ostwert", "coordenadax", "coordenadaxutm", "coordenadautmx"),
}  # fmt: skip

# The names that files give their columns, best first; compared by normalize_header.
USUAL_NAMES: dict[str, tuple[str, ...]] = {
    # Not the number of a case, which may have several rows; nor numbers that a server gives anew with each export.
    "external_id": (
        "rowid", "offenseid", "crimeid", "pdid", "incidentid", "eventid", "reportid", "octorecordid", "recordid", "id", "folio", "idincidente", "idevento", "iddelito", "idocorrencia"),
    "occurred": (
        "occurredat", "occurredon", "occurredondate", "occurreddatetime", "occurred", "dateoccurred", "occurrencedate",
        "occdate", "firstoccurrencedate", "offensestartdatetime", "startdatetime", "startdate", "starttime", "start", "dateofoccurrence", "crimedatetime",
        "datetime", "incidentdatetime", "incidenttimestamp", "offensedate", "incidentdate", "crimedate",
        "incidentoccurred", "occurredfrom", "occurredfromdate", "occurredstart", "offensedatetime", "fromdatetime", "occurreddate", "occurdate", "fromdate", "committedfrom", "committedfromdate", "datecommitted", "committed", "begindate", "begindatetime", "date", "fechahora", "fechahecho", "fechadelhecho", "fechadeocurrencia", "fecha", "datefait", "datefaits", "dateheure", "datahora", "datahoraocorrencia", "dataoccorrencia", "dataora", "dataeora", "fechayhora", "dateetheure", "timestamp", "ts",
        "tatzeit", "tatzeitpunkt", "tatzeitvon", "tatzeitbeginn", "zeitpunkt", "tatdatum", "datum", "data"),
    "occurred_date": (
        "occurreddate", "dateoccurred", "occurrencedate", "occdate", "incidentdate", "offensedate", "crimedate",
        "occurdate", "fromdate", "datefrom", "date", "fecha", "fechahecho", "fechadelhecho", "datadofato", "dataocorrencia", "datareato", "tatdatum", "datum", "data"),
    "occurred_time": (
        "occurredtime", "occurtime", "fromtime", "timefrom", "timeoccurred", "occtime", "incidenttime", "offensetime", "crimetime", "time", "occhour",
        "occurrencehour", "hour", "hora", "horahecho", "horaocorrencia", "horario", "heure", "heurefait", "uhrzeit", "zeit", "ora"),
    "year": ("year", "occyear", "occurrenceyear"),
    "month": ("month", "occmonth", "occurrencemonth"),
    "day": ("day", "occday", "occurrenceday"),
    "hour": ("hour", "occhour", "occurrencehour"),
    "minute": ("minute",),
    "reported": (
        "reported", "reporteddate", "datereported", "reportdate", "reporteddatetime", "reportdatetime", "reportedat", "reportedon", "incidentreported",
        "dispatchdate", "dispatchdatetime", "daterptd",
    ),
    "updated": ("updatedon", "updatedat", "lastupdated", "lastmodified", "modified"),
    "code": (
        "nibrscode", "nibrsoffensecode", "nibrsclass", "ibrs", "offensenibrs", "offensecode", "offencecode", "hooffence", "hooffencecode", "ucrcode", "ucr", "crimecode", "incidentcode", "highestoffensecode", "code", "offensetypeid",
        "offense", "offence", "crimetype", "primarytype", "offensetype", "incidenttypeprimary", "incidentcategory", "offensecategory",
        "occurrencetypegroup", "type", "category",
        "categorie", "offensedescription", "description", "delito", "tipodelito", "tipodedelito", "infraction", "natureinfraction", "natureza", "tipodecrime", "crime", "delikt", "straftat",
        "tatbestand", "deliktart", "deliktsart", "deliktsgruppe", "conducta", "naturezaapurada", "tipoaccidente", "reato", "tipodireato", "tiporeato", "rubrica", "nature",
        "incidentnature", "natureofcall", "callnature", "calltype", "statute", "statutecode", "chargecode", "charge"),
    "label": (
        "offensedescription", "nibrsoffensecodedescription", "nibrsdescription", "incidentdescription", "crimedescription", "highestoffensedescription", "chargedescription", "chargedesc", "offencedescription",
        "offensedesc", "crimedesc", "ucrdesc", "ucrdescription", "ucrliteral", "nibrsdesc",
        "description", "descript", "typetext", "offense", "offence", "ucroffensename", "offensetypeid", "crimetype", "type",
    ),
    "count": counts.USUAL_NAMES,
    "street_number": ("blocknumber", "housenumber", "streetnumber", "streetno", "stnum", "stno", "addressnumber", "hundred", "numero", "número", "numerologradouro", "numerovoie", "nvoie", "hausnummer", "hausnr", "huisnummer"),
    "street_direction": ("streetdirection", "streetdir", "direction", "predirection", "predir", "stdir", "prefix"),
    "street_name": ("streetname", "stname", "street", "roadname", "logradouro", "strasse", "straße", "voie", "nomvoie", "nomevia", "straatnaam"),
    "street_type": ("streettype", "sttype", "streetsuffix", "stsuf", "stsuffix", "streetsuf", "roadtype", "suffixtype"),
    "street_suffix": ("suffix", "postdirection", "suffixdirection", "postdir", "sufdir"),
    "block": (
        "hundredblock", "100blockaddress", "block", "blockaddress", "locationblock", "incidentaddress", "address",
        "location", "intersection", "street", "nearestintersection", "direccion", "dirección", "calle", "domicilio", "adresse", "rue", "voie", "morada", "endereco", "endereço", "logradouro", "strasse", "tatort", "via", "indirizzo", "localizacion"),
    "latitude": ("latitude", "lat", "latwgs84", "geolat", "y", "pointy", "ycoord", "ycoordinate", "coordy", "latitud", "latitudine", "breitengrad", "breite"),
    "longitude": ("longitude", "lon", "lng", "long", "longwgs84", "geolon", "x", "pointx", "xcoord", "xcoordinate", "coordx", "longitud", "longitudine", "längengrad", "laengengrad", "länge"),
    "point": (
        "latlon", "latlong", "point", "geolocation", "geopoint", "geopoint2d", "location1", "geocodedcolumn",
        "georeference", "location",
    ),
    "district": ("district", "policedistrict", "pddistrict", "districtid", "precinct", "policeprecinct", "division", "policedivision", "borough", "esquadra", "stadtkreis", "kreis", "apdsector", "pdq", "distrito", "alcaldia", "alcaldiahecho", "comisaria", "comisaría", "comuna", "delegacia", "arrondissement", "bezirk", "stadtbezirk", "distretto", "municipio", "circoscrizione", "dist", "localidad"),
    "beat": ("beat", "zone", "psa", "sector", "reportingdistrict", "reportingarea", "precinctid", "scoutcararea", "post"),
    "neighbourhood": (
        "neighborhood", "neighbourhood", "communityarea", "community", "analysisneighborhood", "neighborhoodid",
        "hood158", "hoodid", "mcpp", "neighborhoodcluster", "suburb", "areaunit", "freguesia", "barrio", "nombrebarrio", "colonia", "coloniahecho", "quartier", "bairro", "stadtteil", "ortsteil", "quartiere", "wijk", "buurt", "barangay"),
    "location_description": (
        "locationdescription", "locationtype", "premise", "premises", "premisedescription", "premisestype", "premisetype", "tipodelugar", "lugar", "typedelieu", "lieu", "tipodelocal", "tipolocal", "descrtipolocal", "tatörtlichkeit", "tipodiluogo", "luogo"),
    "outcome": ("outcome", "disposition", "status", "clearance", "clearancestatus", "casestatus", "recordstatus", "reportstatus", "incidentstatus", "resolution", "lastoutcomecategory", "estado", "situacao", "situação", "statut", "esito", "stato", "dispo"),
    "domestic": ("domestic", "domesticviolence", "familyviolence", "isdomestic", "dv", "dvflag", "domesticflag", "domesticrelated", "violenciafamiliar", "violenciadomestica", "violênciadoméstica", "violencefamiliale", "häuslichegewalt", "violenzadomestica"),
}  # fmt: skip

# A column beside one of a street has its number under these names, which alone say too little.
NUMBER_NAMES = frozenset(("number", "no", "nr", "num", "n", "nº", "numero", "número"))

REPORT_NAMES = (
    "reporteddatetime", "reportdatetime", "reportedat", "reportedon", "reporteddate", "reportdate", "datereported", "incidentreported", "reported",
)  # fmt: skip

_HAPPENED = frozenset(
    [
        "occur",
        "occurred",
        "occurrence",
        "occurence",
        "occ",
        "incident",
        "offense",
        "offence",
        "crime",
        "from",
        "start",
        "begin",
        "hecho",
        "hechos",
        "ocurrencia",
        "ocorrencia",
        "fato",
        "fait",
        "faits",
        "tat",
        "reato",
        "delito",
        "event",
        "evento",
        "committed",
    ]
)
_OTHER_TIMES = frozenset(
    [
        "end",
        "to",
        "last",
        "until",
        "report",
        "reported",
        "rptd",
        "rpt",
        "meldung",
        "ende",
        "einde",
        "bis",
        "hasta",
        "dispatch",
        "created",
        "updated",
        "modified",
        "close",
        "closed",
        "clearance",
        "cleared",
        "arrest",
        "entry",
        "registro",
        "inicio",
        "year",
        "month",
        "day",
        "week",
        "weekday",
        "dow",
        "doy",
        "ano",
        "anio",
        "mes",
        "fin",
        "bis",
        "recorded",
        "registered",
    ]
)
_DATES = frozenset(["date", "datetime", "timestamp", "fecha", "data", "datum", "dt"])
_CLOCKS = frozenset(["time", "hour", "hora", "heure", "uhrzeit", "ora"])
_PLACES_OF_PEOPLE = frozenset(
    ["victim", "victima", "suspect", "offender", "home", "person", "persona", "complainant", "reporter", "caller", "owner", "employee",
     "officer", "mail", "email", "billing", "mailing", "name", "arrestee", "witness", "denunciante", "plaignant", "geschadigter"]
)  # fmt: skip
_NO_CODE = frozenset(
    ["id", "number", "no", "num", "nr", "numero", "ref", "reference", "key", "count", "counts", "location", "address", "place", "lat",
     "lon", "latitude", "longitude", "area", "outcome", "against", "parent", "domestic", "name"]
)  # fmt: skip
# The words of a role's name where the whole name is unknown: one of each group, and none of the last.
_WORDS: dict[str, tuple[Sequence[frozenset[str]], frozenset[str]]] = {
    "code": (
        (
            frozenset(
                (
                    "offense",
                    "offence",
                    "crime",
                    "delito",
                    "delitos",
                    "delikt",
                    "straftat",
                    "infraction",
                    "infracao",
                    "reato",
                )
            ),
        ),
        _OTHER_TIMES | _DATES | _CLOCKS | _NO_CODE,
    ),
    "label": (
        (
            frozenset(("offense", "offence", "crime", "charge", "ucr", "nibrs", "ibr", "statute", "delito")),
            frozenset(("desc", "description", "name", "title", "literal", "text")),
        ),
        _OTHER_TIMES
        | _DATES
        | _CLOCKS
        | frozenset(("scene", "location", "place", "premise", "weapon", "victim", "suspect", "person", "officer")),
    ),
    "block": (
        (
            frozenset(
                ("address", "intersection", "direccion", "domicilio", "adresse", "endereco", "morada", "indirizzo")
            ),
        ),
        _PLACES_OF_PEOPLE
        | frozenset(("city", "zip", "state", "type", "number", "numero", "no", "ip", "unit", "suffix")),
    ),
    "domestic": (
        (
            frozenset(
                (
                    "domestic",
                    "domestica",
                    "domestico",
                    "domestique",
                    "domestiques",
                    "conjugal",
                    "conjugale",
                    "conjugales",
                    "familiar",
                    "intrafamiliar",
                    "familiale",
                    "familiales",
                    "intrafamiliale",
                    "intrafamiliales",
                    "hausliche",
                    "domestici",
                    "dv",
                )
            ),
        ),
        frozenset(),
    ),
    "occurred": ((_HAPPENED,), _OTHER_TIMES | _CLOCKS),
    "occurred_date": ((_HAPPENED, _DATES), _OTHER_TIMES),
    "occurred_time": ((_HAPPENED, _CLOCKS), _OTHER_TIMES | _DATES),
    "latitude": ((frozenset(("lat", "latitude", "latitud", "latitudine", "breitengrad")),), frozenset()),
    "longitude": (
        (frozenset(("lon", "long", "lng", "longitude", "longitud", "longitudine", "langengrad")),),
        frozenset(),
    ),
}
# Of people, places, days and offices: a column with such a name may repeat as offenses do.
_NO_OFFENSE = frozenset(
    [
        "sex",
        "sexo",
        "sexe",
        "gender",
        "genero",
        "race",
        "raza",
        "raca",
        "ethnicity",
        "age",
        "edad",
        "rango",
        "victim",
        "victima",
        "suspect",
        "offender",
        "name",
        "nombre",
        "nome",
        "nom",
        "apellido",
        "civil",
        "person",
        "persona",
        "people",
        "status",
        "state",
        "estado",
        "city",
        "ciudad",
        "cidade",
        "ville",
        "municipio",
        "municipality",
        "county",
        "weekday",
        "dow",
        "day",
        "dia",
        "jour",
        "tag",
        "month",
        "mes",
        "mois",
        "monat",
        "periodo",
        "period",
        "shift",
        "turno",
        "quart",
        "district",
        "distrito",
        "delegacia",
        "fiscalia",
        "agencia",
        "agency",
        "office",
        "departamento",
        "department",
        "address",
        "direccion",
        "localizacion",
        "location",
        "lugar",
        "place",
        "premise",
        "weapon",
        "arma",
        "bien",
        "medio",
        "transporte",
        "meteorologico",
        "weather",
        "zone",
        "zona",
        "division",
    ]
)
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def split_header(name: str) -> set[str]:
    """Return the words of a column's name, in lower case and without accents: "RMSOccurrenceDate" has rms, occurrence and date."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return {word.lower() for word in _TOKEN.findall(plain)}


def find_by_words(role: str, header: Sequence[str]) -> list[str]:
    """Return the columns whose names have the words of a role, in the file's order."""
    groups, others = _WORDS.get(role, ((), frozenset()))
    words = {name: split_header(name) for name in header} if groups else {}
    return [name for name, its in words.items() if all(its & group for group in groups) and not its & others]


def may_be_where_it_happened(name: str) -> bool:
    """Return whether no word of a column's name says that its addresses are those of people."""
    return not split_header(name) & _PLACES_OF_PEOPLE


def may_name_offense(name: str) -> bool:
    """Return whether no word of a column's name says that it holds something else than offenses."""
    return not split_header(name) & _NO_OFFENSE


def may_be_when_it_happened(name: str) -> bool:
    """Return whether no word of a column's name says that its times are those of a report or of an end."""
    return not split_header(name) & _OTHER_TIMES


def names_time(name: str) -> bool:
    """Return whether a word of a column's name says that it holds times of the day."""
    return bool(split_header(name) & _CLOCKS)
