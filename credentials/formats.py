"""What text may hold: the text rules of every field, and the named formats (docs/class-schemas.md).

A format is a predicate with the sentence that is said when it fails; each predicate cites its standard. There is
none for numbers that identify a natural person: no certificate may hold such a number.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import cycle
from typing import Final

Why = tuple[str, str]
"""Why a value is refused, in English and in Chinese; both go on from the name of the field."""

DECIMAL_CHARACTERS_MAX: Final = 40

_DECIMAL: Final = re.compile(r"(?!-0(\.0+)?\Z)-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UTC_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_YEAR_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

_FORBIDDEN: Final = {
    "Cc": ("a control character", "控制字符"),
    "Cs": ("half of a surrogate pair", "代理项"),
    "Co": ("a private-use character", "私用区字符"),
    "Cn": ("no assigned character", "未分配字符"),
    "Zl": ("a line separator", "行分隔符"),
    "Zp": ("a paragraph separator", "段分隔符"),
}
_BIDIRECTIONAL: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def text_fault(text: str) -> Why | None:
    """Why a text breaks the text rules, naming the first wrong character's position (counted from 1), or None."""
    if text.isprintable() and unicodedata.is_normalized("NFC", text):
        return None  # nearly every text; what is not printable is looked at one by one
    for position, character in enumerate(text, start=1):
        category = unicodedata.category(character)
        en, zh = _FORBIDDEN.get(category, ("a bidirectional control", "双向控制字符"))
        if category in _FORBIDDEN or character in _BIDIRECTIONAL:
            code = f"U+{ord(character):04X}"
            return (
                f"holds {en} ({code}) as character {position}; remove it",
                f"第 {position} 个字符 {code} 是{zh},请删除",
            )
    normal = unicodedata.normalize("NFC", text)
    if normal == text:
        return None
    position = 1 + next(
        (i for i, pair in enumerate(zip(text, normal, strict=False)) if pair[0] != pair[1]), len(normal)
    )
    return (
        f"is not in Unicode normalisation form C from character {position} on; normalise it",
        f"从第 {position} 个字符起不是 Unicode NFC 规范形式,请先规范化",
    )


def printable(text: str, characters_max: int = 40) -> str:
    """The beginning of a foreign text, fit for any screen and encoding."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:characters_max])


def is_date(text: str) -> bool:
    """A day of the calendar as YYYY-MM-DD (RFC 3339 full-date)."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_decimal(text: str) -> bool:
    """A decimal in its one form: no leading zero, plus sign, exponent or negative zero; it may end in zeros."""
    return len(text) <= DECIMAL_CHARACTERS_MAX and _DECIMAL.fullmatch(text) is not None


def decimal_scale(text: str) -> int:
    """The number of digits after the point of a decimal."""
    return len(text.partition(".")[2])


def in_range(value: int | Decimal, minimum: int | Decimal | None, maximum: int | Decimal | None) -> bool:
    """Whether `value` lies between the limits that are given."""
    return (minimum is None or minimum <= value) and (maximum is None or value <= maximum)


def is_utc_time(text: str) -> bool:
    """A moment as YYYY-MM-DDThh:mm:ssZ (RFC 3339 date-time in UTC, whole seconds)."""
    match = _UTC_TIME.fullmatch(text)
    return match is not None and is_date(match[1])


def is_year_month(text: str) -> bool:
    """A month as YYYY-MM (ISO 8601)."""
    return _YEAR_MONTH.fullmatch(text) is not None


# --- check digits ---------------------------------------------------------------------------------------------------

_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT: Final = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")
_CONTAINER: Final = re.compile(r"[A-Z]{3}[UJZ][0-9]{7}")
_CONTAINER_VALUES: Final = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))


def is_unified_social_credit_code(text: str) -> bool:
    """GB 32100-2015: 18 characters, the last a check of the others with weights 3^i modulo 31."""
    if not _CREDIT.fullmatch(text):
        return False
    total = sum(_CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(text[:17]))
    return _CREDIT_ALPHABET[-total % 31] == text[17]


def is_gtin(text: str, digits: int) -> bool:
    """GS1 General Specifications 7.9: `digits` digits of which the last makes the weighted sum a multiple of ten."""
    if not re.fullmatch(rf"[0-9]{{{digits}}}", text):
        return False
    return sum(int(d) * weight for d, weight in zip(reversed(text), cycle((1, 3)))) % 10 == 0


