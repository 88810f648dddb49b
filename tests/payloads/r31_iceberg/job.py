from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r31_iceberg").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.sql("CREATE NAMESPACE IF NOT EXISTS ice.db")
spark.sql("CREATE TABLE ice.db.o (order_id INT, status STRING, amount DOUBLE, dt DATE) USING iceberg PARTITIONED BY (dt)")
o = spark.table("orders").withColumn("dt", F.to_date("order_ts"))
spark.sql("INSERT INTO ice.db.o SELECT order_id, status, amount, DATE(order_ts) FROM orders")
o.select("amount", "dt", "status", "order_id").writeTo("ice.db.o").append()
o.where("dt = '2024-02-02'").select("order_id", "status", "amount", "dt").writeTo("ice.db.o").overwritePartitions()
spark.sql("INSERT OVERWRITE ice.db.o SELECT order_id, upper(status), amount, DATE'2024-03-03' FROM orders WHERE month(order_ts) = 3")
spark.sql("CREATE TABLE ice.db.agg USING iceberg AS SELECT status, SUM(amount) AS s FROM ice.db.o GROUP BY status")
spark.sql("CREATE OR REPLACE TABLE ice.db.agg USING iceberg AS SELECT status AS st, COUNT(*) AS n FROM ice.db.o GROUP BY status")
spark.sql("INSERT INTO ice.db.agg (n, st) SELECT amount, status FROM orders" if False else "INSERT INTO ice.db.agg SELECT status, CAST(order_id AS BIGINT) FROM orders")
spark.sql("MERGE INTO ice.db.o t USING orders s ON t.order_id = s.order_id WHEN MATCHED THEN UPDATE SET t.amount = s.amount WHEN NOT MATCHED THEN INSERT (order_id, status, amount, dt) VALUES (s.order_id, s.status, s.amount, DATE(s.order_ts))")
spark.sql("UPDATE ice.db.o SET status = lower(status) WHERE amount > 10")
spark.sql("DELETE FROM ice.db.o WHERE amount < 1")
w(spark.sql("SELECT order_id, amount FROM ice.db.o WHERE dt > '2024-01-01'"), "from_iceberg")
w(spark.table("ice.db.o.snapshots").select("snapshot_id", "operation"), "metadata_table")
spark.table("ice.db.agg").writeTo("ice.db.copy").using("iceberg").create()
w(spark.read.format("iceberg").load("ice.db.agg").select("st"), "load_by_name")
spark.stop()
