from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r12_conditional_aggregates").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT customer_id, SUM(CASE WHEN status = 'paid' THEN amount ELSE 0 END) AS paid, COUNT_IF(channel = 'web') AS web_n,
  SUM(amount) FILTER (WHERE status = 'open') AS open_sum, COUNT(DISTINCT channel, currency) AS combos, COUNT(IF(status = 'paid', order_id, NULL)) AS paid_n,
  MAX_BY(channel, amount) AS top_channel, PERCENTILE_APPROX(amount, 0.5) AS med, COLLECT_SET(currency) FILTER (WHERE amount > 5) AS cur, BOOL_OR(status = 'paid') AS any_paid,
  FIRST(status) AS first_st, ANY_VALUE(currency) AS any_cur, SUM(DISTINCT amount) AS sd, concat_ws(',', sort_array(collect_list(channel))) AS chs
  FROM orders GROUP BY customer_id HAVING SUM(amount) FILTER (WHERE status = 'paid') > 10"""), "cond")
w(spark.sql("SELECT COUNT(*) AS n, MIN(amount) AS lo, CORR(amount, customer_id) AS cr FROM orders WHERE amount IS NOT NULL"), "global")
w(spark.sql("SELECT status, currency, SUM(amount) AS s FROM orders GROUP BY ALL"), "group_by_all")
w(spark.sql("SELECT upper(country) AS uc, length(uc) AS l, l + 1 AS l1 FROM customers"), "lateral_alias")
w(spark.sql("SELECT DISTINCT channel, count(*) OVER (PARTITION BY status) AS n FROM orders"), "distinct_window")
w(spark.sql("SELECT 1 AS one, customer_id FROM orders GROUP BY customer_id, 1 ORDER BY SUM(amount) DESC LIMIT 3"), "order_by_hidden")
spark.table("orders").groupBy("status").agg({"amount": "sum", "*": "count"}).withColumnRenamed("sum(amount)", "s").write.mode("overwrite").parquet(OUT + "dict_agg")
spark.stop()
