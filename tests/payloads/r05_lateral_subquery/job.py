from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r05_lateral_subquery").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT c.customer_id, c.country, t.last_ts, t.spent FROM customers c,
  LATERAL (SELECT MAX(o.order_ts) AS last_ts, SUM(o.amount) AS spent FROM orders o WHERE o.customer_id = c.customer_id) t"""), "lateral_agg")
w(spark.sql("""SELECT c.customer_id, x.full FROM customers c LEFT JOIN LATERAL (SELECT concat(c.first_name, ' ', c.last_name) AS full) x"""), "lateral_expr")
w(spark.sql("""SELECT p.product_id, i.order_id, i.net FROM products p
  JOIN LATERAL (SELECT order_id, quantity * unit_price AS net FROM items WHERE items.product_id = p.product_id AND unit_price > p.list_price) i"""), "lateral_rows")
spark.stop()
