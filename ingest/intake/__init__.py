"""What may come in: the bytes of a request or of a file, until they are an entry for the ledger.

Here: bounds on size, unpacking, parsing, validating, redacting (`intake`, read this first), and files for `headwater
load` (`loading`). Not here: HTTP itself, and writing to the ledger.
"""
