from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r11_conditionals").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT order_id,
  CASE WHEN amount > 100 THEN 'big' WHEN status = 'paid' THEN channel ELSE currency END AS c1,
  CASE status WHEN 'paid' THEN amount WHEN 'open' THEN 0 END AS c2,
  IF(amount > 10, order_ts, NULL) AS c3, coalesce(channel, status, 'n/a') AS c4, nvl2(currency, amount, -1) AS c5, nullif(status, channel) AS c6,
  decode(status, 'paid', 1, 'open', 2, 0) AS c7, nvl(currency, 'EUR') AS c8, ifnull(status, channel) AS c9, greatest(amount, customer_id) AS c10,
  CASE WHEN CASE WHEN amount > 5 THEN status ELSE channel END = 'paid' THEN currency END AS c11, amount > 10 AND status = 'paid' AS c12
  FROM orders"""), "select")
w(spark.sql("""SELECT CASE WHEN amount > 100 THEN 'big' ELSE 'small' END AS size, COUNT(*) AS n FROM orders
  WHERE CASE WHEN channel = 'web' THEN amount > 5 ELSE true END GROUP BY CASE WHEN amount > 100 THEN 'big' ELSE 'small' END ORDER BY CASE size WHEN 'big' THEN 1 ELSE 2 END"""), "group_by_case")
w(spark.sql("""SELECT o.order_id, c.country FROM orders o JOIN customers c ON CASE WHEN o.channel = 'web' THEN o.customer_id ELSE -1 END = c.customer_id"""), "join_on_case")
o = spark.table("orders")
w(o.select("order_id", F.when(F.col("status").isin("paid", "open"), F.col("amount")).when(F.col("channel") == "app", F.lit(1.0)).alias("v"),
  F.when(F.col("amount").isNull() | F.isnan("amount"), 0).otherwise(F.round("amount", 1)).alias("r")).na.fill(0.0, ["v"]).replace("a", "b"), "df_when")
spark.stop()
