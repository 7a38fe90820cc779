"""The names of countries: ISO codes, names in English and at home, and the slips that data has.

Belongs here: the table and how a spelling is compared. Does not belong here: which countries we sell to
(policy), or regions such as EMEA, which are no countries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# ISO 3166-1: two letters, three letters, then names. The first name is how we write it.
_TABLE: Final = """
AD AND Andorra
AE ARE United Arab Emirates|UAE|Emirates|United Arab Emirate
AF AFG Afghanistan
AG ATG Antigua and Barbuda
AI AIA Anguilla
AL ALB Albania|Shqipëria
AM ARM Armenia
AO AGO Angola
AQ ATA Antarctica
AR ARG Argentina|Argentine Republic
AS ASM American Samoa
AT AUT Austria|Österreich|Oesterreich|Osterreich
AU AUS Australia|Commonwealth of Australia|Austrailia
AW ABW Aruba
AX ALA Åland Islands|Aland Islands
AZ AZE Azerbaijan
BA BIH Bosnia and Herzegovina|Bosnia|Bosnia & Herzegovina|Bosna i Hercegovina
BB BRB Barbados
BD BGD Bangladesh
BE BEL Belgium|België|Belgique|Belgien|Belgie
BF BFA Burkina Faso
BG BGR Bulgaria|България
BH BHR Bahrain
BI BDI Burundi
BJ BEN Benin
BL BLM Saint Barthélemy|Saint Barthelemy
BM BMU Bermuda
BN BRN Brunei|Brunei Darussalam
BO BOL Bolivia|Bolivia, Plurinational State of|Plurinational State of Bolivia
BQ BES Bonaire, Sint Eustatius and Saba|Caribbean Netherlands
BR BRA Brazil|Brasil|Brésil|Brasilien
BS BHS Bahamas|The Bahamas
BT BTN Bhutan
BV BVT Bouvet Island
BW BWA Botswana
BY BLR Belarus|Беларусь
BZ BLZ Belize
CA CAN Canada|Kanada
CC CCK Cocos (Keeling) Islands|Cocos Islands
CD COD Democratic Republic of the Congo|DR Congo|DRC|Congo, The Democratic Republic of the|Congo (Kinshasa)
CF CAF Central African Republic
CG COG Congo|Republic of the Congo|Congo (Brazzaville)
CH CHE Switzerland|Schweiz|Suisse|Svizzera|Swiss Confederation|Switzerlad
CI CIV Côte d'Ivoire|Cote d'Ivoire|Ivory Coast
CK COK Cook Islands
CL CHL Chile
CM CMR Cameroon|Cameroun
CN CHN China|People's Republic of China|PRC|PR China|中国|Mainland China
CO COL Colombia|Columbia
CR CRI Costa Rica
CU CUB Cuba
CV CPV Cabo Verde|Cape Verde
CW CUW Curaçao|Curacao
CX CXR Christmas Island
CY CYP Cyprus|Κύπρος
CZ CZE Czechia|Czech Republic|Česko|Česká republika|Ceska republika|Czech
DE DEU Germany|Deutschland|Federal Republic of Germany|Allemagne|Alemania|Germania|Duitsland|Bundesrepublik Deutschland|Germnay|Gemany
DJ DJI Djibouti
DK DNK Denmark|Danmark|Dänemark
DM DMA Dominica
DO DOM Dominican Republic|República Dominicana
DZ DZA Algeria|Algérie
EC ECU Ecuador
EE EST Estonia|Eesti
EG EGY Egypt
EH ESH Western Sahara
ER ERI Eritrea
ES ESP Spain|España|Espana|Spanien|Espagne
ET ETH Ethiopia
FI FIN Finland|Suomi|Finnland
FJ FJI Fiji
FK FLK Falkland Islands|Falkland Islands (Malvinas)
FM FSM Micronesia|Micronesia, Federated States of
FO FRO Faroe Islands|Faeroe Islands
FR FRA France|Frankreich|French Republic|République française|Francia|Frankrijk
GA GAB Gabon
GB GBR United Kingdom|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland|United Kingdom of Great Britain and Northern Ireland|Großbritannien|Royaume-Uni|Reino Unido|Unitied Kingdom|United Kindom|U K
GD GRD Grenada
GE GEO Georgia
GF GUF French Guiana
GG GGY Guernsey
GH GHA Ghana
GI GIB Gibraltar
GL GRL Greenland
GM GMB Gambia|The Gambia
GN GIN Guinea
GP GLP Guadeloupe
GQ GNQ Equatorial Guinea
GR GRC Greece|Hellas|Ελλάδα|Griechenland|Hellenic Republic
GS SGS South Georgia and the South Sandwich Islands
GT GTM Guatemala
GU GUM Guam
GW GNB Guinea-Bissau
GY GUY Guyana
HK HKG Hong Kong|Hong Kong SAR|Hongkong|Hong Kong SAR China|香港
HM HMD Heard Island and McDonald Islands
HN HND Honduras
HR HRV Croatia|Hrvatska|Kroatien
HT HTI Haiti
HU HUN Hungary|Magyarország|Ungarn
ID IDN Indonesia
IE IRL Ireland|Republic of Ireland|Éire|Eire|Irland
IL ISR Israel
IM IMN Isle of Man
IN IND India|Republic of India|Bharat|भारत|Indien
IO IOT British Indian Ocean Territory
IQ IRQ Iraq
IR IRN Iran|Iran, Islamic Republic of|Islamic Republic of Iran
IS ISL Iceland|Ísland
IT ITA Italy|Italia|Italien|Italie
JE JEY Jersey
JM JAM Jamaica
JO JOR Jordan
JP JPN Japan|日本|Nippon
KE KEN Kenya
KG KGZ Kyrgyzstan
KH KHM Cambodia
KI KIR Kiribati
KM COM Comoros
KN KNA Saint Kitts and Nevis|St Kitts and Nevis
KP PRK North Korea|Korea, Democratic People's Republic of|DPRK
KR KOR South Korea|Korea|Republic of Korea|Korea, Republic of|Korea (South)|대한민국|Korea, South
KW KWT Kuwait
KY CYM Cayman Islands
KZ KAZ Kazakhstan
LA LAO Laos|Lao People's Democratic Republic
LB LBN Lebanon
LC LCA Saint Lucia|St Lucia
LI LIE Liechtenstein
LK LKA Sri Lanka
LR LBR Liberia
LS LSO Lesotho
LT LTU Lithuania|Lietuva
LU LUX Luxembourg|Luxemburg
LV LVA Latvia|Latvija
LY LBY Libya
MA MAR Morocco|Maroc
MC MCO Monaco
MD MDA Moldova|Moldova, Republic of|Republic of Moldova
ME MNE Montenegro
MF MAF Saint Martin|Saint Martin (French part)
MG MDG Madagascar
MH MHL Marshall Islands
MK MKD North Macedonia|Macedonia
ML MLI Mali
MM MMR Myanmar|Burma
MN MNG Mongolia
MO MAC Macao|Macau|Macao SAR
MP MNP Northern Mariana Islands
MQ MTQ Martinique
MR MRT Mauritania
MS MSR Montserrat
MT MLT Malta
MU MUS Mauritius
MV MDV Maldives
MW MWI Malawi
MX MEX Mexico|México|Mexiko|Mexique
MY MYS Malaysia
MZ MOZ Mozambique
NA NAM Namibia
NC NCL New Caledonia
NE NER Niger
NF NFK Norfolk Island
NG NGA Nigeria
NI NIC Nicaragua
NL NLD Netherlands|The Netherlands|Nederland|Holland|Niederlande|Pays-Bas|Netherland|Netherlands, The
NO NOR Norway|Norge|Norwegen
NP NPL Nepal
NR NRU Nauru
NU NIU Niue
NZ NZL New Zealand|Aotearoa|Neuseeland
OM OMN Oman
PA PAN Panama|Panamá
PE PER Peru|Perú
PF PYF French Polynesia
PG PNG Papua New Guinea
PH PHL Philippines|The Philippines|Philipines|Phillipines|Pilipinas
PK PAK Pakistan
PL POL Poland|Polska|Polen|Pologne
PM SPM Saint Pierre and Miquelon
PN PCN Pitcairn|Pitcairn Islands
PR PRI Puerto Rico
PS PSE Palestine|Palestine, State of|State of Palestine
PT PRT Portugal
PW PLW Palau
PY PRY Paraguay
QA QAT Qatar
RE REU Réunion|Reunion
RO ROU Romania|România|Rumänien
RS SRB Serbia|Srbija|Србија
RU RUS Russia|Russian Federation|Россия|Russland
RW RWA Rwanda
SA SAU Saudi Arabia|KSA|Kingdom of Saudi Arabia
SB SLB Solomon Islands
SC SYC Seychelles
SD SDN Sudan
SE SWE Sweden|Sverige|Schweden
SG SGP Singapore|Singapur|Republic of Singapore
SH SHN Saint Helena, Ascension and Tristan da Cunha|Saint Helena
SI SVN Slovenia|Slovenija|Slowenien
SJ SJM Svalbard and Jan Mayen
SK SVK Slovakia|Slovensko|Slovak Republic|Slowakei
SL SLE Sierra Leone
SM SMR San Marino
SN SEN Senegal|Sénégal
SO SOM Somalia
SR SUR Suriname
SS SSD South Sudan
ST STP Sao Tome and Principe|São Tomé and Príncipe
SV SLV El Salvador
SX SXM Sint Maarten
SY SYR Syria|Syrian Arab Republic
SZ SWZ Eswatini|Swaziland
TC TCA Turks and Caicos Islands
TD TCD Chad
TF ATF French Southern Territories
TG TGO Togo
TH THA Thailand
TJ TJK Tajikistan
TK TKL Tokelau
TL TLS Timor-Leste|East Timor
TM TKM Turkmenistan
TN TUN Tunisia|Tunisie
TO TON Tonga
TR TUR Türkiye|Turkey|Turkiye|Türkei
TT TTO Trinidad and Tobago|Trinidad & Tobago
TV TUV Tuvalu
TW TWN Taiwan|Taiwan, Province of China|Taiwan, ROC|台灣
TZ TZA Tanzania|Tanzania, United Republic of|United Republic of Tanzania
UA UKR Ukraine|Україна
UG UGA Uganda
UM UMI United States Minor Outlying Islands
US USA United States|United States of America|U S|U S A|America|The United States|Vereinigte Staaten|États-Unis|Etats-Unis|Estados Unidos|Untied States|United State|Unites States|Verenigde Staten
UY URY Uruguay
UZ UZB Uzbekistan
VA VAT Vatican City|Holy See|Holy See (Vatican City State)
VC VCT Saint Vincent and the Grenadines
VE VEN Venezuela|Venezuela, Bolivarian Republic of
VG VGB British Virgin Islands|Virgin Islands, British
VI VIR U.S. Virgin Islands|Virgin Islands, U.S.|US Virgin Islands
VN VNM Vietnam|Viet Nam
VU VUT Vanuatu
WF WLF Wallis and Futuna
WS WSM Samoa
XK XKX Kosovo
YE YEM Yemen
YT MYT Mayotte
ZA ZAF South Africa|Republic of South Africa|RSA|Südafrika
ZM ZMB Zambia
ZW ZWE Zimbabwe
"""  # noqa: E501 (a country is one line)


def folded(word: str) -> str:
    """A spelling as it is compared: lower case, without dots and outer blanks."""
    # Not casefold: no engine writes "ss" for a sharp s.
    return word.lower().replace(".", "").strip()


def _read() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    code_of: dict[str, str] = {}
    spellings: dict[str, frozenset[str]] = {}
    for line in _TABLE.strip().splitlines():
        two, three, names = line.split(" ", 2)
        words = frozenset(folded(w) for w in (two, three, *names.split("|")))
        spellings[two] = words
        code_of |= dict.fromkeys(words, two)
    return code_of, spellings


_CODE_OF, _SPELLINGS = _read()
# Every spelling that is understood.
UNDERSTOOD: Final = frozenset(_CODE_OF)


def code(word: str) -> str | None:
    """The two letters of a country however it is spelled; None for what is no country we know."""
    return _CODE_OF.get(folded(word))


def spellings(words: Iterable[str]) -> frozenset[str]:
    """Every folded spelling of the countries; a word that is none stands for itself."""
    found: set[str] = set()
    for word in words:
        found |= _SPELLINGS.get(code(word) or "", frozenset({folded(word)}))
    return frozenset(found)
