"""Units of measurement as people write them in their language, brought to one spelling each.

1200 mm is 1.2 m, but 24 months is not 2 years: nobody says so of a warranty.

Bare degrees count as degrees Celsius, as technical documents mean them.
"""

import itertools
import re
from functools import cache

from hybrid.languages.words import UNSPACED

SYMBOLS: dict[str, str] = {
    "Nm": "Nm N·m N⋅m N.m N-m NM", "kNm": "kNm", "N": "N", "kN": "kN",
    "°C": "°C ºC ˚C degC C ℃ ° deg", "°F": "°F ºF degF F ℉", "K": "K",
    "h": "h hr hrs", "min": "min mins", "s": "s sec secs", "ms": "ms", "day": "d", "year": "yr yrs", "week": "wk wks",
    "mm": "mm MM", "cm": "cm", "m": "m", "km": "km", "µm": "µm μm um", "nm": "nm", "inch": "″", "foot": "ft",
    "mg": "mg", "µg": "µg μg ug", "g": "g", "kg": "kg Kg KG", "t": "t", "lb": "lb lbs", "oz": "oz",
    "ml": "ml mL", "cl": "cl cL", "l": "l L", "m3": "m3 m³ m^3 cbm", "m2": "m2 m² m^2", "mm2": "mm2 mm² mm^2",
    "cm2": "cm2 cm² cm^2", "cm3": "cm3 cm³ cm^3 cc", "mm3": "mm3 mm³", "gal": "gal",
    "l/min": "lpm LPM", "gal/min": "gpm GPM", "km/h": "kph kmh", "mi/h": "mph",
    "rpm": "rpm RPM r/min U/min 1/min min-1 min⁻¹",
    "bar": "bar Bar barg bar(g)", "mbar": "mbar", "Pa": "Pa", "kPa": "kPa", "MPa": "MPa", "psi": "psi PSI",
    "V": "V", "kV": "kV", "mV": "mV", "A": "A", "mA": "mA", "Ah": "Ah", "W": "W", "mW": "mW", "kW": "kW KW kw",
    "MW": "MW", "Wh": "Wh", "kWh": "kWh kwh KWh", "VA": "VA", "kVA": "kVA",
    "ohm": "Ω Ω", "kohm": "kΩ kΩ kohm", "Mohm": "MΩ MΩ Mohm", "Hz": "Hz hz HZ", "kHz": "kHz", "MHz": "MHz",
    "GHz": "GHz", "dB": "dB db", "dB(A)": "dB(A) dBA", "cSt": "cSt", "mPas": "mPas mPa·s mPa⋅s",
    "kB": "kB KB", "MB": "MB", "GB": "GB", "TB": "TB",
    "%": "% ％", "‰": "‰", "ppm": "ppm", "USD": "USD $", "EUR": "EUR €", "GBP": "GBP £",
}  # fmt: skip
"""Canonical spelling to symbols, where letter case tells units apart."""

WORDS: dict[str, str] = {
    "Nm": "newton metre,newton meter,newtonmetre,newtonmeter", "N": "newton",
    "°C": "degree,degree c,degrees c,degree celsius,degrees celsius,degree centigrade,degrees centigrade,deg c,celsius,"
    "centigrade,° c",
    "°F": "degree f,degrees f,degree fahrenheit,degrees fahrenheit,fahrenheit", "K": "kelvin",
    "h": "hour,operating hour,running hour,service hour", "min": "minute", "s": "second", "ms": "millisecond",
    "working day": "working day,business day,workday", "day": "day,calendar day", "week": "week", "month": "month",
    "year": "year", "mm": "millimetre,millimeter", "cm": "centimetre,centimeter", "m": "metre,meter",
    "km": "kilometre,kilometer", "µm": "micron,micrometre,micrometer", "inch": "inch,inche", "foot": "foot,feet",
    "mile": "mile", "mg": "milligram", "g": "gram,gramme", "kg": "kilogram,kilogramme,kilo", "t": "tonne,ton",
    "lb": "pound", "oz": "ounce", "ml": "millilitre,milliliter", "l": "litre,liter", "gal": "gallon",
    "m3": "cubic metre,cubic meter", "m2": "square metre,square meter", "rpm": "revolutions per minute,revs per minute",
    "Pa": "pascal", "bar": "bar", "psi": "pounds per square inch", "V": "volt", "A": "amp,ampere", "W": "watt",
    "kW": "kilowatt", "kWh": "kilowatt hour", "ohm": "ohm", "Mohm": "megohm,megaohm", "Hz": "hertz",
    "dB": "decibel", "%": "percent,per cent,pct", "percentage point": "percentage point", "ppm": "parts per million",
    "USD": "dollar", "EUR": "euro", "mi/h": "miles an hour",
}  # fmt: skip
"""Canonical spelling to words in the singular, in any case; a plural s is understood."""

