from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r13_structs").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
e = spark.read.json("/data/lake/raw/web/events.json"); e.createOrReplaceTempView("events")
w(spark.sql("SELECT event_id, user.geo.city, user.id AS uid, struct(user.id AS i, props.browser) AS s, named_struct('a', ts, 'b', user.geo) AS ns, items.sku AS skus, items[0].price AS p0 FROM events"), "access")
w(spark.sql("SELECT event_id, user.*, props.* FROM events"), "star")
w(e.select("event_id", F.col("user").withField("geo.zip", F.lit("x")).withField("name", F.upper("event_id")).alias("user"), F.col("props").dropFields("ref").alias("props")), "with_drop_fields")
w(e.select("event_id", F.struct("ts", "tags").alias("x")).select("event_id", "x.ts", F.col("x")["tags"].alias("t"), "x"), "make_and_take")
w(e.select(F.col("user.geo").alias("g"), F.array(F.struct("ts", "payload"), F.struct(F.lit("n").alias("ts"), F.lit(None).alias("payload"))).alias("arr")).select("g.country", F.col("arr.ts").alias("tss"), F.col("arr")[1]["payload"].alias("p1")), "array_of_struct")
w(e.withColumn("user", F.struct(F.col("user.id").cast("string").alias("id"), F.col("user.geo"))), "replace_struct")
w(e.select("event_id", F.col("user").cast("struct<g:struct<c:string,t:string>,i:bigint>").alias("renamed")), "cast_struct")
w(spark.sql("SELECT count(DISTINCT user.geo) AS n, max(struct(ts, event_id)).event_id AS last_id FROM events"), "struct_in_agg")
spark.stop()
