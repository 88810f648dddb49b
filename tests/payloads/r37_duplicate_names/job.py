from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r37_duplicate_names").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
o, c = spark.table("orders"), spark.table("customers")
j = o.join(c, o.customer_id == c.customer_id)
w(j.select(o["customer_id"], c["status"], o["status"].alias("ostatus"), "country"), "join_dups")
w(j.drop(c["customer_id"]).drop(c["status"]).select("customer_id", "status"), "drop_one_side")
w(o.select("order_id", "order_id", "amount").toDF("a", "b", "c"), "same_col_twice")
w(o.select(F.col("amount").alias("x"), F.col("status").alias("x"), F.lit(1).alias("y")).toDF("x1", "x2", "y"), "dup_alias")
w(spark.sql("SELECT a.order_id, b.order_id AS order_id2, a.amount + b.amount AS amount FROM orders a JOIN (SELECT order_id, amount FROM orders WHERE status = 'paid') b ON a.order_id = b.order_id"), "self_join_dups")
x = o.groupBy("customer_id").agg(F.sum("amount").alias("amount"))
w(o.join(x.withColumnRenamed("amount", "total"), "customer_id").withColumn("amount", F.col("amount") / F.col("total")).drop("total"), "self_join_agg")
w(spark.sql("SELECT * FROM (SELECT order_id AS id, status FROM orders) a JOIN (SELECT customer_id AS id, status AS cst FROM customers) b USING (id)"), "using_renamed")
w(o.withColumn("status", F.upper("status")).withColumn("status", F.concat("status", "channel")).withColumn("channel", F.col("status")), "overwrite_names")
spark.stop()
