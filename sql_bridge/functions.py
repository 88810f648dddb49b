"""Tables of SQL functions: what each class of them means for lineage.

By the names of sqlglot's classes, and for functions that it has no class for by their names in lower case.
"""

from __future__ import annotations

#: The result does not show its input: OpenLineage's `masking`. A function of the user's never counts.
MASKING = frozenset({
    "CityHash64", "Count", "CountIf", "MD5", "MD5Digest", "MD5NumberLower64", "MD5NumberUpper64", "SHA", "SHA1Digest",
    "SHA2", "SHA2Digest", "StandardHash", "FarmFingerprint", "ApproxDistinct", "Encrypt",
    "hash", "crc32", "xxhash64", "xxhash_64", "murmur3", "murmur3_hash", "murmur3_32_hash", "spooky_hash_v2_32",
    "spooky_hash_v2_64", "fnv_hash", "farmfingerprint64", "farm_fingerprint", "sha1", "sha256", "sha512", "sha2_hex",
    "sha2_binary", "sha1_hex", "sha1_binary", "md5_hex", "md5_binary", "hmac_md5", "hmac_sha1", "hmac_sha256",
    "hmac_sha512", "mask", "aes_encrypt", "encrypt", "encrypt_raw", "hash_agg", "func_sha1", "digest",
})  # fmt: skip

#: Values that come from the engine and not from data.
GENERATED = frozenset({
    "CurrentTimestamp", "CurrentTimestampLTZ", "CurrentDate", "CurrentDatetime", "CurrentTime", "CurrentTimezone",
    "CurrentUser", "CurrentUserId", "CurrentRole", "CurrentAccount", "CurrentDatabase", "CurrentSchema",
    "CurrentCatalog", "CurrentRegion", "CurrentSession", "CurrentStatement", "CurrentTransaction", "CurrentVersion",
    "CurrentWarehouse", "Localtimestamp", "Localtime", "NextValueFor", "Rand", "Randn", "Randstr", "Uuid",
    "getdate", "sysdate", "now", "random", "uuid", "gen_random_uuid", "generate_uuid", "uuid_string",
    "statement_timestamp", "transaction_timestamp",
    "clock_timestamp", "timeofday", "monotonically_increasing_id", "spark_partition_id",
    "input_file_name", "nextval", "seq1", "seq2", "seq4", "seq8",
})  # fmt: skip

#: Aggregates of Trino, Redshift, Snowflake and Spark that sqlglot has no class for.
AGGREGATES = frozenset({
    "approx_most_frequent", "approx_set", "bitmap_construct_agg", "bitwise_and_agg", "bitwise_or_agg",
    "bitwise_xor_agg", "bool_and", "bool_or", "checksum", "convex_hull_agg", "every", "geometric_mean",
    "geometry_union_agg", "histogram", "histogram_numeric", "map_union", "merge", "multimap_agg",
    "noisy_count_gaussian", "numeric_histogram", "qdigest_agg", "reduce_agg", "regr_intercept", "regr_slope",
    "set_agg", "set_union", "some", "tdigest_agg", "try_avg", "try_sum",
})  # fmt: skip

#: Ranks: what they are given is the window's order key, so they have no DIRECT source.
RANKS = frozenset({"RowNumber", "Rank", "DenseRank", "PercentRank", "CumeDist", "Ntile"})

#: Aggregates by their class, which give one row's value as it is: of a window, that of another row.
OF_ONE_ROW = frozenset({"Lag", "Lead"})

#: Nodes that change nothing for the value.
TRANSPARENT = frozenset({"Paren", "Alias", "Distinct", "IgnoreNulls", "RespectNulls", "Ordered", "Dot", "Identity"})

#: Nodes that are no value at all.
LITERAL = frozenset({
    "Literal", "Null", "Boolean", "DataType", "Interval", "Var", "Identifier", "Star", "HexString", "BitString",
    "RawString", "National", "Parameter", "Placeholder",
})  # fmt: skip
