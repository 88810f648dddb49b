"""Where files are written to and read from: a folder on this machine, or a prefix in S3; and packed files.

Read `file_storage` first. `file_names` says which names from outside may become a path; `yaml_file` reads YAML; `user`
is who runs this process. Not here: the S3 client itself, which is `aws_bridge.s3`, and the formats of the files.
"""
