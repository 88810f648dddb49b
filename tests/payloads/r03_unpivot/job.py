from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r03_unpivot").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("SELECT * FROM (SELECT order_id, quantity, product_id FROM items) UNPIVOT (val FOR metric IN (quantity, product_id AS prod))"), "unpivot_sql")
w(spark.sql("""SELECT * FROM items UNPIVOT INCLUDE NULLS ((a, b) FOR pair IN ((quantity, unit_price) AS qp, (product_id, discount) AS pd))"""), "unpivot_multi")
i = spark.table("items").selectExpr("order_id", "line_no", "double(quantity) AS quantity", "unit_price", "discount")
w(i.unpivot(["order_id", "line_no"], ["quantity", "unit_price", "discount"], "name", "value"), "melt")
w(spark.sql("SELECT order_id, stack(2, 'price', unit_price, 'disc', discount) AS (k, v) FROM items WHERE quantity > 1"), "stack")
spark.stop()
