from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r02_pivot").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("SELECT * FROM (SELECT customer_id, channel, amount FROM orders) PIVOT (SUM(amount) FOR channel IN ('web', 'app' AS app_sales))"), "pivot_one")
w(spark.sql("""SELECT * FROM (SELECT currency, status, channel, amount, order_id FROM orders)
  PIVOT (SUM(amount) AS s, COUNT(order_id) AS c FOR (status, channel) IN (('paid', 'web') AS pw, ('open', 'app') AS oa))"""), "pivot_multi")
o = spark.table("orders")
w(o.groupBy("customer_id").pivot("status", ["paid", "open"]).sum("amount"), "pivot_df_one")
w(o.groupBy("currency").pivot("channel").agg(F.sum("amount").alias("total"), F.max("order_ts").alias("last")), "pivot_df_several")
w(o.groupBy("customer_id").pivot("channel", ["web", "store"]).agg(F.first("status")), "pivot_first")
w(o.groupBy(F.year("order_ts").alias("y")).pivot("status", ["paid", "open"]).agg(F.countDistinct("customer_id").alias("n"), F.collect_list("amount").alias("l")), "pivot_no_fast_path")
spark.stop()