def is_luhn(text: str) -> bool:
    """ISO/IEC 7812-1 annex B: 8 to 19 digits, the last a check modulo 10 with every second digit doubled."""
    if not re.fullmatch(r"[0-9]{8,19}", text):
        return False
    doubled = [sum(divmod(int(d) * weight, 10)) for d, weight in zip(reversed(text), cycle((1, 2)))]
    return sum(doubled) % 10 == 0


def is_mod_11_2(text: str) -> bool:
    """ISO/IEC 7064 MOD 11-2: 8 to 20 digits, of which the last is the check, X for ten."""
    if not re.fullmatch(r"[0-9]{7,19}[0-9X]", text):
        return False
    rest = 0
    for digit in text[:-1]:
        rest = (rest + int(digit)) * 2 % 11
    return "0123456789X"[(12 - rest) % 11] == text[-1]


def is_mod_97_10(text: str) -> bool:
    """ISO/IEC 7064 MOD 97-10: 8 to 34 capital letters and digits, ending in two check digits."""
    if not re.fullmatch(r"[0-9A-Z]{6,32}[0-9]{2}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text)) % 97 == 1


def is_container_number(text: str) -> bool:
    """ISO 6346: owner, U, J or Z, six digits and a check digit."""
    if not _CONTAINER.fullmatch(text):
        return False
    values = [_CONTAINER_VALUES.get(c) or int(c) for c in text[:10]]
    return sum(value << place for place, value in enumerate(values)) % 11 % 10 == int(text[10])


# --- lists and shapes -----------------------------------------------------------------------------------------------


def _codes(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_COUNTRIES: Final = _codes(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
)
_CURRENCIES: Final = _codes(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """
)
_PROVINCES: Final = _codes(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82"
)
_INDUSTRY_DIVISIONS: Final = {
    "A": (1, 5), "B": (6, 12), "C": (13, 43), "D": (44, 46), "E": (47, 50), "F": (51, 52), "G": (53, 60),
    "H": (61, 62), "I": (63, 65), "J": (66, 69), "K": (70, 70), "L": (71, 72), "M": (73, 75), "N": (76, 79),
    "O": (80, 82), "P": (83, 83), "Q": (84, 85), "R": (86, 90), "S": (91, 96), "T": (97, 97),
}  # fmt: skip


def is_country(text: str) -> bool:
    """ISO 3166-1 alpha-2, the officially assigned codes."""
    return text in _COUNTRIES


def is_currency(text: str) -> bool:
    """ISO 4217, the codes of money in circulation."""
    return text in _CURRENCIES


def is_hs_code(text: str) -> bool:
    """Harmonized System of the World Customs Organization: 6 digits, nationally 8 or 10; chapters 01-97 but 77."""
    return re.fullmatch(r"[0-9]{6}([0-9]{2}){0,2}", text) is not None and text[:2] not in ("00", "77", "98", "99")


def is_un_locode(text: str) -> bool:
    """UNECE Recommendation 16: the country and three letters or digits 2-9 of the place; form only."""
    return re.fullmatch(r"[A-Z]{2}[A-Z2-9]{3}", text) is not None and is_country(text[:2])


def is_cn_division(text: str) -> bool:
    """GB/T 2260: six digits of an administrative division, of which the first two name a province."""
    return re.fullmatch(r"[0-9]{6}", text) is not None and text[:2] in _PROVINCES


def is_cn_industry(text: str) -> bool:
    """GB/T 4754-2017: the letter of a section and two to four digits that begin with one of its divisions."""
    if not re.fullmatch(r"[A-T][0-9]{2,4}", text):
        return False
    first, last = _INDUSTRY_DIVISIONS[text[0]]
    return first <= int(text[1:3]) <= last


def is_cn_discipline(text: str) -> bool:
    """Chinese catalogues of study: class (4 digits) or subject (6 digits) of fields 01-14, bachelor's with T and K."""
    return re.fullmatch(r"(0[1-9]|1[0-4])[0-9]{2}([0-9]{2}T?K?)?", text) is not None


def is_heat_number(text: str) -> bool:
    """Field B07 of EN 10168, which leaves its form to the mill; here 6 to 12 capitals and digits, at least 4 digits."""
    return re.fullmatch(r"(?=([A-Z]*[0-9]){4})[0-9A-Z]{6,12}", text) is not None


def is_sha_256(text: str) -> bool:
    """A digest of FIPS 180-4 SHA-256 as 64 lower-case hex digits."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


@dataclass(frozen=True, slots=True)
class Format:
    """A named format: when it holds, and what is said when it does not."""

    holds: Callable[[str], bool]
    why: str
    why_zh: str


FORMATS: Final = {
    "unified-social-credit-code": Format(
        is_unified_social_credit_code,
        "is no unified social credit code (GB 32100-2015); compare its 18 characters with the licence",
        "不是有效的统一社会信用代码(GB 32100-2015),请对照营业执照核对18位字符",
    ),
    "hs-code": Format(
        is_hs_code,
        "is no HS code: 6, 8 or 10 digits of a chapter from 01 to 97",
        "不是有效的HS编码:须为6、8或10位数字,章号为01至97",
    ),
    "gtin-13": Format(
        lambda text: is_gtin(text, 13),
        "is no GTIN-13: 13 digits of which the last is the check digit",
        "不是有效的GTIN-13:须为13位数字,末位为校验码",
    ),
    "gtin-14": Format(
        lambda text: is_gtin(text, 14),
        "is no GTIN-14: 14 digits of which the last is the check digit",
        "不是有效的GTIN-14:须为14位数字,末位为校验码",
    ),
    "luhn": Format(
        is_luhn,
        "fails the Luhn check of ISO/IEC 7812-1: 8 to 19 digits of which the last is the check digit",
        "未通过Luhn校验(ISO/IEC 7812-1):须为8至19位数字,末位为校验码",
    ),
    "iso7064-mod-11-2": Format(
        is_mod_11_2,
        "fails the check of ISO/IEC 7064 MOD 11-2: 8 to 20 digits of which the last (0-9 or X) is the check",
        "未通过ISO/IEC 7064 MOD 11-2校验:须为8至20位,末位(0-9或X)为校验码",
    ),
    "iso7064-mod-97-10": Format(
        is_mod_97_10,
        "fails the check of ISO/IEC 7064 MOD 97-10: 8 to 34 capitals and digits that end in two check digits",
        "未通过ISO/IEC 7064 MOD 97-10校验:须为8至34位大写字母和数字,末两位为校验码",
    ),
    "container-number": Format(
        is_container_number,
        "is no container number (ISO 6346): four letters, six digits and their check digit",
        "不是有效的集装箱箱号(ISO 6346):四位字母、六位数字及一位校验码",
    ),
    "country": Format(
        is_country, "is no country code of ISO 3166-1 alpha-2, such as CN", "不是ISO 3166-1两位国家代码,例如CN"
    ),
    "currency": Format(is_currency, "is no currency code of ISO 4217, such as CNY", "不是ISO 4217货币代码,例如CNY"),
    "un-locode": Format(
        is_un_locode,
        "is no UN/LOCODE: a country code and three characters of the place, such as CNTAO",
        "不是UN/LOCODE:须为国家代码加三位地点代码,例如CNTAO",
    ),
    "cn-division": Format(
        is_cn_division,
        "is no division code of GB/T 2260: six digits that begin with a province, such as 520300",
        "不是GB/T 2260行政区划代码:须为以省级代码开头的六位数字,例如520300",
    ),
    "cn-industry": Format(
        is_cn_industry,
        "is no industry code of GB/T 4754: a section letter and two to four digits of it, such as C3130",
        "不是GB/T 4754行业代码:须为门类字母加二至四位数字,例如C3130",
    ),
    "cn-discipline": Format(
        is_cn_discipline,
        "is no code of a subject of study: four or six digits of fields 01 to 14, such as 080901 or 0812",
        "不是学科专业代码:须为学科门类01至14的四位或六位代码,例如080901或0812",
    ),
    "heat-number": Format(
        is_heat_number,
        "is no heat number: 6 to 12 capital letters and digits, at least 4 of them digits",
        "不是有效的炉号:须为6至12位大写字母和数字,其中至少4位数字",
    ),
    "sha-256": Format(
        is_sha_256, "is no SHA-256 digest: 64 lower-case hex digits", "不是SHA-256摘要:须为64位小写十六进制数"
    ),
    "utc-time": Format(
        is_utc_time, "is no time in UTC, such as 2025-03-31T08:00:00Z", "不是UTC时间,格式例如2025-03-31T08:00:00Z"
    ),
    "year-month": Format(is_year_month, "is no month, such as 2025-03", "不是月份,格式例如2025-03"),
}
