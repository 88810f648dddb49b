"""AWS Glue jobs: what attaches an agent to a job, what takes it off again, why lineage is missing.

Pure: plain data of the Glue API in, plain data out. The calls are made by `aws_bridge.glue`.
"""
