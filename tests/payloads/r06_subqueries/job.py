from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r06_subqueries").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.sql("CREATE DATABASE IF NOT EXISTS ref")
spark.sql("CREATE TABLE ref.blocked (customer_id INT, reason STRING) USING parquet LOCATION '/data/lake/ref/blocked'")
spark.sql("INSERT INTO ref.blocked VALUES (1, 'fraud'), (7, 'dup')")
spark.sql("CREATE VIEW ref.v_vip AS SELECT customer_id FROM ref.blocked WHERE reason = 'vip'")
w(spark.sql("""SELECT c.customer_id, c.email, (SELECT MAX(o.amount) FROM orders o WHERE o.customer_id = c.customer_id) AS top_order,
  (SELECT COUNT(*) FROM ref.blocked b WHERE b.customer_id = c.customer_id) AS n_blocks FROM customers c"""), "scalar_correlated")
w(spark.sql("SELECT customer_id, email FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.customer_id AND o.amount > 100)"), "exists_q")
w(spark.sql("SELECT customer_id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM ref.blocked b WHERE b.customer_id = c.customer_id)"), "not_exists")
w(spark.sql("SELECT order_id, amount FROM orders WHERE status IN ('paid', 'open') AND channel NOT IN ('store')"), "in_literals")
w(spark.sql("SELECT order_id, amount FROM orders WHERE customer_id IN (SELECT customer_id FROM ref.blocked)"), "in_table")
w(spark.sql("SELECT order_id FROM orders WHERE customer_id NOT IN (SELECT customer_id FROM ref.v_vip) AND amount > (SELECT AVG(list_price) FROM products)"), "not_in_view")
w(spark.sql("""WITH big AS (SELECT customer_id FROM orders GROUP BY customer_id HAVING SUM(amount) > 100)
  SELECT c.customer_id, c.country FROM customers c WHERE c.customer_id IN (SELECT customer_id FROM big)"""), "in_cte")
w(spark.sql("SELECT order_id, amount / (SELECT SUM(amount) FROM orders) AS share, CASE WHEN amount > (SELECT AVG(amount) FROM orders) THEN 'hi' ELSE 'lo' END AS band FROM orders"), "scalar_uncorrelated")
w(spark.sql("SELECT (SELECT MAX(customer_id) FROM ref.blocked) AS top_blocked, (SELECT COUNT(*) FROM products) AS n_products"), "only_subqueries")
w(spark.sql("SELECT country, COUNT(*) AS n FROM customers GROUP BY country HAVING COUNT(*) > (SELECT COUNT(*) / 10 FROM customers)"), "having_subquery")
spark.stop()
