"""Where files are written to and read from: a folder on this machine, or a prefix in S3; and packed files.

All of it is `file_storage`. Not here: the S3 client itself, which is `aws_bridge.s3`, and the formats of the files.
"""
