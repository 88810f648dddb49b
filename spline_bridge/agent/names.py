"""What people call Spark's functions: a plan's JSON has their classes only.

A class's name in snake case is the function's, but for these. Taken from Spark's `FunctionRegistry`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = {
    "ApproximatePercentile": "percentile_approx", "ArrayAggregate": "aggregate", "ArrayExists": "exists",
    "ArrayFilter": "filter", "ArrayForAll": "forall", "ArrayTransform": "transform", "Average": "avg",
    "BRound": "bround", "BitAndAgg": "bit_and", "BitOrAgg": "bit_or", "BitXorAgg": "bit_xor",
    "BitwiseCount": "bit_count", "BitwiseGet": "bit_get", "CallMethodViaReflection": "reflect",
    "CovPopulation": "covar_pop", "CovSample": "covar_samp", "CreateArray": "array", "CreateMap": "map",
    "CreateNamedStruct": "named_struct", "CsvToStructs": "from_csv", "CurrentTimeZone": "current_timezone",
    "DateDiff": "datediff", "DateFormatClass": "date_format", "DayOfMonth": "day", "DayOfWeek": "dayofweek",
    "DayOfYear": "dayofyear", "EndsWith": "endswith", "EulerNumber": "e",
    "Extract": "date_part", "FromUnixTime": "from_unixtime",
    "HyperLogLogPlusPlus": "approx_count_distinct", "ILike": "ilike", "InitCap": "initcap", "IntegralDivide": "div",
    "IsNaN": "isnan", "IsNotNull": "isnotnull", "IsNull": "isnull", "JsonToStructs": "from_json",
    "LengthOfJsonArray": "json_array_length", "LocalTimestamp": "localtimestamp", "Log": "ln", "Logarithm": "log",
    "Luhncheck": "luhn_check", "MicrosToTimestamp": "timestamp_micros", "MillisToTimestamp": "timestamp_millis",
    "Murmur3Hash": "hash", "NTile": "ntile", "NaNvl": "nanvl", "NullIf": "nullif", "ParseToDate": "to_date",
    "ParseToTimestamp": "to_timestamp", "PosExplode": "posexplode", "RLike": "rlike", "RegExpCount": "regexp_count",
    "RegExpExtract": "regexp_extract", "RegExpExtractAll": "regexp_extract_all", "RegExpInStr": "regexp_instr",
    "RegExpReplace": "regexp_replace", "RegExpSubStr": "regexp_substr", "RegrAvgX": "regr_avgx",
    "RegrAvgY": "regr_avgy", "SecondsToTimestamp": "timestamp_seconds", "ShiftLeft": "shiftleft",
    "ShiftRight": "shiftright", "ShiftRightUnsigned": "shiftrightunsigned", "SoundEx": "soundex",
    "SparkVersion": "version", "StartsWith": "startswith",
    "StddevSamp": "stddev", "StringInstr": "instr", "StringLPad": "lpad",
    "StringLocate": "locate", "StringRPad": "rpad",
    "StringRepeat": "repeat", "StringReplace": "replace", "StringSpace": "space", "StringSplit": "split",
    "StringToMap": "str_to_map", "StringTranslate": "translate", "StringTrim": "trim", "StringTrimBoth": "btrim",
    "StringTrimLeft": "ltrim", "StringTrimRight": "rtrim", "StructsToCsv": "to_csv", "StructsToJson": "to_json",
    "TimeWindow": "window", "TimestampAdd": "timestampadd", "TimestampDiff": "timestampdiff",
    "ToCharacter": "to_char", "ToDegrees": "degrees", "ToRadians": "radians",
    "TruncDate": "trunc", "TruncTimestamp": "date_trunc", "TypeOf": "typeof", "UnBase64": "unbase64",
    "UnaryMinus": "negative", "UnaryPositive": "positive", "VariancePop": "var_pop", "VarianceSamp": "var_samp",
    "WeekDay": "weekday", "WeekOfYear": "weekofyear", "XPathBoolean": "xpath_boolean", "XPathDouble": "xpath_double",
    "XPathFloat": "xpath_float", "XPathInt": "xpath_int", "XPathList": "xpath", "XPathLong": "xpath_long",
    "XPathShort": "xpath_short", "XPathString": "xpath_string", "XxHash64": "xxhash64",
}  # fmt: skip

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=1_000)
def function_name(class_name: str) -> str:
    """The name of a function, by its class without the package: ``regexp_replace`` of ``RegExpReplace``."""
    return _NAMES.get(class_name) or _WORDS.sub("_", class_name).lower()
