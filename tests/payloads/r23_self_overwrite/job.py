from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r23_self_overwrite").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.sql("CREATE DATABASE IF NOT EXISTS z")
T = OUT + "state"
spark.table("orders").select("order_id", "status", "amount").write.mode("overwrite").parquet(T)
n = spark.read.parquet(T).withColumn("amount", F.col("amount") + 1).cache(); n.count()
n.write.mode("overwrite").parquet(T + "_tmp")
spark.read.parquet(T + "_tmp").write.mode("overwrite").parquet(T)
spark.read.parquet(T).where("amount > 1").write.mode("append").parquet(T)
d = spark.read.parquet(T).select("order_id", F.upper("status").alias("status"), "amount").localCheckpoint()
d.write.mode("overwrite").parquet(T)
spark.sql("CREATE TABLE z.hist USING parquet AS SELECT order_id, amount FROM orders")
spark.sql("INSERT INTO z.hist SELECT h.order_id, o.amount FROM z.hist h JOIN orders o USING (order_id)")
spark.table("z.hist").union(spark.table("orders").select("order_id", "amount")).distinct().write.mode("overwrite").saveAsTable("z.hist_new")
spark.sql("INSERT OVERWRITE z.hist SELECT * FROM z.hist_new")
spark.stop()
