"""What talks to AWS, through boto3 (the extra `aws`). Decisions are not made here; they are in the pure packages."""
