from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r20_views").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.table("orders").where("amount > 5").createOrReplaceGlobalTempView("g_orders")
spark.sql("CREATE DATABASE IF NOT EXISTS mart")
spark.sql("CREATE TABLE mart.cust USING parquet LOCATION '/data/lake/mart/cust' AS SELECT customer_id AS id, email, country FROM customers")
spark.sql("CREATE VIEW mart.v1 AS SELECT id, lower(email) AS mail, country FROM mart.cust WHERE country <> 'ZA'")
spark.sql("CREATE VIEW mart.v2 (cust_id COMMENT 'the id', dom) AS SELECT id, split(mail, '@')[1] AS d FROM mart.v1")
spark.sql("CREATE TEMP VIEW tv AS WITH a AS (SELECT cust_id, dom FROM mart.v2) SELECT a.*, 1 AS one FROM a")
w(spark.sql("SELECT * FROM global_temp.g_orders WHERE channel = 'web'"), "global_temp")
w(spark.sql("SELECT v.cust_id, v.dom, o.amount FROM mart.v2 v JOIN global_temp.g_orders o ON o.customer_id = v.cust_id"), "view_over_view")
w(spark.sql("SELECT cust_id + one AS x, dom FROM tv"), "temp_over_views")
spark.sql("CREATE TABLE mart.from_view USING orc AS TABLE mart.v2")
w(spark.sql("SELECT a.dom, b.id FROM mart.v2 a JOIN mart.v1 b ON a.cust_id = b.id JOIN mart.v2 c ON c.cust_id = b.id"), "view_twice")
spark.sql("CREATE OR REPLACE VIEW mart.v3 AS SELECT country, count(*) AS n FROM mart.v1 GROUP BY country")
w(spark.table("mart.v3").withColumn("n2", F.col("n") * 2), "agg_view")
spark.stop()
