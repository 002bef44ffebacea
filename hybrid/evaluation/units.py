"""Units of measurement as people write them, brought to one spelling each. No conversion: 24 months is not 2 years.

Bare degrees count as degrees Celsius, as technical documents mean them.
"""

import re

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
    "USD": "dollar", "EUR": "euro",
}  # fmt: skip
"""Canonical spelling to words in the singular, in any case; a plural s is understood."""

_BY_SYMBOL = {symbol: unit for unit, symbols in SYMBOLS.items() for symbol in symbols.split()}
_BY_WORD = {word: unit for unit, words in WORDS.items() for word in words.split(",")}


def _alternatives(names: list[str]) -> str:
    return "|".join(re.escape(name).replace(r"\ ", "[ -]") for name in sorted(names, key=len, reverse=True))


_SYMBOL = re.compile(rf"(?:{_alternatives(list(_BY_SYMBOL))})(?!\w)")
_WORD = re.compile(rf"({_alternatives(list(_BY_WORD))})s?(?!\w)", re.IGNORECASE)
_GAP = re.compile(r"[ \t\u00a0\u202f\u2009]*(?:-(?=[A-Za-z]))?")
_PER = re.compile(r"\s*(?:/|\b(?:per|an?|each)\b)\s*", re.IGNORECASE)


def match_unit(text: str, start: int) -> tuple[str, int]:
    """The canonical unit that begins at `start` (after blanks or a hyphen) and where it ends; "" and `start` if none.

    Rates are put together: "litres per minute", "l/min" and "L/min" all give "l/min".
    """
    gap = _GAP.match(text, start)
    unit, end = _simple(text, gap.end() if gap else start)
    if not unit:
        return "", start
    per = _PER.match(text, end)
    if per:
        below, stop = _simple(text, per.end())
        if below:
            return f"{unit}/{below}", stop
    return unit, end


def _simple(text: str, start: int) -> tuple[str, int]:
    symbol, word = _SYMBOL.match(text, start), _WORD.match(text, start)
    if word and (not symbol or word.end() > symbol.end()):
        return _BY_WORD[word[1].lower().replace("-", " ")], word.end()
    return (_BY_SYMBOL[symbol[0]], symbol.end()) if symbol else ("", start)
