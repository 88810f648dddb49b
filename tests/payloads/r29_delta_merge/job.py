from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r29_delta_merge").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
# session: Delta extension and catalog
spark.sql("CREATE DATABASE IF NOT EXISTS d")
spark.sql("CREATE TABLE d.dim (customer_id INT, email STRING, country STRING, status STRING) USING delta")
spark.sql("INSERT INTO d.dim SELECT customer_id, email, country, status FROM customers WHERE customer_id < 20")
spark.table("customers").selectExpr("customer_id", "lower(email) AS email", "country", "status").createOrReplaceTempView("upd")
spark.sql("MERGE INTO d.dim t USING upd s ON t.customer_id = s.customer_id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
spark.sql("""MERGE INTO d.dim t USING (SELECT customer_id, MAX(status) AS st, SUM(amount) AS amt FROM orders GROUP BY customer_id) s ON t.customer_id = s.customer_id AND s.amt > 5
  WHEN MATCHED AND s.st = 'cancelled' THEN DELETE WHEN MATCHED AND s.amt > 100 THEN UPDATE SET status = CASE WHEN s.amt > 200 THEN 'vip' ELSE s.st END, t.country = upper(t.country)
  WHEN NOT MATCHED AND s.amt > 10 THEN INSERT (customer_id, status) VALUES (s.customer_id, s.st)
  WHEN NOT MATCHED BY SOURCE AND t.status = 'closed' THEN UPDATE SET email = NULL""")
from delta.tables import DeltaTable
DeltaTable.forName(spark, "d.dim").alias("t").merge(spark.table("upd").alias("s"), "t.customer_id = s.customer_id").whenMatchedUpdate(set={"email": "concat(s.email, s.country)"}).whenNotMatchedInsertAll().execute()
spark.sql("MERGE INTO d.dim t USING d.dim s ON t.customer_id = s.customer_id + 1 WHEN MATCHED THEN UPDATE SET t.email = s.email")
spark.sql("MERGE INTO d.dim t USING upd s ON t.customer_id = s.customer_id WHEN MATCHED THEN DELETE")
spark.sql("MERGE INTO d.dim t USING (SELECT * FROM upd WHERE customer_id > 30) s ON t.customer_id = s.customer_id WHEN NOT MATCHED THEN INSERT *")
w(spark.sql("SELECT customer_id, status FROM d.dim"), "after_merge")
spark.stop()