_BY_SYMBOL = {symbol: unit for unit, symbols in SYMBOLS.items() for symbol in symbols.split()}
_BY_WORD = {word: unit for unit, words in WORDS.items() for word in words.split(",")}

_CLDR: dict[str, str] = {
    "torque-newton-meter": "Nm", "force-newton": "N", "temperature-celsius": "°C", "temperature-fahrenheit": "°F",
    "angle-degree": "°C", "duration-hour": "h", "duration-minute": "min", "duration-second": "s",
    "duration-millisecond": "ms", "duration-day": "day", "duration-week": "week", "duration-month": "month",
    "duration-year": "year", "length-millimeter": "mm", "length-centimeter": "cm", "length-meter": "m",
    "length-kilometer": "km", "length-mile": "mile", "length-inch": "inch", "length-foot": "foot",
    "mass-milligram": "mg", "mass-gram": "g", "mass-kilogram": "kg", "mass-tonne": "t", "mass-pound": "lb",
    "volume-milliliter": "ml", "volume-centiliter": "cl", "volume-liter": "l", "volume-cubic-meter": "m3",
    "area-square-meter": "m2", "pressure-bar": "bar", "pressure-millibar": "mbar", "pressure-pascal": "Pa",
    "pressure-kilopascal": "kPa", "pressure-megapascal": "MPa", "electric-volt": "V", "electric-ampere": "A",
    "electric-ohm": "ohm", "power-watt": "W", "power-kilowatt": "kW", "energy-kilowatt-hour": "kWh",
    "frequency-hertz": "Hz", "frequency-kilohertz": "kHz", "digital-kilobyte": "kB", "digital-megabyte": "MB",
    "digital-gigabyte": "GB", "digital-terabyte": "TB", "speed-kilometer-per-hour": "km/h", "concentr-percent": "%",
    "concentr-permille": "‰", "concentr-part-per-1e6": "ppm",
}  # fmt: skip
"""Units of the Unicode locale data (cldr.unicode.org), whose names in other languages are read from there."""

_CURRENCIES: dict[str, str] = {
    "USD": "dollar,dólar,dólares,dollari,dollaro,доллар,доллара,долларов,долларах,美元,美金,米ドル,ドル,달러,us-dollar",
    "EUR": "euro,euros,евро,欧元,歐元,ユーロ,유로",
    "GBP": "pound sterling,pounds sterling,pfund,libras,livres,sterline,фунтов,英镑,ポンド",
    "JPY": "yen,¥,円,日元", "CNY": "yuan,元,人民币,юаней", "RUB": "ruble,rouble,rubel,рубль,рубля,рублей,руб,₽",
    "CHF": "franken,francs suisses,chf", "KRW": "won,원,₩",
}  # fmt: skip
"""By their usual names, as nobody writes `US-Dollar` in a handbook."""

_SCALE: dict[str, tuple[str, float]] = {
    "µm": ("m", 1e-6), "nm": ("m", 1e-9), "mm": ("m", 1e-3), "cm": ("m", 1e-2), "km": ("m", 1e3),
    "mg": ("kg", 1e-6), "µg": ("kg", 1e-9), "g": ("kg", 1e-3), "t": ("kg", 1e3),
    "ml": ("l", 1e-3), "cl": ("l", 1e-2), "m3": ("l", 1e3), "cm3": ("l", 1e-3), "mm3": ("l", 1e-6),
    "cm2": ("m2", 1e-4), "mm2": ("m2", 1e-6),
    "ms": ("s", 1e-3), "min": ("s", 60.0), "h": ("s", 3600.0), "day": ("s", 86400.0), "week": ("s", 604800.0),
    "mV": ("V", 1e-3), "kV": ("V", 1e3), "mA": ("A", 1e-3), "mW": ("W", 1e-3), "kW": ("W", 1e3), "MW": ("W", 1e6),
    "Wh": ("kWh", 1e-3), "mbar": ("bar", 1e-3), "kPa": ("Pa", 1e3), "MPa": ("Pa", 1e6), "kN": ("N", 1e3),
    "kNm": ("Nm", 1e3), "kHz": ("Hz", 1e3), "MHz": ("Hz", 1e6), "GHz": ("Hz", 1e9), "kohm": ("ohm", 1e3),
    "Mohm": ("ohm", 1e6), "MB": ("kB", 1e3), "GB": ("kB", 1e6), "TB": ("kB", 1e9),
}  # fmt: skip
"""Units of one dimension whose ratio nobody disputes. A month is no number of days and a year no number of hours."""


