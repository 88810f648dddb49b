CREATE OR REPLACE TABLE parquet.`/data/lake/pipe/ml/predictions.parquet` AS
SELECT customer_id, n_orders / 10.0 AS churn_score
FROM parquet.`/data/lake/pipe/ml/training_set.parquet`
