from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r08_setops").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("SELECT customer_id AS id, country AS c FROM customers UNION ALL SELECT emp_id, dept FROM employees UNION ALL SELECT product_id, brand FROM products"), "union_all")
w(spark.sql("SELECT country FROM customers UNION SELECT brand FROM products"), "union_distinct")
w(spark.sql("SELECT customer_id, status FROM orders EXCEPT ALL SELECT customer_id, status FROM customers"), "except_all")
w(spark.sql("SELECT customer_id FROM orders INTERSECT SELECT customer_id FROM customers WHERE country = 'CZ'"), "intersect")
w(spark.sql("SELECT customer_id FROM orders INTERSECT ALL SELECT customer_id FROM customers"), "intersect_all")
w(spark.sql("SELECT status FROM orders EXCEPT SELECT status FROM customers"), "except_distinct")
c, e = spark.table("customers"), spark.table("employees")
w(c.selectExpr("customer_id AS id", "last_name AS name", "country").unionByName(e.selectExpr("name", "emp_id AS id", "salary"), allowMissingColumns=True), "by_name_missing")
w(c.selectExpr("customer_id AS id", "email").unionByName(e.selectExpr("upper(name) AS email", "emp_id AS id")), "by_name_order")
w(c.select("customer_id", F.lit("crm").alias("src")).union(c.select("customer_id", F.lit("crm2").alias("src"))).union(e.select("emp_id", F.lit(None).cast("string"))), "union_same_source")
st = spark.createDataFrame([], "id int, tags struct<a:int,b:string>")
w(c.selectExpr("customer_id AS id", "named_struct('a', customer_id) AS tags").unionByName(st, allowMissingColumns=True), "by_name_nested")
w(c.select("customer_id").exceptAll(spark.table("orders").select("customer_id")).subtract(e.select("emp_id")), "df_setops")
spark.stop()
