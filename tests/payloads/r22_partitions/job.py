from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r22_partitions").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.sql("CREATE DATABASE IF NOT EXISTS p")
o = spark.table("orders").withColumn("dt", F.to_date("order_ts").cast("string"))
spark.sql("CREATE TABLE p.sales (order_id INT, amount DOUBLE, dt STRING, ch STRING) USING parquet PARTITIONED BY (dt, ch)")
o.createOrReplaceTempView("od")
spark.sql("INSERT OVERWRITE p.sales PARTITION (dt = '2024-01-01', ch = 'web') SELECT order_id, amount FROM od WHERE dt = '2024-01-01'")
spark.sql("INSERT INTO p.sales PARTITION (dt = '2024-02-02', ch) SELECT order_id, amount, channel FROM od")
spark.sql("SET spark.sql.sources.partitionOverwriteMode = dynamic")
spark.sql("INSERT OVERWRITE p.sales PARTITION (dt, ch) SELECT order_id, amount, dt, channel FROM od")
o.selectExpr("order_id", "amount", "dt", "channel AS ch").write.mode("overwrite").insertInto("p.sales")
o.select("order_id", "dt", "channel").write.mode("overwrite").partitionBy("dt", "channel").parquet(OUT + "by_dt")
spark.sql("SET spark.sql.sources.partitionOverwriteMode = static")
o.where("dt = '2024-03-03'").select("order_id", "channel").write.mode("overwrite").parquet(OUT + "by_dt/dt=2024-03-03")
w(spark.read.parquet(OUT + "by_dt").where("dt = '2024-03-03'").select("order_id", "dt"), "read_part_filter")
w(spark.read.option("basePath", OUT + "by_dt").parquet(OUT + "by_dt/dt=2024-03-03").select("order_id", "dt"), "read_part_folder")
w(spark.sql("SELECT order_id, dt, ch FROM p.sales WHERE ch = 'web'"), "read_part_table")
o.write.mode("overwrite").bucketBy(2, "customer_id").sortBy("order_id").partitionBy("channel").saveAsTable("p.bucketed")
spark.sql("CREATE TABLE p.ctas_part USING parquet PARTITIONED BY (status) CLUSTERED BY (customer_id) INTO 2 BUCKETS AS SELECT customer_id, amount, status FROM orders")
spark.sql("ALTER TABLE p.sales DROP IF EXISTS PARTITION (dt = '2024-01-01', ch = 'web')")
spark.sql("TRUNCATE TABLE p.ctas_part")
spark.stop()
