"""The calls to AWS, through boto3 (the extra `aws`): Glue, S3, SNS, Neptune's bulk loader.

Not here: decisions, such as what to change in a Glue job; they are in the pure packages. Nor the graph store on
Neptune, which speaks Gremlin (`graphstore.neptune`).
"""
