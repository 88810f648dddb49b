from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r01_grouping_sets").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT status, channel, SUM(amount) AS total, GROUPING_ID() AS gid FROM orders GROUP BY ROLLUP(status, channel)"""), "rollup")
w(spark.sql("""SELECT upper(status) AS st, currency, COUNT(*) AS n, AVG(amount) AS avg_amount FROM orders GROUP BY CUBE(upper(status), currency)"""), "cube")
w(spark.sql("""SELECT status, channel, currency, MAX(amount) AS top, GROUPING(status) AS g_status
  FROM orders WHERE customer_id > 3 GROUP BY GROUPING SETS ((status, channel), (currency), ()) HAVING COUNT(*) > 1"""), "gsets")
w(spark.table("orders").rollup("currency", F.year("order_ts").alias("y")).agg(F.sum("amount").alias("total"), F.countDistinct("customer_id").alias("buyers")), "rollup_df")
spark.stop()
