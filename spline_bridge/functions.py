"""Tables of Spark's functions and operators: what each class of them means for lineage.

Names are the simple names of Spark Catalyst classes (``org.apache.spark.sql.catalyst``), as the agent sends them.
"""

from __future__ import annotations

#: The result does not show its input: OpenLineage's `masking`, with `hash` and `count` as examples. A UDF never
#: counts, whatever its name.
MASKING = frozenset({
    "Md5", "Sha1", "Sha2", "Crc32", "HiveHash", "Murmur3Hash", "XxHash64", "HashExpression", "Mask", "AesEncrypt",
    "MaskHash", "Sha", "Count", "CountIf", "RegrCount", "HyperLogLogPlusPlus", "ApproxCountDistinctForIntervals",
    "CountMinSketchAgg", "HllSketchAgg", "HllUnionAgg", "HllUnion", "HllSketchEstimate",
})  # fmt: skip

#: Functions whose literal arguments are keys: their text never shows them.
SECRET_ARGUMENTS = frozenset({"AesEncrypt", "AesDecrypt", "TryAesDecrypt"})

#: Functions that take a seed.
SEEDED = frozenset({"Rand", "Randn", "Uuid", "RandStr", "Uniform"})

#: Wrappers that change nothing for the reader or for the value.
TRANSPARENT = frozenset({
    "Alias", "KnownNotNull", "KnownNullable", "KnownFloatingPointNormalized", "NormalizeNaNAndZero", "PromotePrecision",
    "CheckOverflow", "CheckOverflowInSum", "CheckOverflowInTableInsert", "Extract", "ExtractANSIIntervalDays",
    "TempResolvedColumn", "ToPrettyString", "AssertNotNull", "UpCast",
    "OuterReference", "ScalarSubqueryReference", "TaggingExpression", "UnwrapOption", "Collate",
    "LateralColumnAliasReference", "DatetimeSub", "NullIf", "Nvl", "IfNull", "Decode", "NullIfZero", "ZeroIfNull",
})  # fmt: skip

#: Ranks: what they are given is the window's order key, so they have no DIRECT source.
RANKS = frozenset({"Rank", "DenseRank", "PercentRank", "RowNumber", "CumeDist", "NTile", "RankLike"})

#: Values that come from the engine and not from data.
GENERATED = frozenset({
    "CurrentTimestamp", "CurrentDate", "Now", "LocalTimestamp", "CurrentTimeZone", "CurrentUser", "CurrentCatalog",
    "CurrentDatabase", "CurrentBatchTimestamp", "CurDateExpressionBuilder", "MonotonicallyIncreasingID",
    "SparkPartitionID", "InputFileName", "InputFileBlockStart", "InputFileBlockLength", "Uuid", "Rand", "Randn",
    "RandStr", "Uniform", "SparkVersion", "GroupingID", "Grouping", "VirtualColumn", "GenerateIdentityValues",
})  # fmt: skip

#: Parts of a window specification that are neither keys nor values.
FRAMES = frozenset({
    "SpecifiedWindowFrame", "UnspecifiedFrame", "CurrentRow", "UnboundedPreceding", "UnboundedFollowing",
})  # fmt: skip

#: Expressions that hold a whole plan, which the agent sends as text only.
SUBQUERIES = frozenset({"ScalarSubquery", "Exists", "ListQuery", "LateralSubquery", "DynamicPruningSubquery"})

#: Operators whose output is their child's, whatever else they do.
PASS_THROUGH = frozenset({
    "SubqueryAlias", "View", "Repartition", "RepartitionByExpression", "RebalancePartitions", "GlobalLimit",
    "LocalLimit", "Limit", "Offset", "Tail", "Sample", "ResolvedHint", "UnresolvedHint", "CTERelationDef",
    "EventTimeWatermark", "CollectMetrics", "InMemoryRelation", "WithWindowDefinition", "Subquery", "ReturnAnswer",
    "DomainJoin", "LogicalQueryStage", "CacheTableAsSelect", "TypedFilter",
})  # fmt: skip

#: Code that a plan cannot show: every output column may come from every input column.
OPAQUE = frozenset({
    "MapInPandas", "PythonMapInArrow", "MapInArrow", "MapInPandasExec", "FlatMapGroupsInPandas", "FlatMapGroupsInArrow",
    "FlatMapCoGroupsInPandas", "FlatMapCoGroupsInArrow", "FlatMapGroupsInPandasWithState", "TransformWithStateInPandas",
    "TransformWithStateInPySpark", "MapPartitions", "MapPartitionsInR", "MapPartitionsInRWithArrow",
    "FlatMapGroupsInR", "FlatMapGroupsInRWithArrow", "MapElements", "MapGroups", "CoGroup", "AppendColumns",
    "AppendColumnsWithObject", "FlatMapGroupsWithState", "TransformWithState", "SerializeFromObject",
    "DeserializeToObject", "ScriptTransformation", "AttachDistributedSequence",
})  # fmt: skip

#: Leaves that hold rows of the program itself.
LOCAL = frozenset({"LocalRelation", "OneRowRelation", "CommandResult", "EmptyRelation"})

#: Binary operators with their text and precedence; a higher one binds tighter.
BINARY = {
    "Multiply": ("*", 70),
    "Divide": ("/", 70),
    "IntegralDivide": ("div", 70),
    "Remainder": ("%", 70),
    "Add": ("+", 60),
    "Subtract": ("-", 60),
    "SubtractDates": ("-", 60),
    "SubtractTimestamps": ("-", 60),
    "BitwiseAnd": ("&", 55),
    "BitwiseXor": ("^", 54),
    "BitwiseOr": ("|", 53),
    "EqualTo": ("=", 50),
    "EqualNullSafe": ("<=>", 50),
    "LessThan": ("<", 50),
    "LessThanOrEqual": ("<=", 50),
    "GreaterThan": (">", 50),
    "GreaterThanOrEqual": (">=", 50),
    "Like": ("LIKE", 50),
    "ILike": ("ILIKE", 50),
    "RLike": ("RLIKE", 50),
    "And": ("AND", 30),
    "Or": ("OR", 20),
}

#: Commands that keep the rows that they do not touch.
ROW_LEVEL = frozenset({
    "MergeIntoCommand", "MergeIntoTable", "MergeIntoIcebergTable", "UpdateCommand", "UpdateTable", "DeleteCommand",
    "DeleteFromTable", "ReplaceData", "WriteDelta", "MergeIntoHoodieTableCommand", "UpdateHoodieTableCommand",
    "DeleteHoodieTableCommand",
})  # fmt: skip

#: ``ALTER TABLE ... RENAME COLUMN``: an agent says which columns the table has after it, and from which they are.
RENAME = "RenameColumn"

#: Commands that leave nothing in the target.
EMPTIES = frozenset({"TruncateTable", "TruncateTableCommand", "TruncateHoodieTableCommand"})
#: Those that do so where their param `allRows` says it: a DELETE without WHERE.
DELETES = frozenset({"DeleteCommand", "DeleteFromTable"})

#: Commands that leave rows of the target as they were.
KEEPS = ROW_LEVEL | {"OverwritePartitionsDynamic", "DeltaDynamicPartitionOverwriteCommand", RENAME}

#: Commands that always replace the whole target.
WHOLE = frozenset({
    "CreateDataSourceTableAsSelectCommand", "CreateHiveTableAsSelectCommand", "CreateTableAsSelect",
    "ReplaceTableAsSelect", "OptimizedCreateHiveTableAsSelectCommand", "AlterTableRenameCommand", "RenameTable",
    "CreateHoodieTableAsSelectCommand", "DropColumns",
})  # fmt: skip
