from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r04_lateral_view").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
spark.read.json("/data/lake/raw/web/events.json").createOrReplaceTempView("events")
w(spark.sql("""SELECT e.event_id, t.pos, t.tag FROM events e LATERAL VIEW posexplode(e.tags) t AS pos, tag"""), "posexplode")
w(spark.sql("""SELECT event_id, upper(tag) AS tag FROM events LATERAL VIEW OUTER explode(tags) x AS tag WHERE user.id > 3"""), "explode_outer")
w(spark.sql("""SELECT event_id, sku, qty * price AS amount FROM events LATERAL VIEW inline(items) i AS price, qty, sku"""), "inline")
w(spark.sql("""SELECT event_id, j.page, j.ab, g.url FROM events LATERAL VIEW json_tuple(payload, 'page', 'ab') j AS page, ab
  LATERAL VIEW json_tuple(j.page, 'url') g AS url"""), "json_tuple")
w(spark.sql("""SELECT event_id, tag, it.sku FROM events LATERAL VIEW explode(tags) a AS tag LATERAL VIEW explode(items) b AS it"""), "two_views")
w(spark.sql("""SELECT event_id, k, v FROM events LATERAL VIEW explode(map('br', props.browser, 'ref', props.ref)) m AS k, v"""), "explode_map")
e = spark.table("events")
w(e.select("event_id", F.explode_outer("items").alias("it")).select("event_id", "it.*"), "explode_df_star")
w(e.select("event_id", F.posexplode_outer("tags").alias("p", "t"), F.size("items").alias("n_items")), "posexplode_df")
w(spark.sql("SELECT event_id, explode(sequence(1, size(items))) AS n FROM events"), "explode_sequence")
w(spark.sql("SELECT w.word, count(*) AS n FROM events, LATERAL explode(split(payload, ' ')) AS w(word) GROUP BY w.word"), "lateral_explode_function")
spark.stop()
