from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r30_delta_dml").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.sql("CREATE DATABASE IF NOT EXISTS e")
o = spark.table("orders").withColumn("dt", F.to_date("order_ts"))
P = OUT + "delta_orders"
def t(f):
    try: f()
    except Exception as e: print("refused:", str(e)[:200])
o.write.format("delta").partitionBy("dt").save(P)
spark.sql(f"CREATE TABLE e.blocked USING delta AS SELECT customer_id FROM customers WHERE status = 'closed'")
spark.sql(f"UPDATE delta.`{P}` SET status = 'blocked', amount = amount * 2 + customer_id WHERE customer_id > 50")
spark.sql(f"UPDATE delta.`{P}` SET channel = CASE WHEN currency = 'EUR' THEN upper(channel) ELSE status END")
spark.sql(f"DELETE FROM delta.`{P}` WHERE EXISTS (SELECT 1 FROM e.blocked b WHERE b.customer_id = delta.`{P}`.customer_id)" if False else f"DELETE FROM delta.`{P}` t WHERE t.customer_id IN (3, 5) OR amount < 3")
spark.sql(f"DELETE FROM delta.`{P}` WHERE dt = '2024-01-01'")
o.where("dt = '2024-02-02'").write.format("delta").mode("overwrite").option("replaceWhere", "dt = '2024-02-02'").save(P)
o.where("dt = '2024-03-03'").write.format("delta").mode("overwrite").option("partitionOverwriteMode", "dynamic").save(P)
o.withColumn("extra", F.lower("status")).limit(3).write.format("delta").mode("append").option("mergeSchema", "true").save(P)
spark.sql("CREATE TABLE e.rtas USING delta PARTITIONED BY (ch) AS SELECT order_id AS id, channel AS ch, amount FROM orders")
t(lambda: spark.sql("INSERT INTO e.rtas (ch, id) SELECT status, order_id FROM orders"))
t(lambda: spark.sql("INSERT INTO e.rtas REPLACE WHERE ch = 'web' SELECT order_id, 'web', amount FROM orders"))
t(lambda: spark.sql("INSERT INTO e.rtas BY NAME SELECT amount, channel AS ch, order_id AS id FROM orders"))
o.select(F.col("amount").alias("id_wrong"), "channel", "order_id").limit(0).selectExpr("order_id AS id", "channel AS ch", "id_wrong AS amount").writeTo("e.rtas").append()
try:
    o.selectExpr("amount", "order_id AS id", "channel AS ch").writeTo("e.rtas").overwrite(F.col("ch") == "app")
except Exception as e:
    print("refused:", str(e)[:80])
t(lambda: o.selectExpr("amount", "order_id AS id", "channel AS ch").writeTo("e.rtas2").using("delta").createOrReplace())
w(spark.read.format("delta").option("versionAsOf", 0).load(P).select("order_id", "dt"), "time_travel")
t(lambda: w(spark.sql("SELECT id FROM e.rtas VERSION AS OF 0"), "time_travel_sql"))
t(lambda: spark.sql("OPTIMIZE e.rtas ZORDER BY (id)")); t(lambda: spark.sql("DELETE FROM e.rtas2"))
spark.stop()
