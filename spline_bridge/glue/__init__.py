"""AWS Glue jobs: how an agent is attached to a job and detached again, and why lineage is missing.

    attach      the arguments of a job with an agent and without it; read this first
    chain       the value of ``--conf``, in which Glue takes several Spark settings
    versions    which agent fits which Glue version
    masking     arguments shown to people, without secrets
    status, findings   whether a job reports lineage, in one line; why it does not

Pure: plain data of the Glue API in, plain data out. Not here: the calls to AWS (`aws_bridge.glue`).
"""
