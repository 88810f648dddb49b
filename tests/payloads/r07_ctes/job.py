from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r07_ctes").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""WITH a AS (SELECT customer_id AS cid, amount FROM orders WHERE status = 'paid'),
  b AS (WITH inner_c AS (SELECT cid, SUM(amount) AS s FROM a GROUP BY cid) SELECT cid, s FROM inner_c WHERE s > 50)
  SELECT b.cid, b.s, c.country FROM b JOIN customers c ON b.cid = c.customer_id"""), "nested")
w(spark.sql("""WITH m AS (SELECT customer_id, month(order_ts) AS m, SUM(amount) AS total, rand() AS r FROM orders GROUP BY 1, 2)
  SELECT cur.customer_id, cur.m, cur.total, prev.total AS prev_total, cur.total - prev.total AS delta, cur.r AS salt
  FROM m cur LEFT JOIN m prev ON cur.customer_id = prev.customer_id AND cur.m = prev.m + 1"""), "used_twice")
w(spark.sql("""WITH t AS (SELECT product_id, list_price FROM products), u AS (SELECT product_id FROM t WHERE list_price > 10)
  SELECT i.order_id, i.product_id FROM items i WHERE i.product_id IN (SELECT product_id FROM u) AND i.unit_price < (SELECT MAX(list_price) FROM t)"""), "in_subquery")
w(spark.sql("""WITH x AS (SELECT email AS e FROM customers) SELECT e FROM x UNION ALL (WITH x AS (SELECT name AS e FROM employees) SELECT e FROM x)"""), "shadowed")
w(spark.sql("""WITH t(a, b) AS (SELECT customer_id, country FROM customers) SELECT a + 1 AS a, b, count(*) OVER () AS n FROM t"""), "column_list")
spark.sql("WITH s AS (SELECT brand, AVG(list_price) AS p FROM products GROUP BY brand) SELECT * FROM s").createOrReplaceTempView("brand_avg")
w(spark.sql("WITH q AS (SELECT * FROM brand_avg) SELECT q.brand, q.p, p.product_name FROM q JOIN products p USING (brand) JOIN q q2 USING (brand)"), "cte_view_cte")
w(spark.sql("WITH z AS (SELECT uuid() AS id, dept FROM employees) SELECT l.id AS lid, r.id AS rid, l.dept FROM z l JOIN z r ON l.dept = r.dept"), "nondeterministic_twice")
spark.stop()
