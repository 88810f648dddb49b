"""Where files are written to and read from: a folder on this machine, or a prefix in S3; and packed files.

Not here: the S3 client itself, which is `aws_bridge.s3`. Read `places` first.
"""
