from pyspark.sql import SparkSession, functions as F, Window as W

spark = SparkSession.builder.appName("r15_hash_mask").getOrCreate()
rd = lambda p: spark.read.option("header", True).option("inferSchema", True).csv("/data/lake/raw/" + p)
for name, path in (("customers", "crm/customers.csv"), ("employees", "crm/employees.csv"), ("orders", "shop/orders.csv"),
                   ("items", "shop/order_items.csv"), ("products", "shop/products.csv"), ("rates", "fx/rates.csv")):
    rd(path).createOrReplaceTempView(name)
OUT = "/data/lake/out/"
w = lambda df, p: df.write.mode("overwrite").parquet(OUT + p)
w(spark.sql("""SELECT md5(email) AS m, sha2(lower(trim(email)), 256) AS s2, sha1(email) AS s1, hash(customer_id, email) AS h, xxhash64(email) AS x, crc32(email) AS c, mask(last_name) AS mk, mask(email, 'X', 'x', 'n', NULL) AS mk2,
  regexp_replace(email, '^[^@]+', '***') AS rr, substr(last_name, 1, 1) AS ini, concat(substr(first_name, 1, 1), '.', md5(last_name)) AS pseudo, concat_ws('|', sha2(concat(customer_id, 'salt'), 256), country) AS k,
  right(email, 4) AS r4, left(first_name, 2) AS l2, overlay(email PLACING '###' FROM 1) AS ov, translate(email, '@', '#') AS tr, split(email, '@')[1] AS dom, base64(encode(email, 'utf-8')) AS b64, hex(md5(email)) AS hx,
  aes_encrypt(email, '0000111122223333') AS enc, reverse(email) AS rev, CAST(NULL AS STRING) AS gone, '***' AS redacted, signup_date - INTERVAL 1 DAY AS shifted, date_trunc('MONTH', signup_date) AS mon, email FROM customers"""), "masks")
w(spark.sql("SELECT customer_id, CASE WHEN country = 'CZ' THEN email ELSE sha2(email, 256) END AS email_cz FROM customers"), "mask_or_not")
w(spark.sql("SELECT sha2(c.email, 256) AS k, o.amount FROM customers c JOIN orders o ON md5(CAST(c.customer_id AS STRING)) = md5(CAST(o.customer_id AS STRING))"), "join_on_hash")
w(spark.sql("SELECT k, first(e) AS e2 FROM (SELECT sha2(email, 256) AS k, email AS e FROM customers) GROUP BY k"), "hash_then_leak")
spark.stop()