def in_base(value: float, unit: str) -> tuple[float, str]:
    """The same quantity in the base unit of its dimension: (1.2, "m") for (1200, "mm"). A rate by what stands above."""
    prefix = "±" if unit.startswith("±") else ""
    above, slash, below = unit.removeprefix("±").partition("/")
    base, factor = _SCALE.get(above, (above, 1.0))
    return value * factor, f"{prefix}{base}{slash}{below}"


def _alternatives(names: list[str]) -> str:
    return "|".join(re.escape(name).replace(r"\ ", "[ -]") for name in sorted(names, key=len, reverse=True))


_SYMBOL = re.compile(rf"(?:{_alternatives(list(_BY_SYMBOL))})(?![^\W{UNSPACED}])")
_WORD = re.compile(rf"({_alternatives(list(_BY_WORD))})s?(?![^\W{UNSPACED}])", re.IGNORECASE)
_GAP = re.compile(r"[ \t\u00a0\u202f\u2009]*(?:-(?=[A-Za-z]))?")
_PER = re.compile(r"\s*(?:/|\b(?:per|an?|each|pro|par|por|al?|в|на)\b|毎|每)\s*", re.IGNORECASE)
_ENDINGS = r"(?:s|es|n|en|ns|e|[а-я]{1,2}|间|間)?"
"""What inflection adds to a name."""


def match_unit(text: str, start: int, language: str = "en") -> tuple[str, int]:
    """The canonical unit that begins at `start` (after blanks or a hyphen) and where it ends; "" and `start` if none.

    Names are read in the language and in English. Rates are put together: "litres per minute", "l/min" and "L/min" all
    give "l/min".
    """
    gap = _GAP.match(text, start)
    unit, end = _simple(text, gap.end() if gap else start, language)
    if not unit:
        return "", start
    per = _PER.match(text, end)
    if per:
        below, stop = _simple(text, per.end(), language)
        if below:
            return f"{unit}/{below}", stop
    return unit, end


def _simple(text: str, start: int, language: str) -> tuple[str, int]:
    pattern, names = _local(language)
    found: list[tuple[int, str]] = []
    if symbol := _SYMBOL.match(text, start):
        found.append((symbol.end(), _BY_SYMBOL[symbol[0]]))
    if word := _WORD.match(text, start):
        found.append((word.end(), _BY_WORD[word[1].lower().replace("-", " ")]))
    if local := pattern.match(text, start):
        found.append((local.end(), names[local[1].casefold()]))
    end, unit = max(found, key=lambda item: item[0], default=(start, ""))
    return unit, end


@cache
def _local(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Names of units and currencies in a language, as the locale data has them and as people write them."""
    from babel.units import format_unit

    names: dict[str, str] = {}
    for code, unit in _CLDR.items() if language != "en" else ():
        # one, a few, many: forms of a plural
        for number, length in itertools.product((1, 2, 5), ("long", "short")):
            shown = format_unit(number, code, length, locale=language)
            name = shown.replace(str(number), "").strip(" \u00a0\u202f\u200f.").casefold()
            if len(name) > 1 or not name.isascii():
                names.setdefault(name, unit)
    for currency, words in _CURRENCIES.items():
        names |= dict.fromkeys(words.casefold().split(","), currency)
    if language == "ko":
        names |= {"시간": "h", "개월": "month"}
    if language == "ja":
        names |= {
            "ヶ月": "month",
            "か月": "month",
            "カ月": "month",
            "箇月": "month",
            "時間": "h",
            "度": "°C",
            "ミリ": "mm",
            "センチ": "cm",
        }
    if language == "zh":
        names |= {
            "个月": "month",
            "個月": "month",
            "小时": "h",
            "钟头": "h",
            "度": "°C",
            "公斤": "kg",
            "公里": "km",
            "吨": "t",
            "天": "day",
            "日": "day",
        }
    ordered = _alternatives(list(names))
    return re.compile(rf"({ordered}){_ENDINGS}(?![^\W{UNSPACED}])", re.IGNORECASE), names
