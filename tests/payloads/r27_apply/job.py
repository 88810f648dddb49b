from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r27_apply").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
import pandas as pd
o, c = spark.table("orders"), spark.table("customers")
w(o.select("order_id", "customer_id", "amount").groupBy("customer_id").applyInPandas(lambda d: d.assign(share=d.amount / d.amount.sum())[["customer_id", "order_id", "share"]], "customer_id int, order_id int, share double"), "apply_in_pandas")
w(o.select("customer_id", "amount").groupBy("customer_id").cogroup(c.select("customer_id", "email").groupBy("customer_id")).applyInPandas(lambda l, r: pd.merge(l, r, on="customer_id"), "customer_id int, amount double, email string"), "cogroup")
def mp(it):
    for d in it: yield d[["order_id"]].assign(z=d.amount * 2)
w(o.select("order_id", "amount").mapInPandas(mp, "order_id int, z double"), "map_in_pandas")
def ma(it):
    for b in it: yield b
w(o.select("order_id", "status").mapInArrow(ma, "order_id int, status string").where("status = 'paid'"), "map_in_arrow")
@F.udtf(returnType="word string, n int")
class Split:
    def eval(self, s: str):
        for x in (s or "").split("@"): yield x, len(x)
w(Split(F.lit("a@b")), "udtf_literal")
spark.udtf.register("split_it", Split)
w(spark.sql("SELECT c.customer_id, t.word, t.n FROM customers c, LATERAL split_it(c.email) t"), "udtf_lateral")
w(o.rdd.map(lambda r: (r.order_id, r.status)).toDF(["id", "st"]), "rdd_todf")
w(spark.sparkContext.parallelize([1, 2]).map(lambda x: (x,)).toDF(["n"]), "parallelize")
w(spark.read.text("/data/lake/raw/crm/customers.csv").rdd.map(lambda r: (len(r.value),)).toDF(["len"]).where("len > 3"), "rdd_text")
w(spark.createDataFrame(o.toPandas()[["order_id", "status"]]), "through_pandas")
spark.stop()
