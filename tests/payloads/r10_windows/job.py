from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r10_windows").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT order_id, lag(amount, 1, 0) OVER w AS prev, lead(order_ts) OVER w AS next_ts, first_value(status) OVER w AS first_st,
  last_value(channel) IGNORE NULLS OVER (PARTITION BY customer_id ORDER BY order_ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_ch,
  ntile(4) OVER (ORDER BY amount DESC) AS q, percent_rank() OVER (PARTITION BY currency ORDER BY amount) AS pr,
  sum(amount) OVER (PARTITION BY customer_id ORDER BY order_ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s3,
  count(*) OVER (PARTITION BY status) AS n_st FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY order_ts)"""), "many")
w(spark.sql("SELECT customer_id, order_id, amount FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY order_ts DESC, order_id) AS rn FROM orders) WHERE rn = 1"), "latest")
w(spark.sql("SELECT currency, SUM(amount) AS total, rank() OVER (ORDER BY SUM(amount) DESC) AS rk, SUM(SUM(amount)) OVER () AS grand FROM orders GROUP BY currency"), "over_aggregate")
w(spark.sql("""SELECT customer_id, SUM(is_new) OVER (PARTITION BY customer_id ORDER BY order_ts) AS session_no FROM (
  SELECT *, CASE WHEN datediff(order_ts, lag(order_ts) OVER (PARTITION BY customer_id ORDER BY order_ts)) > 30 THEN 1 ELSE 0 END AS is_new FROM orders)"""), "sessionize")
o = spark.table("orders")
k = W.partitionBy("customer_id").orderBy(F.desc("amount"))
w(o.withColumn("rn", F.row_number().over(k)).withColumn("share", F.col("amount") / F.sum("amount").over(W.partitionBy("customer_id"))).withColumn("flag", F.when(F.dense_rank().over(k) <= 2, F.col("status")).otherwise("x")).where("rn <= 3").drop("rn"), "df_windows")
w(o.select("order_id", F.collect_list("order_id").over(W.partitionBy("status").orderBy("order_ts").rangeBetween(W.unboundedPreceding, 0)).alias("hist"), F.nth_value("amount", 2).over(W.partitionBy(F.year("order_ts")).orderBy("order_id")).alias("second")), "expr_partition")
w(o.groupBy("customer_id", F.window(F.col("order_ts").cast("timestamp"), "30 days").alias("win")).agg(F.sum("amount").alias("s")).select("customer_id", "win.start", "s"), "time_window")
w(o.groupBy("status", F.session_window(F.col("order_ts").cast("timestamp"), "5 days")).count(), "session_window")
spark.stop()
