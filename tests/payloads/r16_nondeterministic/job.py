from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r16_nondeterministic").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT order_id, uuid() AS u, rand() AS r, rand(7) AS r7, randn() AS rn, current_timestamp() AS now, current_date() AS today, now() AS n2, monotonically_increasing_id() AS mid, input_file_name() AS f,
  spark_partition_id() AS pid, current_user() AS usr, current_database() AS db, unix_timestamp() AS ut, input_file_block_length() AS bl, version() AS v, amount * rand() AS noisy, hash(uuid()) AS hu FROM orders"""), "functions")
o = spark.table("orders")
w(o.select("order_id", F.lit(3).alias("three"), F.current_timestamp().alias("loaded_at"), F.expr("uuid()").alias("id"), F.rand(1).alias("r")).orderBy(F.rand()), "order_by_rand")
w(o.sample(0.5, seed=3).select("order_id", "amount"), "sample")
a, b = o.randomSplit([0.7, 0.3], seed=1)
w(a.select("order_id"), "split_a"); w(b.select("order_id"), "split_b")
w(spark.sql("SELECT * FROM orders TABLESAMPLE (10 ROWS)").select("order_id"), "tablesample_rows")
w(spark.sql("SELECT order_id, status FROM orders TABLESAMPLE (50 PERCENT) REPEATABLE (2) WHERE rand() < 0.9"), "tablesample_pct")
w(o.sampleBy("status", {"paid": 0.5}, 0).select("order_id", "status"), "sample_by")
spark.stop()
